"""Scan a data root: which datasets it holds, their index, and everything a user should know about them."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from melib.corpus.demo.write import MARKER
from melib.corpus.findings import Finding, few
from melib.corpus.frames import is_video, list_frames
from melib.corpus.index import (
    DATASETS,
    TABLE1,
    CorpusError,
    class_counts,
    dataset_name,
    dataset_order,
    doubtful_name,
    make_index,
    print_name,
)
from melib.corpus.layouts import LAYOUTS, dataset_of
from melib.corpus.mapping import label_of
from melib.corpus.own import SHEET, find_sheet, read_own
from melib.corpus.own import TREE as OWN_TREE
from melib.corpus.places import explore, find_datasets, list_entries
from melib.corpus.readers import read_dataset
from melib.errors import nearest

BESIDE = ("ground_truth", "openface")  # folders of a data root that are no datasets

# Class counts of complete copies whose sheet is not the one that Table 1 was made from.
EDITIONS = {
    "SMIC": {(51, 65, 41): "HS_long gives, whose sheet has 157 rows"},
    "CASME": {(9, 54, 21): "the older sheet of 197 rows gives, row by row"},
    "CASME2": {(32, 69, 28): "the 2019 edition of the sheet gives; Table 1 was made from that of 2014"},
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scan:
    """What a data root holds: `index` of all clips that have frames, `findings`, and per dataset its `editions`."""

    root: Path
    index: pd.DataFrame
    findings: list[Finding]
    editions: dict[str, str]


def scan(root: str | Path, datasets: Iterable[str] | None = None, mapping: str = "table1") -> Scan:
    """Read every dataset of a data root; problems of the data become findings and never raise.

    `datasets` are those that must be there, in any spelling (default: whatever is there); `mapping` as in `label_of`.
    Raises CorpusError for a mapping that does not exist.
    """
    root = Path(root)
    label_of("SMIC", "positive", mapping)  # an unknown mapping is no problem of the data
    asked = None if datasets is None else _names(datasets)
    own_datasets, findings = _own_datasets(root)
    places = find_datasets(root, without=own_datasets.values())
    wanted = dataset_order({*DATASETS, *own_datasets} if asked is None else asked)
    if not {*places, *own_datasets}:
        return Scan(root, make_index([]), [*findings, _nothing_there(root, wanted)], {})
    rows = []
    editions = {}
    for dataset in wanted:
        if dataset in own_datasets:
            read = read_own(root, dataset, own_datasets[dataset], mapping)
        elif dataset in places:
            read = read_dataset(root, dataset, places[dataset], mapping)
        else:
            findings.append(_absent(root, dataset, asked is not None, {*places, *own_datasets}))
            continue
        rows += read[0]
        findings += read[1].findings()
        editions[dataset] = read[2]
    index = make_index(rows)
    if mapping == "table1":
        incomplete = {finding.dataset for finding in findings if finding.level == "warning" and finding.lacks_frames}
        findings += _compare_counts(index, editions, incomplete)
    return Scan(root, index, findings, editions)


def read_index(root: str | Path, datasets: Iterable[str] | None = None, **kw) -> pd.DataFrame:
    """The index of a data root, see `melib.corpus.index`; takes what `scan` takes.

    A dataset with an error is left out, which the log says, unless it is one of `datasets`. Warnings go to the log, of
    a demo corpus as information. Raises CorpusError with every error found and its remedy where nothing is left or a
    named dataset has one.
    """
    result = scan(root, datasets, **kw)
    errors = [finding for finding in result.findings if finding.level == "error"]
    broken = {finding.dataset for finding in errors}
    index = result.index[~result.index["dataset"].isin(broken)].reset_index(drop=True)
    if errors and (datasets is not None or "" in broken or index.empty):
        raise CorpusError("\n".join([f"The data in {root} cannot be used yet:", *map(str, errors)]))
    for dataset in dataset_order(broken):
        reasons = " ".join(str(replace(finding, dataset="")) for finding in errors if finding.dataset == dataset)
        log.error("%s IS LEFT OUT, because of errors that `melib doctor` lists: %s", print_name(dataset), reasons)
    level = logging.INFO if (Path(root) / MARKER).is_file() else logging.WARNING  # the demo's quirks are meant
    for finding in result.findings:
        if finding.level == "warning" and finding.dataset not in broken:
            log.log(level, "%s", finding)
    return index


def fingerprint(root: str | Path, index: pd.DataFrame) -> str:
    """Name the content of an index and of its labelled clips' frames: 32 hex digits, wherever the data root lies.

    Frames enter with their names and all of their bytes. Notes do not enter: they record repairs that the other
    columns already hold.
    """

    def folder_hash(folder: str) -> bytes:
        digest = hashlib.blake2b(digest_size=16)
        place = Path(root) / folder
        for path in [place] if is_video(place) else list_frames(place).values():
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


def _names(datasets: Iterable[str]) -> list[str]:
    """The datasets in code, from names in any spelling."""
    return [dataset_name(name) for name in ([datasets] if isinstance(datasets, str) else datasets)]


def _own_datasets(root: Path) -> tuple[dict[str, str], list[Finding]]:
    """The datasets of one's own in a data root, with their folders; and what is to be said of other folders."""
    sheets: dict[str, str] = {}
    findings = []
    unread = []
    try:
        folders = [name for name, is_folder in list_entries(root) if is_folder]
    except OSError:
        return {}, []
    for name in folders:
        dataset = dataset_name(name)
        near = doubtful_name(name)
        sheet = find_sheet(root / name)
        if sheet and not near and dataset not in sheets:
            sheets[dataset] = name
        elif sheet:
            what = f"is nearly that of {print_name(near)}" if near else f"names the same dataset as {sheets[dataset]}"
            remedy = "Rename the folder: to that dataset's name, if it is it, else to a name less like it."
            findings.append(Finding("error", dataset, name, f"The folder's name {what}; not read.", remedy))
        elif near and not dataset_of(name):
            remedy = f"Is it {print_name(near)}? Name it so. Another dataset needs a {SHEET} (docs: DATASETS.md)."
            findings.append(Finding("warning", "", name, f"The name is nearly {print_name(near)}; not read.", remedy))
        elif not dataset_of(name) and name not in BESIDE:
            unread.append(name)
    if unread:
        message = f"Folders that are not read: not named after one of the paper's datasets, and without {SHEET}."
        others = [name for name in unread if any((root / name).glob("[cC]lips.*"))]
        remedy = f"Save the table of clips in {few(others)} as {SHEET}." if others else ""
        findings.append(Finding("warning" if others else "note", "", few(unread), message, remedy))
    return sheets, findings


