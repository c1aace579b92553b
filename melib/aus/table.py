"""The AU table, whatever its source: one row per clip, frame and AU."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from melib.corpus.codes import parse_codes
from melib.corpus.demo.motion import OPENFACE_AUS as AUS
from melib.corpus.index import CorpusError, dataset_order

NAMES = tuple(f"AU{au:02d}" for au in AUS)  # of the 17 intensities of OpenFace, in its order
MEANING = {
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser", 6: "cheek raiser",
    7: "lid tightener", 9: "nose wrinkler", 10: "upper lip raiser", 12: "lip corner puller", 14: "dimpler",
    15: "lip corner depressor", 17: "chin raiser", 20: "lip stretcher", 23: "lip tightener", 25: "lips part",
    26: "jaw drop", 45: "blink",
}  # fmt: skip
KINDS = {"r": "intensity", "c": "presence"}  # OpenFace's names for them: AU01_r, AU01_c
SOURCE = ("tool", "tool_version")
HIGHEST = {"intensity": 5, "presence": 1}

log = logging.getLogger(__name__)


class AUError(CorpusError):
    """AU data that cannot be used; the message says what came, what was expected and what to do."""


@dataclass(frozen=True)
class Measurements:
    """AUs of a corpus: `table` (clip_id, frame, au, value, kind, tool, tool_version), and what was left out of it:
    `left_out` (clip_id, reason, frames)."""

    table: pd.DataFrame
    left_out: pd.DataFrame


def make_measurements(
    clips: dict[str, pd.DataFrame], left_out: list[tuple], source: tuple, index: pd.DataFrame
) -> Measurements:
    """Join what one `source` (tool, version) read of each clip: frames in rows, columns AU01_r (0-5) and AU01_c (0-1).

    The log counts what was left out, and names the datasets of `index` with few or no AUs. AUError where nothing could
    be read or a value is out of range.
    """
    lost = pd.DataFrame(left_out, columns=["clip_id", "reason", "frames"])
    if not clips:
        raise AUError(f"None of {len(index)} clips has AU data. {'. '.join(lost['reason'].unique()[:3])}")
    rows = pd.concat(clips, names=["clip_id", "frame"])
    row, column = np.nonzero(rows.notna())
    columns = {
        "clip_id": pd.Categorical.from_codes(rows.index.codes[0][row], rows.index.levels[0]),
        "frame": rows.index.get_level_values("frame")[row],
        "au": np.array([int(name[2:4]) for name in rows])[column],
        "value": rows.to_numpy(float)[row, column],
        "kind": pd.Categorical(np.array([KINDS[name[-1]] for name in rows])[column], list(HIGHEST)),
    }
    constant = {name: pd.Categorical([value]).repeat(len(row)) for name, value in zip(SOURCE, source, strict=True)}
    table = pd.DataFrame(columns | constant)
    strange = table[(table["value"] < 0) | (table["value"] > table["kind"].map(HIGHEST).astype(float))]
    if len(strange):
        raise AUError(
            f"{len(strange)} values out of range, such as {strange.iloc[0].to_dict()}; expected 0 to {HIGHEST}."
        )
    measured = Measurements(table, lost)
    level = logging.INFO if "(synthetic)" in source[0] else logging.WARNING  # the demo's lost frames are meant
    for reason, frames in lost.groupby("reason")["frames"].agg(["size", "sum"]).iterrows():
        log.log(level, "AUs: %s (%d clips, %d frames left out)", reason, frames["size"], frames["sum"])
    for row in coverage(measured, index).query("with_aus < clips").itertuples():
        log.log(level, "AUs: %s has them for %d of its %d clips", row.Index, row.with_aus, row.clips)
    return measured


def coverage(measured: Measurements, index: pd.DataFrame) -> pd.DataFrame:
    """Per dataset of the index: clips, clips with AUs, frames left out."""
    lost = index["clip_id"].map(measured.left_out.groupby("clip_id")["frames"].sum()).fillna(0)
    table = index.assign(with_aus=index["clip_id"].isin(measured.table["clip_id"].cat.categories), frames_left_out=lost)
    counts = table.groupby("dataset").agg({"clip_id": "size", "with_aus": "sum", "frames_left_out": "sum"}).astype(int)
    return counts.rename(columns={"clip_id": "clips"}).reindex(dataset_order(counts.index))


def read_codes(index: pd.DataFrame) -> Measurements:
    """The AUs that the datasets' own coders noted, as presences: none at the onset, those of the codes at the apex, or
    next to the onset where no apex is known.

    An AU of the 17 that is not in a clip's codes counts as absent. Of alternatives ("R12 or R14") the first is taken.
    Letters of intensity (A to E), which few clips have, are not used. Clips without codes of these AUs, or with their
    apex on the onset, are left out.
    """
    clips = {}
    left_out = []
    for row in index.itertuples():
        text = "" if pd.isna(row.au_codes) else str(row.au_codes)
        codes = parse_codes(text)
        frame = row.onset + 1 if pd.isna(row.apex) else row.apex
        if not text:
            left_out.append((row.clip_id, "no AU codes in the sheet", 0))
        elif not codes:
            left_out.append((row.clip_id, f"AU codes {text!r} in the sheet are not understood", 0))
        elif not {code.au for code in codes} & set(AUS):
            left_out.append((row.clip_id, f"AU codes {text!r} are none of the 17 AUs", 0))
        elif pd.isna(frame) or frame == row.onset:
            left_out.append((row.clip_id, "no apex apart from the onset", 0))
        else:
            values = {f"{name}_c": 0.0 for name in NAMES} | {f"AU{code.au:02d}_c": 1.0 for code in codes}
            frames = {} if pd.isna(row.onset) else {int(row.onset): dict.fromkeys(values, 0.0)}
            clips[row.clip_id] = pd.DataFrame.from_dict(frames | {int(frame): values}, "index")
    return make_measurements(clips, left_out, ("coders", "as annotated"), index)


def wide(measured: Measurements, kind: str) -> pd.DataFrame:
    """Rows (clip_id, frame), columns AU01.. of the 17 AUs; AUError where the tool does not give that kind for all,
    and where the values of two tools meet.
    """
    sources = measured.table[list(SOURCE)].drop_duplicates().to_numpy().tolist()
    if len(sources) > 1:
        raise AUError(f"AUs of {sources} in one table, whose values do not compare. Keep those of one.")
    table = measured.table[(measured.table["kind"] == kind) & measured.table["au"].isin(AUS)]
    values = table.pivot(index=["clip_id", "frame"], columns="au", values="value").reindex(columns=AUS)
    if values.isna().any(axis=None) or values.empty:
        absent = [f"AU{au:02d}" for au in AUS if values[au].isna().any() or values.empty]
        tool = ", ".join(measured.table["tool"].unique())
        raise AUError(
            f"{tool} gives no {kind} for {', '.join(absent)}: take a table that has all 17. "
            "Notebooks 02 and 03 also take the coders' own AUs: au_folder = codes."
        )
    return values.set_axis(NAMES, axis=1)
