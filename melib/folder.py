"""Folders of results: complete or not there at all, and what made them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from melib.home import home, work_folder

PACKAGES = ("melib", "torch", "torchvision", "timm", "numpy", "pandas", "opencv-python")


def is_done(folder: Path) -> bool:
    """Whether a result's folder is complete."""
    return (folder / "done").is_file()


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
    (partial / "done").touch()
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
