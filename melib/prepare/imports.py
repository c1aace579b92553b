"""Pictures that others made of clips, with a table of labels, as a folder of samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.frames import IMAGES, read_frame
from melib.corpus.index import CLASSES, CorpusError, dataset_name
from melib.corpus.mapping import label_of
from melib.prepare.samples import Samples

# What the columns of such tables are called, in lower case.
COLUMNS = {
    "dataset": ("dataset",),
    "subject": ("subject", "sub"),
    "clip": ("clip", "filename", "filename_o"),
    "label": ("label",),
    "emotion": ("emotion",),
    "file": ("file", "image"),
}
# Public repositories of the flow networks hold 442 clips of MEGC2019 so: the table, the pictures, what its labels mean.
KNOWN = (
    "combined_3_class2_for_optical_flow.csv",
    "datasets/STSNet_whole_norm_u_v_os",
    ("negative", "positive", "surprise"),
)


def import_images(
    folder: str | Path,
    table: str | None = None,
    images: str | None = None,
    labels: Sequence[str] = (),
    mapping: str = "table1",
) -> Samples:
    """Samples with one picture per clip as `flow_image` (N, H, W, 3) uint8, in the order of the table's rows.

    Args:
        folder: a clone of a repository that lays its flow images out as HTNet's does, or any folder.
        table: of the folder, a CSV with dataset, subject, clip, and label (a class) or emotion (`mapping` makes classes
            of them); a column `file` names the picture, else it is <subject>_<clip> or <clip>, with any image ending.
        images: of the folder, where the pictures lie; default: the folder itself.
        labels: what the label numbers 0, 1, 2 stand for.

    Raises CorpusError where the table or a column is missing, a label is unknown, a clip has no picture or several, and
    where pictures are of several sizes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CorpusError(f"There is no folder {folder}. Give a clone, or a folder of pictures with a table.")
    if table is None and (folder / KNOWN[0]).is_file():
        table = KNOWN[0]
        images = images or KNOWN[1]
        labels = labels or KNOWN[2]
    if table is None:
        raise CorpusError(f"{folder} has no {KNOWN[0]}: name its table of clips (--table), a CSV in that folder.")
    rows = _read_table(_inside(folder, table))
    index = pd.DataFrame({"dataset": rows["dataset"].map(dataset_name)})
    index["subject"] = index["dataset"] + "/" + rows["subject"]
    index["clip_id"] = index["subject"] + "/" + rows["clip"]
    index["clip"] = rows["clip"]
    index["label"] = _classes(rows, index["dataset"], labels, mapping)
    files = _find_pictures(rows, _inside(folder, images or "."))
    pictures = [read_frame(path) for path in files]
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise CorpusError(f"The pictures are of {len(sizes)} sizes: {sorted(sizes)[:4]}. Bring them to one size.")
    return Samples(index, {"flow_image": np.stack(pictures)})


def _read_table(path: Path) -> pd.DataFrame:
    """The table's columns by their names in COLUMNS, as text: a subject 006 keeps its zeros."""
    if not path.is_file():
        raise CorpusError(f"There is no table {path}: a CSV with dataset, subject, clip and label was expected.")
    given = pd.read_csv(path, dtype=str, skipinitialspace=True, encoding="utf-8-sig")
    names = {name.strip().lower(): name for name in given.columns}
    columns = {}
    for name, spellings in COLUMNS.items():
        present = [names[spelling] for spelling in spellings if spelling in names]
        if present:
            columns[name] = given[present[0]].str.strip()
    missing = [name for name in ("dataset", "subject", "clip") if name not in columns]
    if missing or not {"label", "emotion"} & set(columns):
        lacking = missing or ["label or emotion"]
        raise CorpusError(f"{path.name} lacks {lacking}; it has the columns {list(given.columns)}.")
    table = pd.DataFrame(columns)
    empty = table[["dataset", "subject", "clip"]].isna().any(axis=1)
    if empty.any():
        lines = (np.flatnonzero(empty) + 2).tolist()
        raise CorpusError(f"{path.name}: no dataset, subject or clip in lines {lines[:5]}. Fill them in.")
    return table


def _classes(rows: pd.DataFrame, datasets: pd.Series, labels: Sequence[str], mapping: str) -> list[str | None]:
    if "label" not in rows:
        return [label_of(*pair, mapping) for pair in zip(datasets, rows["emotion"], strict=True)]
    names = {str(number): name for number, name in enumerate(labels)} | {name: name for name in CLASSES}
    unknown = sorted(set(rows["label"].dropna().str.lower()) - set(names))
    if unknown or set(names.values()) - set(CLASSES):
        raise CorpusError(
            f"Labels {unknown} are no classes; expected {list(CLASSES)}. Say what numbers stand for, such as "
            "--labels negative,positive,surprise for 0, 1 and 2."
        )
    return [None if pd.isna(label) else names[label.lower()] for label in rows["label"]]


def _find_pictures(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """The picture of each row."""
    by_name: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGES:
            by_name.setdefault(path.stem.strip(), []).append(path)
            by_name.setdefault(path.relative_to(folder).as_posix(), []).append(path)
    files = []
    missing = []
    for row in rows.to_dict("records"):
        named = [row["file"], Path(row["file"]).stem.strip()] if isinstance(row.get("file"), str) else []
        wanted = [*named, f"{row['subject']}_{row['clip']}", row["clip"]]
        paths = next((by_name[name] for name in wanted if name in by_name), [])
        if len(paths) > 1:
            raise CorpusError(
                f"{row['clip']} has {len(paths)} pictures: {[str(path) for path in paths[:3]]}. Keep one."
            )
        files += paths
        missing += [] if paths else [wanted[-2]]
    if missing:
        raise CorpusError(
            f"{len(missing)} of {len(rows)} clips have no picture under {folder}, such as {missing[:3]}. Is the copy "
            "complete, and are the pictures named <subject>_<clip>?"
        )
    return files


def _inside(folder: Path, name: str) -> Path:
    """A path in the folder. Raises CorpusError for one that leads out of it."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise CorpusError(f"{name} leads out of {folder}. Name what lies in it.")
    return path
