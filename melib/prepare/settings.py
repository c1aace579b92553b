"""How clips become samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from melib.errors import InputError, nearest
from melib.prepare.apex import RULES
from melib.prepare.faces import DETECTORS
from melib.prepare.flow import BATCHED, FLOWS

FILES = ("boxes", "flow_weights")


class PrepareError(InputError):
    """Clips or settings that cannot be prepared; the message says what came, what was expected and what to do."""


@dataclass(frozen=True)
class PrepareSettings:
    """How clips become samples. Raises PrepareError for wrong values, naming the nearest right one.

    `apex_rule` serves clips without a usable annotated apex: "motion" (greatest against the onset, blinks passed
    over), "midpoint" or "dcrois". `face_detector` is "yunet" or "haar"; `boxes` is the path of a CSV of boxes in its
    place, `flow_weights` that of RAFT's weights. `remove_head_motion` takes the shift, turn and scale of the whole face
    out of the flow. `device` (cpu, cuda) serves RAFT alone and names no cache.
    """

    image_size: int = 224
    flow_method: str = "lk"
    apex_rule: str = "motion"
    face_detector: str = "yunet"
    boxes: str | None = None
    flow_weights: str | None = None
    remove_head_motion: bool = False
    device: str = "cpu"

    def __post_init__(self):
        if not isinstance(self.image_size, int) or not 16 <= self.image_size <= 1024:
            raise PrepareError(f"image_size is {self.image_size!r}; expected a whole number from 16 to 1024.")
        for name, allowed in (
            ("flow_method", [*FLOWS, *BATCHED]),
            ("apex_rule", [*RULES]),
            ("face_detector", [*DETECTORS]),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise PrepareError(f"{name} is {value!r}.{nearest(str(value), allowed)} There are {allowed}.")

    def digest(self, names: Iterable[str], **more: object) -> str:
        """Twelve characters that name these fields and `more`; of a file its content counts.

        A field at its default is left out, so that a new one changes the name of nothing that was made before.
        """
        rest = {one.name: one.default for one in fields(self) if one.default is not MISSING}
        content = {name: value for name, value in asdict(self).items() if name in names and value != rest[name]}
        for name in FILES:
            if name in content:
                content[name] = _file_hash(content[name], name)
        text = json.dumps({**more, **content}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _file_hash(path: str, name: str) -> str:
    if not Path(path).is_file():
        raise PrepareError(f"{name} is {path}, but there is no such file.")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
