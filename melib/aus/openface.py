"""Read the CSV files of OpenFace 2: sequences (FeatureExtraction) and single images (FaceLandmarkImg)."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from melib.aus.table import HIGHEST, KINDS, NAMES, AUError, Measurements, log, make_measurements, read_codes
from melib.corpus.demo.openface import FOLDER, SOURCE, write_openface
from melib.corpus.demo.write import MARKER
from melib.corpus.frames import list_frames
from melib.home import resolve

LAYOUTS = {  # how the header starts, without blanks
    "sequence": ["frame", "face_id", "timestamp", "confidence", "success"],
    "image": ["face", "confidence"],
}
AU_COLUMN = re.compile(r"AU\d\d_[rc]")  # "contains _r" would also find p_rx, p_ry and p_rz
CODES = "codes"  # stands for the coders' own AUs where a folder is named
CONFIDENCE = 0.75  # of the tracker; frames below it are left out
NO_NUMBER = ["", "nan", "NaN", "-nan", "-nan(ind)", "nan(ind)", "inf", "-inf"]


class File(NamedTuple):
    """One CSV: the good `frames` of one face (rows: frame from 1, images 1; columns AU01_r ..), its `layout`, how many
    frames it covers, and why how many rows were left out."""

    frames: pd.DataFrame
    layout: str
    covers: int
    lost: Counter


def read_aus(root: str | Path, index: pd.DataFrame, au_folder: str | None = None) -> Measurements:
    """The AUs of the clips of `index`: of OpenFace's files in `au_folder` (`read_openface`), or where that is "codes",
    as the datasets' coders noted them (`table.read_codes`)."""
    if au_folder == CODES:
        return read_codes(index)
    return read_openface(root, index, resolve(au_folder) if au_folder else None)


def read_openface(
    root: str | Path, index: pd.DataFrame, folder: str | Path | None = None, confidence: float = CONFIDENCE
) -> Measurements:
    """The AUs of the clips of `index`, from `folder` (default: `openface` in the data root; a demo corpus writes it).

    `<clip_id>.csv` is a sequence, its frame k the k-th by number in the clip's folder; `<clip_id>/<name of the
    frame>.csv` are single images. Rows that failed, with a value that is no number or out of range, and all faces but
    the one seen most often (then: most surely) are left out and counted. AUError where nothing is left, and where
    sequences meet images: OpenFace calibrates the former over the clip, so that their values do not compare.
    """
    root = Path(root)
    if folder is None and (root / MARKER).is_file():
        folder = write_openface(root)
    folder = Path(folder or root / FOLDER)
    if not folder.is_dir():
        raise AUError(
            f"There is no folder {folder}. Make it with melib.aus.extract.run_openface, or name the right one. "
            "Notebooks 02 and 03 also take the coders' own AUs: au_folder = codes."
        )
    facts = {"tool": "OpenFace", "tool_version": "2", "in_order": False}
    if (folder / SOURCE).is_file():
        facts |= json.loads((folder / SOURCE).read_text(encoding="utf-8"))
    clips = {}
    left_out = []
    layouts = set()
    jumbled = 0
    for row in index.itertuples():
        try:
            files, numbers, in_order = _read_clip(root, folder, row, confidence)
        except AUError as error:
            left_out.append((row.clip_id, str(error), 0))
            continue
        jumbled += not (in_order or facts["in_order"])
        layouts |= {file.layout for file in files}
        for reason, count in sum((file.lost for file in files), Counter()).items():
            left_out.append((row.clip_id, reason, count))
        frames = pd.concat(file.frames.set_axis(file.frames.index + k) for k, file in enumerate(files))
        if len(frames):
            clips[row.clip_id] = frames.set_axis(np.array(numbers)[frames.index - 1])
    if len(layouts) > 1:
        raise AUError(f"{folder} holds files of sequences and of images, whose AUs do not compare. Keep one kind.")
    if jumbled:
        log.warning(
            "AUs: in %d clips the frames' names sort differently as text and as numbers; OpenFace's -fdir goes by the "
            "text and jumbles such clips. melib.aus.extract.run_openface does not.", jumbled,
        )  # fmt: skip
    return make_measurements(clips, left_out, (facts["tool"], f"{facts['tool_version']} {' '.join(layouts)}"), index)


