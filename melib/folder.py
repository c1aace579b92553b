"""Folders of results: complete or not there at all, and what made them."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from melib.errors import InputError
from melib.files import damage, describe, list_files
from melib.home import home, work_folder, write_whole

PACKAGES = ("melib", "torch", "torchvision", "timm", "numpy", "pandas", "opencv-python")


def is_done(folder: Path) -> bool:
    """Whether a result's folder is complete."""
    return (folder / "done").is_file()


class DamagedError(InputError):
    """A finished folder whose files are no longer those it was finished with."""


def write_done(folder: Path) -> None:
    """Finish a folder: list its files with size and hash in `done`, which is written last."""
    (folder / "done").unlink(missing_ok=True)
    write_whole(folder / "done", json.dumps(list_files(folder), indent=1).encode())


def add_to_done(folder: Path, name: str) -> None:
    """List one more file of a finished folder; nothing where its `done` cannot be read, which is damage."""
    with suppress(OSError, ValueError):
        listed = json.loads((folder / "done").read_text())
        write_whole(folder / "done", json.dumps({**listed, name: describe(folder / name)}, indent=1).encode())


def check_done(folder: Path, hashes: bool = False) -> list[str]:
    """What of a finished folder is damaged, a sentence a file: by size, and by content where `hashes` are asked for."""
    try:
        listed = json.loads((folder / "done").read_text())
        return damage(folder, listed, hashes)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        return [f"done cannot be read ({error})"]


def require_whole(folder: Path) -> None:
    """Raise DamagedError where a finished folder is damaged, naming its first file and how to make it again."""
    if problems := check_done(folder):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise DamagedError(
            f"{folder} is damaged: {problems[0]}{more}. Remove it and run it again, or let `melib run GRID "
            "--remake-damaged` do so."
        )


def publish(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Let `fill` write into a folder in its work folder, add `done`, then rename it to `folder`; return that.

    A folder that is already done is left alone: same settings, same result.
    """
    if is_done(folder):
        return folder
    work = work_folder(folder)
    partial = work / f"partial-{platform.node()}-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    fill(partial)
    write_done(partial)
    if not is_done(folder):
        shutil.rmtree(folder, ignore_errors=True)  # what an interrupted copy of the folder may have left
    try:
        partial.rename(folder)
    except OSError:
        if not is_done(folder):  # someone else may have finished the same meanwhile
            raise
        shutil.rmtree(partial)
    shutil.rmtree(work / "training", ignore_errors=True)  # its checkpoints
    (work / "progress.json").unlink(missing_ok=True)
    with suppress(OSError):
        work.rmdir()  # a launcher's lock and notebook stay
    return folder


def made_with(device: object) -> dict:
    """When, on what and with which versions a result is made."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": str(device),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **{p: importlib.metadata.version(p) for p in PACKAGES}},
        **_revision(),
    }


def _revision() -> dict:
    """The git revision of the workbook and whether its tracked files were changed; None outside a checkout."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(home()), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return {"revision": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.CalledProcessError):
        return {"revision": None, "dirty": None}
