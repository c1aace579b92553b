"""Scan a data root: which of the five datasets it holds, their index, and everything a user should know about them."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from melib.corpus.findings import Finding, few
from melib.corpus.frames import list_frames
from melib.corpus.index import DATASETS, PRINT_NAMES, TABLE1, CorpusError, class_counts, make_index
from melib.corpus.layouts import LAYOUTS, dataset_of
from melib.corpus.mapping import label_of
from melib.corpus.places import explore, find_datasets, list_entries
from melib.corpus.readers import read_dataset

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scan:
    """What a data root holds: `index` of all clips that have frames, `findings`, and per dataset its `editions`."""

    root: Path
    index: pd.DataFrame
    findings: list[Finding]
    editions: dict[str, str]


def scan(
    root: str | Path, datasets: Iterable[str] | None = None, mapping: str = "table1", contempt: bool = False
) -> Scan:
    """Read every dataset of a data root; problems of the data become findings and never raise.

    `datasets` are those that must be there (default: any of the five); `mapping` and `contempt` as in `label_of`.
    Raises CorpusError for the name of a dataset or a mapping that does not exist.
    """
    root = Path(root)
    label_of("SMIC", "positive", mapping)  # an unknown mapping is no problem of the data
    wanted = DATASETS if datasets is None else [name for name in DATASETS if name in _known(datasets)]
    places = find_datasets(root) if root.is_dir() else {}
    if not set(places) & set(wanted):
        return Scan(root, make_index([]), [_nothing_there(root, wanted)], {})
    rows, findings, editions = [], [], {}
    for dataset in wanted:
        if dataset in places:
            found, log_of_it, editions[dataset] = read_dataset(root, dataset, places[dataset], mapping, contempt)
            rows += found
            findings += log_of_it.findings()
        else:
            findings.append(_absent(root, dataset, asked=datasets is not None))
    index = make_index(rows)
    if mapping == "table1" and not contempt:
        findings += _compare_counts(index, editions)
    return Scan(root, index, findings, editions)


def read_index(root: str | Path, datasets: Iterable[str] | None = None, **kw) -> pd.DataFrame:
    """The index of a data root, see `melib.corpus.index`; takes what `scan` takes.

    Warnings go to the log. Raises CorpusError with every error found and its remedy.
    """
    result = scan(root, datasets, **kw)
    for finding in result.findings:
        if finding.level == "warning":
            log.warning("%s", finding)
    errors = [str(finding) for finding in result.findings if finding.level == "error"]
    if errors:
        raise CorpusError("\n".join([f"The data in {root} cannot be used yet:", *errors]))
    return result.index


def fingerprint(root: str | Path, index: pd.DataFrame) -> str:
    """Name the content of an index and of its labelled clips' frames: 32 hex digits, wherever the data root lies.

    Frames enter with their names and all of their bytes. Notes do not enter: they tell of repairs that the other
    columns already hold.
    """

    def folder_hash(folder: str) -> bytes:
        digest = hashlib.blake2b(digest_size=16)
        for path in list_frames(Path(root) / folder).values():
            content = path.read_bytes()
            digest.update(f"{path.name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.digest()

    total = hashlib.blake2b(
        index.drop(columns="notes").to_csv(index=False, lineterminator="\n").encode(), digest_size=16
    )
    with ThreadPoolExecutor(4) as pool:  # reading waits for the disk, hashing lets other threads run
        for digest in pool.map(folder_hash, index.loc[index["label"].notna(), "folder"]):
            total.update(digest)
    return total.hexdigest()


def _known(datasets: Iterable[str]) -> set[str]:
    """The names, all of them of datasets that exist."""
    names = {datasets} if isinstance(datasets, str) else set(datasets)
    for name in sorted(names - set(DATASETS)):
        near = [dataset_of(name) or "", *get_close_matches(name.upper(), DATASETS, 1)]
        hint = next((f"; did you mean {one}?" for one in near if one), "")
        raise CorpusError(f"Unknown dataset {name!r}; expected names of {', '.join(DATASETS)}{hint}")
    return names


def _nothing_there(root: Path, wanted: Iterable[str]) -> Finding:
    """Say why a data root holds none of the wanted datasets; look one level up and one down for the right folder."""
    looked = f"Looked for folders with names like {', '.join(PRINT_NAMES[name] for name in wanted)}"
    if not (root.is_dir() and os.access(root, os.R_OK | os.X_OK)):
        what = "does not exist" if not root.exists() else "cannot be opened as a folder"
        return Finding("error", "", str(root), f"The data root {what}.", f"Give the folder that holds them. {_tree()}")
    full = root.resolve()
    names = {folder: dataset_of(folder.name) for folder in (full, *full.parents[:3])}
    inner = next(filter(None, names.values()), None)
    if inner:
        folder = [folder for folder, name in names.items() if name == inner][-1]
        if explore(folder.parent, [folder.name], LAYOUTS[inner]).clips:
            levels = len(full.parts) - len(folder.parts) + 1
            message = f"{looked}; this is a part of one, {levels} level(s) too deep."
            return Finding("error", "", str(root), message, f"Give {folder.parent} instead.")
    folders = [name for name, is_folder in list_entries(root) if is_folder]
    for name in folders:
        if set(find_datasets(root / name)) & set(wanted):
            message = f"{looked}; they lie one level further down."
            return Finding("error", "", str(root), message, f"Give {root / name} instead.")
    return Finding("error", "", str(root), f"{looked}; found {few(folders) or 'no folders'}.", _tree())


def _tree() -> str:
    return "\n   ".join(["A data root looks like this, with any of the five:", *(x.tree for x in LAYOUTS.values())])


def _absent(root: Path, dataset: str, asked: bool) -> Finding:
    names = few([name for name, is_folder in list_entries(root) if is_folder])
    remedy = f"Expected:\n   {LAYOUTS[dataset].tree}" if asked else ""
    message = f"Not there: no folder with a name like {PRINT_NAMES[dataset]} among {names}."
    return Finding("error" if asked else "note", dataset, "", message, remedy)


def _compare_counts(index: pd.DataFrame, editions: dict[str, str]) -> list[Finding]:
    """A warning, with the table of emotions, for each dataset whose class counts are not those of Table 1."""
    findings = []
    for dataset, counts in class_counts(index).iterrows():
        if tuple(counts) != TABLE1[dataset]:
            emotions = index.loc[index["dataset"] == dataset, "emotion"].value_counts()
            table = ", ".join(f"{emotion} {count}" for emotion, count in sorted(emotions.items()))
            remedy = "Is the copy complete? Its own counts are used."
            if "2019 edition" in editions[dataset]:
                remedy = "Table 1 was made from the 2014 edition of the sheet. The counts of this one are used."
            message = f"{triple(counts)} clips instead of Table 1's {triple(TABLE1[dataset])}; emotions: {table}."
            findings.append(Finding("warning", str(dataset), "", message, remedy))
    return findings


def triple(counts: Iterable[int]) -> str:
    """Counts of the classes as one writes them: positive/negative/surprise."""
    return "/".join(map(str, counts))
