"""Where relative paths start, where unfinished work lies, and how a file appears whole or not at all."""

import os
import re
from pathlib import Path


def home() -> Path:
    """The nearest folder at or above the current one that holds the workbook's notebooks, else the current one."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks" / "04_training_brl.ipynb").is_file():
            return folder
    return here


def resolve(path: str | Path) -> Path:
    """An absolute path; a relative one starts at `home()`."""
    path = Path(path).expanduser()
    return path if path.is_absolute() else home() / path


DEMO = re.compile(r"(tiny|demo)(?:-seed(\d+))?(?:-shift-(\w+))?")  # names of demo corpora


def corpus_folder(corpus: str) -> Path:
    """The folder that a `corpus` parameter names: a demo corpus below `data/`, else a path."""
    return resolve("data") / corpus if DEMO.fullmatch(corpus) else resolve(corpus)


def find(path: str | Path) -> Path:
    """What a user names on a command line: from the current folder where it is there, else as `resolve` has it."""
    here = Path(path).expanduser().absolute()
    return here if here.exists() else resolve(path)


def work_folder(folder: Path) -> Path:
    """Where a run keeps what it needs until `folder` is done: lock, notebook, checkpoint, progress, error line."""
    return folder.parent / ".work" / folder.name


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it: a reader, or a crash, finds the old or the new content."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
