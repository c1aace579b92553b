"""What a finished folder holds: every file with its size and hash, and what of it no longer agrees."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path


def list_files(folder: Path) -> dict[str, dict]:
    """Every file in a folder by its path inside it (forward slashes), with `bytes` and the hash `blake2b`."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): describe(path) for path in paths}


def stamp(folder: Path) -> str:
    """A hash of the names, sizes and times of all files in a folder, that changes when one of them does.

    Links are followed, each folder once; what cannot be read counts as empty.
    """
    digest = hashlib.blake2b(digest_size=16)
    waiting = [os.fspath(folder)]
    visited = set()
    while waiting:
        place = waiting.pop()
        with contextlib.suppress(OSError):
            facts = os.stat(place)
            if (facts.st_dev, facts.st_ino) in visited:
                continue
            visited.add((facts.st_dev, facts.st_ino))
            with os.scandir(place) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.is_dir():
                        waiting.append(entry.path)
                        continue
                    facts = entry.stat()
                    name = os.path.relpath(entry.path, folder)
                    digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def describe(path: Path) -> dict:
    """Size and hash of one file."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    return {"bytes": path.stat().st_size, "blake2b": digest}


def damage(folder: Path, listed: Mapping[str, dict], hashes: bool = False) -> list[str]:
    """What of the `listed` files is no longer as `list_files` found it, a sentence each; hashes only where asked."""
    problems = []
    for name, facts in listed.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif (size := path.stat().st_size) != facts["bytes"]:
            problems.append(f"{name} has {size} bytes, expected {facts['bytes']}")
        elif hashes and describe(path)["blake2b"] != facts["blake2b"]:
            problems.append(f"{name} does not have the content it was written with")
    return problems
