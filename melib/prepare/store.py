"""A cache folder that is never half-valid: an array that grows, a journal of what is wholly there, a lock."""

from __future__ import annotations

import fcntl
import json
import logging
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from melib.files import damage, describe
from melib.folder import DamagedError
from melib.home import write_whole

log = logging.getLogger(__name__)
MANIFEST = "made.json"  # written last: a folder without it is unfinished
VALUES = "values.npy"
INDEX = "index.parquet"


class Filling:
    """A cache folder that is being filled, a block of entries at a time; it goes on behind the last whole block.

    Args:
        folder: of the cache; made where it is not there.
        block: how many entries are added together. Blocks stay aligned, so that a resumed filling batches alike.
        shape: of one entry's part of the array, with its `dtype`; None where the folder holds entries alone.
    """

    def __init__(self, folder: Path, block: int, shape: tuple[int, ...] | None = None, dtype: str = "uint8"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.entries = read_journal(folder / "journal.jsonl", block)
        self.values = None if shape is None else open_array(folder / VALUES, len(self.entries), shape, self.dtype)
        self.journal = open(folder / "journal.jsonl", "wb")  # noqa: SIM115 - `close` closes it
        self.journal.writelines(map(journal_line, self.entries))

    def add(self, entries: list[dict], values: np.ndarray | None = None) -> None:
        """Add entries, and the array's part of each."""
        if self.values is not None:
            self.values.write(np.ascontiguousarray(values, dtype=self.dtype).data)
            self.values.flush()
        self.journal.writelines(map(journal_line, entries))  # last: what it names is wholly there
        self.journal.flush()
        self.entries += entries

    def finish(self, **facts: object) -> None:
        """Say how long the array has become, and close the folder with a manifest of `facts` and files."""
        if self.values is not None:
            self.values.seek(0)
            self.values.write(array_header(len(self.entries), self.shape, self.dtype))
        self.close()
        files = {name: describe(self.folder / name) for name in (INDEX, VALUES) if (self.folder / name).is_file()}
        write_whole(self.folder / MANIFEST, json.dumps({**facts, "files": files}, indent=1).encode())
        (self.folder / "journal.jsonl").unlink()

    def close(self) -> None:
        self.journal.close()
        if self.values is not None:
            self.values.close()


def is_made(folder: Path) -> bool:
    """Whether a cache folder is finished."""
    return (folder / MANIFEST).is_file()


def read_made(folder: Path) -> dict:
    """The manifest of a finished cache folder. Raises DamagedError where it, or a file, is damaged."""
    try:
        facts = json.loads((folder / MANIFEST).read_text())
        problems = damage(folder, facts["files"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problems = [f"{MANIFEST} cannot be read ({error})"]
    if problems:
        raise DamagedError(f"{folder} is damaged: {problems[0]}. Remove it: it is made again when it is next needed.")
    return facts


def check_cache(cache: Path) -> list[str]:
    """What of the finished folders under `cache` is no longer as it was written, by content, a sentence a file."""
    problems = []
    for path in sorted(cache.rglob(MANIFEST)):
        try:
            files = read_made(path.parent)["files"]
            problems += [f"{path.parent}: {problem}" for problem in damage(path.parent, files, hashes=True)]
        except DamagedError as error:
            problems.append(str(error))
    return problems


def array_header(length: int, shape: tuple, dtype: np.dtype) -> bytes:
    """The .npy header of an array (length, *shape); NumPy pads it, so that its size does not depend on `length`."""
    buffer = BytesIO()
    description = {"descr": dtype.str, "fortran_order": False, "shape": (length, *shape)}
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


def open_array(path: Path, kept: int, shape: tuple, dtype: np.dtype) -> BinaryIO:
    """A growing .npy file, open behind its first `kept` entries; what lies beyond them is cut off."""
    header = array_header(0, shape, dtype)
    file = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 - the caller closes it
    file.write(header)
    file.truncate(len(header) + kept * dtype.itemsize * int(np.prod(shape)))
    file.seek(0, 2)
    return file


def journal_line(entry: dict) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def read_journal(path: Path, block: int) -> list[dict]:
    """The entries of the whole blocks that were finished."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines[: len(lines) // block * block]]


@contextmanager
def locked(folder: Path):
    """Hold the folder alone; a second user waits. The system drops the lock of a process that dies."""
    with open(folder / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("Waiting for another process that prepares %s.", folder)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
