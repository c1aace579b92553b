"""What the datasets hold: Table 1 of the paper, and what it leaves out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES, TABLE1, class_counts, dataset_order, print_name
from melib.prepare.apex import SPOT_SIZE, motion_curve
from melib.prepare.clip import Clip
from melib.prepare.faces import crop
from melib.prepare.samples import Samples

MEASURES = {
    "frames": "frames from onset to offset",
    "ms": "duration (ms)",
    "apex": "apex position (% of the clip)",
    "motion": "motion (% of face width)",
}


def clip_facts(samples: Samples) -> pd.DataFrame:
    """One row per clip: clip_id, dataset, subject, label, fps and the MEASURES, missing where the samples lack them.

    frames counts onset and offset in, ms is the time between the two, apex is 0 % at the onset and 100 % at the offset.
    motion is the 95th percentile over the face of the length of the onset-to-apex flow, in % of face width (times 2.24
    for pixels of a face 224 wide): only a part of a face moves, and a mean would dilute it.
    """
    index = samples.index
    facts = index[["clip_id", "dataset", "subject", "label"]].reset_index(drop=True)
    facts[["fps", *MEASURES]] = np.nan
    if {"onset", "apex", "offset", "fps"} <= set(index.columns):
        numbers = index[["onset", "apex", "offset", "fps"]].to_numpy(dtype=float, na_value=np.nan)
        onset, apex, offset, fps = numbers.T
        facts["fps"] = fps
        facts["frames"] = offset - onset + 1
        facts["ms"] = 1000 * (offset - onset) / fps
        facts["apex"] = 100 * (apex - onset) / np.where(offset > onset, offset - onset, np.nan)
    if "flow" in samples.arrays:
        flow = samples.arrays["flow"]
        length = [np.percentile(np.linalg.norm(one.astype(np.float32), axis=0), 95) for one in flow]
        facts["motion"] = 100 * np.array(length) / flow.shape[-1]
    return facts


def table1(index: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Table 1 and its extensions, a row per dataset, from all clips of a corpus and `clip_facts` of the prepared ones.

    Clips of each class (`class_counts`) and the paper's count (`paper_positive` ..., missing for other datasets),
    whether they agree; labelled clips, how many of them preparation skipped, subjects, fps; median, lowest and highest
    of each of the MEASURES.
    """
    labelled = index.dropna(subset=["label"])
    groups = facts.groupby("dataset")
    counts = class_counts(labelled)
    paper = pd.DataFrame(TABLE1, index=CLASSES).T.reindex(counts.index)
    table = counts.join(paper.add_prefix("paper_")).assign(as_paper=(counts == paper).all(axis=1))
    table["clips"] = labelled.groupby("dataset").size()
    table["skipped"] = table["clips"] - groups.size().reindex(table.index, fill_value=0)
    table["subjects"] = labelled.groupby("dataset")["subject"].nunique()
    table["fps"] = groups["fps"].median()
    for name in MEASURES:
        for suffix, how in (("", "median"), ("_min", "min"), ("_max", "max")):
            table[name + suffix] = groups[name].agg(how)
    return table.rename_axis("dataset").reset_index()


def unlike_paper(table: pd.DataFrame) -> list[str]:
    """The datasets of the paper's five whose class counts in `table1` are not the paper's."""
    return list(table.loc[table["paper_positive"].notna() & ~table["as_paper"], "dataset"])


def against_paper(table: pd.DataFrame) -> str:
    """How the class counts in `table1` stand to the paper's, in a sentence."""
    if table["paper_positive"].isna().all():
        return "None of these datasets is among the paper's five."
    unlike = ", ".join(map(print_name, unlike_paper(table)))
    return f"Not as in the paper: {unlike}." if unlike else "All counts that the paper states are met."


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """`table1` as printed, a column per dataset: the paper's counts in brackets, medians with their range."""
    columns = {}
    for row in table.to_dict("records"):
        stated = {name: row[f"paper_{name}"] for name in CLASSES}
        column = {
            f"{name} (paper)": f"{row[name]}" + ("" if pd.isna(count) else f" ({count:.0f})")
            for name, count in stated.items()
        }
        column |= {"clips": row["clips"], "of them skipped": row["skipped"], "subjects": row["subjects"]}
        if row["fps"] > 0:
            column["fps"] = f"{row['fps']:.0f}"
        for name, what in MEASURES.items():
            if row[name] >= 0:  # known
                form = ".1f" if name == "motion" else ".0f"
                column[what] = f"{row[name]:{form}} ({row[name + '_min']:{form}}–{row[name + '_max']:{form}})"
        if row["motion"] >= 0:
            column["motion (px of a face 224 wide)"] = f"{2.24 * row['motion']:.1f}"
        columns[print_name(row["dataset"])] = column
    return pd.DataFrame(columns)


def face_table(index: pd.DataFrame) -> pd.DataFrame:
    """How the faces of prepared clips were found, a row per dataset and method: clips, the median width of the box and
    its least and greatest, in pixels, and the greatest roll in degrees."""
    groups = index.groupby(["dataset", "face_method"], sort=False)
    table = groups.agg(
        clips=("clip_id", "size"),
        width=("face_w", "median"),
        width_min=("face_w", "min"),
        width_max=("face_w", "max"),
        roll=("face_angle", lambda angles: angles.abs().max()),
    )
    return table.reset_index()


def typical(facts: pd.DataFrame, label: str) -> list[str]:
    """Of each dataset the clip of this `label` whose motion is nearest to their median, in `dataset_order`."""
    rows = facts[facts["label"] == label].dropna(subset=["motion"])
    off = (rows["motion"] - rows.groupby("dataset")["motion"].transform("median")).abs()
    nearest = rows.loc[off.groupby(rows["dataset"]).idxmin()].set_index("dataset")["clip_id"]
    return [nearest[name] for name in dataset_order(nearest.index)]


def most_moving(facts: pd.DataFrame, subjects: int) -> list[str]:
    """The clip of greatest motion of each of the first `subjects` subjects of each dataset."""
    best = facts.sort_values("motion", ascending=False, kind="stable").drop_duplicates("subject")
    return best.sort_values("subject").groupby("dataset").head(subjects)["clip_id"].tolist()


def clearest(facts: pd.DataFrame, index: pd.DataFrame) -> str | None:
    """The clip of greatest motion among those with an annotated apex and frames that are no crops; None without any."""
    motion = facts["motion"].where((index["apex_source"] == "annotated") & ~index["cropped"])
    return index["clip_id"][motion.idxmax()] if motion.notna().any() else None


def frames_and_motion(root: str | Path, clip: pd.Series) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Frames onset to offset of a prepared `clip` (a row of its samples' index), (H, W, 3) by number, and how far the
    face in each has moved since the onset, in % of its width (T,)."""
    reader = Clip(root, clip)
    frames = {number: reader.frame(number) for number in reader.numbers}
    curve = motion_curve(np.stack([crop(frame, reader.face, SPOT_SIZE) for frame in frames.values()]))
    return frames, 100 * curve / SPOT_SIZE
