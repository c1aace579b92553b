"""Where things lie: the datasets in a data root, and the clip folders and sheets in a dataset."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from melib.corpus.findings import Log
from melib.corpus.layouts import LAYOUTS, SKIP_FOLDERS, SKIP_SHEETS, Layout, Release, dataset_of
from melib.corpus.sheets import SUFFIXES

Key = tuple[int, str]  # number of the subject, clip name as `clip_key` writes it
DEPTH = 10  # folders below the data root
# What is said of links that are not followed: level, message, remedy.
OUTSIDE = (
    "warning", "A link that leads out of the data root; not followed.",
    "Put the folder itself there, or make the dataset's whole folder a link.",
)  # fmt: skip
AGAIN = ("note", "A link to a folder that is read already; not followed.", "")


@dataclass
class Tree:
    """What lies in a dataset's folders; paths are relative to the data root, with forward slashes."""

    clips: dict[str, dict[Key, list[str]]] = field(default_factory=dict)  # release path -> clip -> its folders
    sheets: list[str] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)  # left by Excel
    nested: set[str] = field(default_factory=set)  # folders inside a folder of the same name
    closed: dict[str, str] = field(default_factory=dict)  # folders that cannot be opened: why
    foreign: list[str] = field(default_factory=list)  # folders named after another dataset
    unread: list[str] = field(default_factory=list)  # files that are neither sheets nor lie in a clip's folder
    links: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # links that are not followed: why
    entries: int = 0


class Bounds:
    """Which links below a dataset's folder are followed: those that stay in the data root, to each folder once."""

    def __init__(self, root: Path, place: str):
        self.root = root.resolve()
        self.place = (root / place).resolve()
        self.visited: set[Path] = set()

    def refuse(self, folder: Path) -> tuple[str, str, str] | None:
        """Why a folder is not entered: OUTSIDE or AGAIN; None where it is."""
        if not folder.is_symlink():
            return None
        target = folder.resolve()
        if target in (self.root, self.place, *self.visited) or self.place in target.parents:
            return AGAIN
        if self.root not in target.parents:
            return OUTSIDE
        self.visited.add(target)
        return None


def list_entries(folder: Path) -> list[tuple[str, bool]]:
    """Names in a folder, sorted, and whether each is a folder; hidden ones are left out."""
    with os.scandir(folder) as entries:
        return sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))


def find_datasets(folder: Path, without: Collection[str] = ()) -> dict[str, list[str]]:
    """The entries that belong to each dataset by their names, for the datasets that have a folder among them.

    Entries named in `without` belong to none.
    """
    try:
        entries = list_entries(folder)
    except OSError:  # not ours to look into
        return {}
    owners = {name: dataset_of(name) for name, _ in entries if name not in without}
    present = {owners[name] for name, is_folder in entries if is_folder and name in owners} - {None}
    return {dataset: [name for name in owners if owners[name] == dataset] for dataset in present}


def clip_key(subject: str, clip: str) -> Key | None:
    """What a clip is found by, however sheet and folders pad its numbers; None where no subject can be read.

    SMIC, SAMM and MMEW begin a clip's name with its subject; in CASME names repeat across subjects.

    >>> clip_key("1", "EP02_01f"), clip_key("", "s01_ne_03")
    ((1, 'ep02_01f'), (1, 's1_ne_03'))
    """
    number = re.match("s?([0-9]+)", clip, re.IGNORECASE) or re.search("([0-9]+)", subject)
    return (int(number[1]), re.sub("^s0+", "s", clip.lower())) if number else None


def explore(root: Path, places: list[str], layout: Layout) -> Tree:
    """Walk a dataset's places (names in the data root) down to its clip folders, whose files are not looked at."""
    tree = Tree()
    clip_path = re.compile(f"(?:^|/){layout.clip}$", re.IGNORECASE)
    bounds = {place: Bounds(root, place) for place in places}
    todo = [""]
    while todo:
        parent = todo.pop()
        try:
            entries = list_entries(root / parent)
        except OSError as error:
            tree.closed[parent] = error.strerror or str(error)
            continue
        for name, is_folder in entries:
            path = f"{parent}/{name}".lstrip("/")
            if not parent and name not in places:
                continue
            tree.entries += bool(parent)
            if is_folder and parent and (reason := bounds[path.split("/")[0]].refuse(root / path)):
                tree.links[path] = reason
                continue
            if not is_folder:
                if name.lower().endswith(SUFFIXES):
                    if not re.search(SKIP_SHEETS, name, re.IGNORECASE):
                        (tree.locks if name.startswith("~$") else tree.sheets).append(path)
                else:
                    tree.unread.append(path)
                continue
            if parent and dataset_of(name) and LAYOUTS[dataset_of(name)] is not layout:
                tree.foreign.append(path)
                continue
            parts = path.split("/")
            once = [part for part, before in zip(parts, ["", *parts], strict=False) if part != before]
            match = clip_path.search("/".join(once))
            if match:
                # CASME's raw release comes in two sections, which are one release.
                release = re.sub("(/[^/]*(section|casme)[ _-]*[ab])+$", "", match.string[: match.start()], flags=re.I)
                key = clip_key(match.groupdict().get("subject", ""), match["clip"])
                tree.clips.setdefault(release, {}).setdefault(key, []).append(path)
            elif not re.fullmatch(SKIP_FOLDERS, name, re.IGNORECASE) and len(parts) < DEPTH:
                todo.append(path)
                if parts[-2:-1] == parts[-1:]:
                    tree.nested.add(path)
    return tree


def choose_release(tree: Tree, layout: Layout, log: Log) -> tuple[str, Release]:
    """The first of the layout's releases that is there; the others are noted."""
    kinds = {
        path: next(i for i, release in enumerate(layout.releases) if re.search(release.path, path, re.IGNORECASE))
        for path in tree.clips
    }
    chosen, *others = sorted(kinds, key=lambda path: (kinds[path], path))
    for path in others:
        message = f"Also there: {layout.releases[kinds[path]].name}, {len(tree.clips[path])} clips; not used."
        log.say("note", path, message, f"To use it, give a data root that holds {path} and not {chosen}.")
    return chosen, layout.releases[kinds[chosen]]
