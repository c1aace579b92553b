"""A training's checkpoint: all that its next epoch, or step, depends on, so that it goes on to the same bits."""

from __future__ import annotations

import io
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
    """Keeps the state of a training in the file `path` as it goes, and gives it back when it starts anew.

    A path of None keeps nothing. `parts` have a state_dict (algorithm, network, optimiser), `streams` are the random
    generators, and `key` names what the training depends on beside them: a checkpoint of another key is not used. Its
    records are plain lists that grow by an entry per epoch (a generator's step).
    """

    def __init__(
        self, path: Path | None, key: str, parts: Mapping[str, object], streams: Mapping[str, torch.Generator]
    ):
        self.path = path
        self.key = key
        self.parts = parts
        self.streams = streams
        self.started = self.saved = time.monotonic()
        self.before = 0.0  # seconds of earlier sittings
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)

    def load(self) -> dict[str, list] | None:
        """Put parts and streams back where they were and return the records; None where there are none."""
        if self.path is None or not self.path.is_file():
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
        self.before = state["seconds"]
        return state["records"]

    @property
    def seconds(self) -> float:
        """The time that the training took, over all its sittings."""
        return self.before + time.monotonic() - self.started

    def keep(self, records: dict[str, list], now: bool = False) -> None:
        """Save everything where the last time is `EVERY` seconds ago, or `now`."""
        if self.path is None or not (now or time.monotonic() - self.saved >= EVERY):
            return
        self.saved = time.monotonic()
        state = {
            "key": self.key, "seconds": self.seconds, "records": records,
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            "streams": {name: stream.get_state() for name, stream in self.streams.items()},
        }  # fmt: skip
        content = io.BytesIO()
        torch.save(state, content)
        write_whole(self.path, content.getvalue())