def _nothing_there(root: Path, wanted: Iterable[str]) -> Finding:
    """Say why a data root holds none of the wanted datasets; look one level up and one down for the right folder."""
    looked = f"Looked for folders with names like {', '.join(map(print_name, wanted))}, or with a {SHEET}"
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
    if find_sheet(root):
        return Finding("error", "", str(root), f"This folder is a dataset: it holds a {SHEET}.", f"Give {full.parent}.")
    folders = [name for name, is_folder in list_entries(root) if is_folder]
    for name in folders:
        if {*find_datasets(root / name), *_own_datasets(root / name)[0]} & set(wanted):
            message = f"{looked}; they lie one level further down."
            return Finding("error", "", str(root), message, f"Give {root / name} instead.")
    return Finding("error", "", str(root), f"{looked}; found {few(folders) or 'no folders'}.", _tree())


def _tree() -> str:
    return "\n   ".join(
        ["A data root looks like this, with any of these:", *(x.tree for x in LAYOUTS.values()), OWN_TREE]
    )


def _absent(root: Path, dataset: str, asked: bool, there: set[str]) -> Finding:
    folders = few([name for name, is_folder in list_entries(root) if is_folder])
    near = doubtful_name(dataset)
    hint = nearest(dataset, [near]) if near else "" if dataset in DATASETS else nearest(dataset, there)
    tree = LAYOUTS[dataset].tree if dataset in LAYOUTS else OWN_TREE
    remedy = f"{hint} Expected:\n   {tree}".lstrip() if asked else ""
    message = f"Not there: no folder with a name like {print_name(dataset)} among {folders}."
    return Finding("error" if asked else "note", dataset, "", message, remedy)


def _compare_counts(index: pd.DataFrame, editions: dict[str, str], incomplete: set[str]) -> list[Finding]:
    """What to say, with the table of emotions, of each dataset whose class counts are not those of Table 1.

    In `incomplete` datasets labelled clips of the sheet have no frames, so that the counts say nothing of the sheet.
    """
    findings = []
    for dataset, counts in class_counts(index).iterrows():
        if dataset not in TABLE1 or tuple(counts) == TABLE1[dataset]:
            continue
        emotions = index.loc[index["dataset"] == dataset, "emotion"].value_counts()
        table = ", ".join(f"{emotion} {count}" for emotion, count in sorted(emotions.items()))
        message = f"{triple(counts)} clips instead of Table 1's {triple(TABLE1[dataset])}; emotions: {table}."
        edition = "" if dataset in incomplete else EDITIONS.get(dataset, {}).get(tuple(counts), "")
        remedy = f"This is what {edition}." if edition else "Is the copy complete? Its own counts are used."
        if dataset in incomplete:
            remedy = "The copy is incomplete: clips of its sheet have no frames. Its own counts are used."
        if not edition and "2019 edition" in editions[dataset]:
            remedy += f" A complete one of this sheet has {triple(next(iter(EDITIONS[dataset])))}."
        findings.append(Finding("note" if edition else "warning", str(dataset), "", message, remedy))
    return findings


def triple(counts: Iterable[int]) -> str:
    """Counts of the classes as one writes them: positive/negative/surprise."""
    return "/".join(map(str, counts))
