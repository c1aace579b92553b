"""A unit of a study, one notebook with its settings, and what the disk says of it."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from melib.folder import add_to_done, check_done, is_done
from melib.home import work_folder
from melib.study.lock import holder, next_number

STATES = ("planned", "running", "failed", "damaged", "done")


@dataclass(frozen=True)
class Unit:
    """A notebook with its settings: run once, it leaves `folder`, the file `done` in it last.

    `settings` gives the notebook's `parameters()`; where it has `threads` or `device`, the launchers heed them.
    `needs` are folders of other units, which must be done first.
    """

    notebook: Path
    settings: object
    folder: Path
    needs: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def work(self) -> Path:
        """Where its lock, notebook, checkpoint, progress and error line lie until it is done."""
        return work_folder(self.folder)

    @property
    def parameters(self) -> dict:
        """What papermill injects."""
        return self.settings.parameters()


@dataclass(frozen=True)
class State:
    """What the disk says of a unit: one of STATES, why or how far in words, and the part that is done, in [0, 1]."""

    state: str
    note: str = ""
    part: float = 0.0


def read_state(unit: Unit) -> State:
    """The unit's state, from its folder, its error line, its lock and its progress, in this order."""
    if is_done(unit.folder):
        problems = check_done(unit.folder)
        return (
            State("damaged", f"{problems[0]}; `melib run GRID --remake-damaged`")
            if problems
            else State("done", part=1.0)
        )
    error = read_text(unit.work / "error")
    if error:
        return State("failed", error)
    progress = read_progress(unit.work)
    far = f"epoch {progress['done']} of {progress['total']}" if progress else ""
    part = progress["done"] / progress["total"] if progress else 0.0
    if next_number(unit.work) is None:
        held = holder(unit.work)
        where = f"on {held.host}" if held else ""
        left = f"about {duration(progress['left'])} left" if progress else ""
        return State("running", ", ".join(filter(None, (far or "starting", left, where))), part)
    waits = [folder.name for folder in unit.needs if not (folder / "done").is_file()]
    if waits:
        return State("planned", f"waits for {', '.join(waits)}")
    return State("planned", f"was stopped after {far}" if far else "", part)


def read_progress(work: Path) -> dict | None:
    """How far a run says it is: `done` of `total` epochs, about `left` seconds to go; None before it says so."""
    try:
        return json.loads((work / "progress.json").read_text())
    except (OSError, ValueError):
        return None


def settle(folder: Path) -> None:
    """Move a done unit's executed notebook into its `folder` and drop its work folder."""
    work = work_folder(folder)
    with contextlib.suppress(FileNotFoundError):
        (work / "notebook.ipynb").replace(folder / "notebook.ipynb")
        add_to_done(folder, "notebook.ipynb")
    shutil.rmtree(work, ignore_errors=True)


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def read_text(path: Path) -> str:
    """The text of a file, empty where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
