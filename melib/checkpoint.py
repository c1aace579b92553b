"""A training's checkpoint: all that its next epoch, or step, depends on, so that it goes on to the same bits."""

from __future__ import annotations

import io
import json
import logging
import pickle
import time
from collections.abc import Mapping
from pathlib import Path

import torch

from melib.home import write_whole

EVERY = 30.0  # seconds between two checkpoints
log = logging.getLogger(__name__)


class Checkpoint:
    """Keeps the state of a training in `folder` as it goes, and gives it back when it starts anew; None keeps nothing.

    `parts` have a state_dict (model, loss, optimiser), `streams` are the random generators, and `key` names what the
    training depends on beside them: a checkpoint of another key is not used. Its records are plain lists that grow by
    an entry an epoch (a generator's step). Beside it, `progress.json` tells how many are done, and the seconds left.
    """

    def __init__(
        self, folder: Path | None, key: str, parts: Mapping[str, object], streams: Mapping[str, torch.Generator]
    ):
        self.folder, self.key, self.parts, self.streams = folder, key, parts, streams
        self.started = self.saved = self.told = time.monotonic()
        self.begun = self.before = 0  # epochs and seconds of earlier sittings
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            self.path = folder / "checkpoint.pt"

    def load(self) -> dict[str, list] | None:
        """Put parts and streams back where they were and return the records; None where there are none."""
        if self.folder is None or not self.path.is_file():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)  # parts take it to their device
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            log.warning("%s cannot be read (%s); the run starts anew.", self.path, error)
            return None
        if state["key"] != self.key:
            log.warning("%s is of another run or another version of torch; the run starts anew.", self.path)
            return None
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
        for name, stream in self.streams.items():
            stream.set_state(state["streams"][name])
        self.begun, self.before = state["epoch"], state["seconds"]
        return state["records"]

    @property
    def seconds(self) -> float:
        """The time that the training took, over all its sittings."""
        return self.before + time.monotonic() - self.started

    def keep(self, epoch: int, epochs: int, records: dict[str, list]) -> None:
        """After an epoch: tell the progress, and save everything where the last time is `EVERY` seconds ago."""
        now = time.monotonic()
        if self.folder is None:
            return
        if now - self.told >= 1 or epoch == self.begun + 1:
            self.told = now
            left = (now - self.started) / (epoch - self.begun) * (epochs - epoch)
            progress = {"done": epoch, "total": epochs, "left": round(left, 1)}
            write_whole(self.folder / "progress.json", json.dumps(progress).encode())
        if now - self.saved >= EVERY:
            self.saved = now
            state = {
                "key": self.key, "epoch": epoch, "seconds": self.seconds, "records": records,
                "parts": {name: part.state_dict() for name, part in self.parts.items()},
                "streams": {name: stream.get_state() for name, stream in self.streams.items()},
            }  # fmt: skip
            content = io.BytesIO()
            torch.save(state, content)
            write_whole(self.path, content.getvalue())