def _read_clip(root: Path, folder: Path, row, confidence: float) -> tuple[list[File], list[int], bool]:
    """The files of a clip, the numbers of their frames, and whether these sort alike as text and as numbers."""
    sequence = folder / f"{row.clip_id}.csv"
    paths = [sequence] if sequence.is_file() else sorted((folder / row.clip_id).glob("*.csv"))
    if not paths:
        raise AUError("no AU file")
    files = [read_file(path, confidence) for path in paths]
    if files[0].layout == "sequence":
        return files, *_frame_numbers(root / row.folder, row, files[0].covers)
    return files, [int(re.findall(r"\d+", f"0{path.stem}")[-1]) for path in paths], True


def read_file(path: str | Path, confidence: float = CONFIDENCE) -> File:
    """Read one CSV, with or without blanks in its header and other columns.

    AUError for a file that is empty or cut short, of another version, or without the 17 intensities.
    """
    from pyarrow import ArrowInvalid, csv, float64

    with open(path, encoding="utf-8-sig", errors="replace") as file:
        names = {name.strip(): name for name in file.readline().rstrip("\r\n").split(",")}
    layout = next((key for key, start in LAYOUTS.items() if list(names)[: len(start)] == start), None)
    if layout is None:
        older = "of OpenFace 0 or 1, whose AUs differ: run OpenFace 2" if "timestamp" in names else "not of OpenFace 2"
        raise AUError(f"the header {', '.join(list(names)[:5])} is {older}")
    if missing := [f"{name}_r" for name in NAMES if f"{name}_r" not in names]:
        raise AUError(f"no columns {', '.join(missing)}: run OpenFace with -aus")
    wanted = [*LAYOUTS[layout], *filter(AU_COLUMN.fullmatch, names)]
    types = {names[name]: float64() for name in wanted}
    options = csv.ConvertOptions(include_columns=list(types), column_types=types, null_values=NO_NUMBER)
    try:
        table = csv.read_csv(path, convert_options=options)
    except ArrowInvalid as error:
        raise AUError("a line is cut short or holds text instead of a number") from error
    return _good_rows(np.column_stack([column.to_numpy() for column in table.columns]), wanted, layout, confidence)


def _good_rows(rows: np.ndarray, names: list[str], layout: str, confidence: float) -> File:
    """What of a file's `rows` (F, columns `names`) can be used."""
    start = len(LAYOUTS[layout])
    head = dict(zip(names[:start], rows.T, strict=False))
    values = rows[:, start:]
    names = names[start:]
    face = head.get("face_id", head.get("face"))
    frame = head.get("frame", np.ones(len(rows)))
    highest = [HIGHEST[KINDS[name[-1]]] for name in names]
    good = np.ones(len(rows), bool)
    lost = Counter()
    for reason, bad in (
        ("tracking failed", ~(head["confidence"] >= confidence) | (head.get("success", 1) != 1)),
        ("a value is no number", np.isnan(values).any(1)),
        ("a value is out of range", ((values < 0) | (values > highest)).any(1)),
    ):
        lost[reason] = int((good & bad).sum())
        good &= ~bad
    seen = [
        (int((good & (face == one)).sum()), head["confidence"][good & (face == one)].sum(), -one)
        for one in set(face[good])
    ]
    others = good & (face != -max(seen)[2]) if seen else ~good
    lost["another face in the picture"] = int((good & others).sum())
    lost["no face found"] = int(not len(rows))
    frames = pd.DataFrame(values[good & ~others], frame[good & ~others].astype(int), names)
    return File(frames, layout, int(frame.max(initial=0)), +lost)


def _frame_numbers(folder: Path, row: tuple, covers: int) -> tuple[list[int], bool]:
    """Frame numbers of a clip as its file counts them, and whether its frames' names sort by number."""
    frames = list_frames(folder) if folder.exists() else {}
    if len(frames) == covers:
        names = [path.name for path in frames.values()]
        return list(frames), names == sorted(names)
    if not (pd.isna(row.onset) or pd.isna(row.offset)) and row.offset - row.onset + 1 == covers:
        return list(range(int(row.onset), int(row.offset) + 1)), True
    raise AUError("its number of frames is neither that of the clip's folder nor that from onset to offset")
