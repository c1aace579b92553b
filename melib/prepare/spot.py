"""Where in a long recording a face moves briefly and comes back: candidates to choose from, never a choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from melib.prepare.apex import SPOT_SIZE, blinks, motion_curve, motion_maps
from melib.prepare.faces import FaceError, crop, find_face
from melib.prepare.recording import HALF_CLIP, Recording
from melib.prepare.settings import PrepareError

RATE = 25  # frames per second that are looked at: an expression of half a second has a dozen
BLOCK_SECONDS = 2  # for which a face's box is kept
COUNT = 10


@dataclass(frozen=True)
class Candidates:
    """The candidates of the recording `name`.

    `table` has a row a candidate, most contrast first: onset, apex, offset (frames), seconds (of the apex), contrast
    and motion (% of the face's width), note. `notes` say what of the recording could not be searched.
    """

    name: str
    table: pd.DataFrame
    notes: tuple[str, ...]


def find_candidates(
    recording: Recording,
    detector: str = "yunet",
    count: int = COUNT,
    progress: Callable[[int], None] | None = None,
) -> Candidates:
    """The `count` places of a recording where the face moves most and returns within half a second.

    A frame's contrast is its motion against the frames a quarter of a second before and after it, their mean, less the
    motion between these two (as Moilanen et al., 2014, contrast features: a head that moves on has none). It is the
    mean length of the flow without the motion of the whole head. `progress` is given the number of each frame that
    was looked at. Raises PrepareError without a frame rate, FaceError where no face is seen at all.
    """
    if recording.fps is None:
        raise PrepareError(f"{recording.place.name} has no frame rate: give it (fps), so that durations are known.")
    step = max(1, round(recording.fps / RATE))
    half = max(2, round(HALF_CLIP * recording.fps / step))
    blocks = _Blocks(detector, half, length=max(2 * half, round(BLOCK_SECONDS * recording.fps / step)))
    for number, frame in recording.stream(step=step):
        blocks.add(number, frame)
        if progress:
            progress(number)
    blocks.finish()
    if not blocks.with_face:
        raise FaceError(f"No face found in {recording.place.name}. Give its box, or another recording.")
    chosen = _peaks(pd.DataFrame(blocks.rows), half * step, count)
    table = pd.DataFrame(
        {
            "onset": chosen["number"] - half * step,
            "apex": chosen["number"],
            "offset": chosen["number"] + half * step,
            "seconds": chosen["number"] / recording.fps,
            "contrast": chosen["contrast"],
            "motion": chosen["motion"],
            "note": np.where(chosen["blink"], "may be a blink", ""),
        }
    )
    notes = []
    if blocks.without_face:
        notes.append(f"no face in {blocks.without_face} of {blocks.without_face + blocks.with_face} stretches")
    if blocks.with_others:
        notes.append(f"more than one face in {blocks.with_others} stretches, the largest one was followed")
    return Candidates(recording.place.name, table.reset_index(drop=True), tuple(notes))


class _Blocks:
    """Stretches of frames cropped by the face in their first one. They overlap by what contrast needs on both sides."""

    def __init__(self, detector: str, half: int, length: int):
        self.detector, self.half, self.length = detector, half, length
        self.seen = 0
        self.open: list[tuple] = []  # face, numbers, crops
        self.rows: list[dict] = []
        self.with_face, self.without_face, self.with_others = 0, 0, 0

    def add(self, number: int, frame: np.ndarray) -> None:
        if self.seen % self.length == 0:
            self._begin(frame)
        self.seen += 1
        for face, numbers, crops in self.open:
            numbers.append(number)
            crops.append(crop(frame, face, SPOT_SIZE))
        if self.open and len(self.open[0][1]) == self.length + 2 * self.half:
            self._measure(*self.open.pop(0)[1:])

    def finish(self) -> None:
        """Measure what the end of the recording cut short."""
        for _, numbers, crops in self.open:
            self._measure(numbers, crops)

    def _begin(self, frame: np.ndarray) -> None:
        try:
            face = find_face(frame, detector=self.detector)
        except FaceError:
            self.without_face += 1
            return
        self.with_face += 1
        self.with_others += face.others > 0
        self.open.append((face, [], []))

    def _measure(self, numbers: list[int], crops: list[np.ndarray]) -> None:
        half = self.half
        share = 100 / SPOT_SIZE  # % of the face's width
        near = [share * _motion(a, b) for a, b in zip(crops, crops[half:], strict=False)]
        far = [share * _motion(a, b) for a, b in zip(crops, crops[2 * half :], strict=False)]
        contrast = [(before + after) / 2 - both for before, after, both in zip(near, near[half:], far, strict=False)]
        best = set(np.argsort(contrast)[-COUNT:])
        for place, value in enumerate(contrast):
            around = crops[place : place + 2 * half + 1]
            blink = place in best and bool(blinks(motion_maps(np.stack(around)), RATE)[half])
            motion = (near[place] + near[place + half]) / 2
            self.rows.append({"number": numbers[place + half], "contrast": value, "motion": motion, "blink": blink})


def _motion(first: np.ndarray, second: np.ndarray) -> float:
    return float(motion_curve(np.stack([first, second]))[1])


def _peaks(rows: pd.DataFrame, apart: int, count: int) -> pd.DataFrame:
    """The rows of greatest positive contrast, each more than `apart` frames from those before it."""
    if rows.empty:
        return pd.DataFrame(columns=["number", "contrast", "motion", "blink"]).astype({"number": int, "blink": bool})
    chosen: list[int] = []
    for row in rows[rows["contrast"] > 0].sort_values("contrast", ascending=False).index:
        if all(abs(rows["number"][row] - rows["number"][other]) > apart for other in chosen):
            chosen.append(row)
        if len(chosen) == count:
            break
    return rows.loc[chosen]
