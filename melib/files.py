"""What a finished folder holds: every file with its size and hash, and what of it no longer agrees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def list_files(folder: Path) -> dict[str, dict]:
    """Every file in a folder by its path inside it (forward slashes), with `bytes` and the hash `blake2b`."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): describe(path) for path in paths}


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
