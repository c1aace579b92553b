"""A cache folder that is never half-valid: arrays that grow, a journal of what is wholly there, a lock."""

from __future__ import annotations

import fcntl
import json
import logging
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

log = logging.getLogger(__name__)


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
    """The entries of the whole blocks that were finished; blocks stay aligned, so that a resumed run batches alike."""
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
