"""How far a unit is, on disk for those who watch it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from melib.home import write_whole


class Meter:
    """Writes `progress.json` in a unit's work folder: how many of `total` steps are done, and the seconds left.

    At most once a second; None for a folder writes nothing.
    """

    def __init__(self, folder: Path | None, total: int):
        self.folder = folder
        self.total = total
        self.started = time.monotonic()
        self.written = -1.0
        self.first: int | None = None  # steps that earlier sittings had done
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def update(self, done: int) -> None:
        """Note that `done` steps are finished."""
        now = time.monotonic()
        if self.first is None:
            self.first = done - 1
        if self.folder is None or (self.written > 0 and now - self.written < 1):
            return
        self.written = now
        left = (now - self.started) / (done - self.first) * (self.total - done)
        progress = {"done": done, "total": self.total, "left": round(left, 1)}
        write_whole(self.folder / "progress.json", json.dumps(progress).encode())
