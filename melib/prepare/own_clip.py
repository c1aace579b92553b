"""One clip of one's own: its face and apex found, and its arrays made as those of a corpus are, without a cache."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

from melib.corpus.clips import named_as_crop
from melib.corpus.index import CorpusError
from melib.prepare.apex import SPOT_SIZE, motion_curve
from melib.prepare.arrays import spec_of
from melib.prepare.clip import Clip
from melib.prepare.faces import Face, FaceError, find_face
from melib.prepare.locate import locate
from melib.prepare.recording import Interval, Recording
from melib.prepare.samples import Samples
from melib.prepare.settings import PrepareSettings

NAME = "own clip"


class Workspace:
    """A folder of temporary files, which goes with the last reference to it."""

    def __init__(self):
        self.folder = Path(mkdtemp(prefix="melib-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


@dataclass(frozen=True)
class OwnClip:
    """A clip with its face and apex. Frames of a video lie in `workspace` for as long as this is held."""

    clip: Clip
    notes: tuple[str, ...]
    workspace: Workspace

    def samples(self, names: Iterable[str], settings: PrepareSettings) -> Samples:
        """The clip as samples of one row with the arrays `names`."""
        arrays = {name: make_array(name, self.clip, settings) for name in names}
        return Samples(pd.DataFrame([self.clip.row]), arrays)

    def frames(self) -> dict[int, np.ndarray]:
        """Its frames (H, W, 3) uint8 by number, for pictures: all of them in memory."""
        return {number: self.clip.frame(number) for number in self.clip.numbers}

    def motion(self) -> np.ndarray:
        """How far the face of each frame has moved since the onset, in % of its width, (T,)."""
        return 100 * motion_curve(np.stack(list(self.clip.crops(SPOT_SIZE)))) / SPOT_SIZE


def open_clip(
    recording: Recording,
    interval: Interval,
    settings: PrepareSettings,
    box: Face | None = None,
    cropped: bool = False,
) -> OwnClip:
    """The clip of an `interval` (see `recording.interval`), its face found on the onset frame, or given as a `box`.

    `cropped` says that the frames show the face alone. Raises FaceError where there is no face, or more than one and no
    box, CorpusError for frames that are not there or do not decode, PrepareError for frames of several sizes.
    """
    workspace = Workspace()
    folder = recording.cut(interval.onset, interval.offset, workspace.folder).absolute()
    row = _row(recording, interval, folder, cropped)
    clip = Clip(folder.parent, row)
    if interval.apex is not None and interval.apex not in clip.files:
        raise CorpusError(f"{recording.place.name} has no frame {interval.apex}, which is given as the apex.")
    if clip.numbers[0] != interval.onset:
        raise CorpusError(f"{recording.place.name} has no frame {interval.onset}, which is given as the onset.")
    cropped = cropped or named_as_crop(clip.files[interval.onset].name)
    face = box or _one_face(clip, recording, settings.face_detector, cropped)
    located = locate(folder.parent, row, settings, face)
    notes = (*interval.notes, *filter(None, [located["notes"]]))
    return OwnClip(Clip(folder.parent, row | located), notes, workspace)


def _row(recording: Recording, interval: Interval, folder: Path, cropped: bool) -> dict:
    """The clip as a row of an index, without a label."""
    return {
        "clip_id": f"{NAME}/{recording.place.stem}/{interval.onset}", "dataset": NAME, "subject": NAME,
        "clip": recording.place.stem, "emotion": None, "label": None, "onset": interval.onset,
        "apex": interval.apex if interval.apex is not None else np.nan, "offset": interval.offset,
        "apex_source": "given", "fps": recording.fps or np.nan, "cropped": cropped, "folder": folder.name, "notes": "",
    }  # fmt: skip


def _one_face(clip: Clip, recording: Recording, detector: str, cropped: bool) -> Face:
    """The only face of the onset frame."""
    frame = f"frame {clip.numbers[0]} of {recording.place.name}"
    try:
        face = find_face(clip.first, cropped, None, detector)
    except FaceError:
        height, width = clip.first.shape[:2]
        raise FaceError(
            f"No face found in {frame} ({width} x {height} pixels). Give its box (x, y, w, h), choose another onset, "
            "or say that the frames are cropped to the face."
        ) from None
    if face.others:
        largest = ",".join(f"{value:.0f}" for value in (face.x, face.y, face.w, face.h))
        raise FaceError(
            f"{face.others + 1} faces in {frame}. Give the box (x, y, w, h) of the one that is meant; the largest is "
            f"at {largest}."
        )
    return face


def make_array(name: str, clip: Clip, settings: PrepareSettings) -> np.ndarray:
    """One registered array of one clip, with a leading axis of 1, in its stored type."""
    spec = spec_of(name)
    part = spec.load()(clip, settings, **spec.options)
    finish = spec.load_block()
    return np.asarray(finish([part], settings) if finish else part[None]).astype(spec.dtype)


class StilledClip(Clip):
    """A clip in which one region of the face keeps the onset's pixels: occlusion of motion, whatever array is made.

    `region` is (top, bottom, left, right) as shares of the crop's side. Its edge is soft, so that it makes no motion.
    """

    def __init__(self, clip: Clip, region: tuple[float, float, float, float]):
        self.row, self.files, self.numbers, self.first = clip.row, clip.files, clip.numbers, clip.first
        self._apex = None
        self.region = region

    def pair(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        onset, apex = super().pair(size)
        return onset, self._stilled(onset, apex)

    def crops(self, size: int, numbers: Iterable[int] = ()) -> Iterator[np.ndarray]:
        onset = next(super().crops(size, self.numbers[:1]))
        return (self._stilled(onset, image) for image in super().crops(size, numbers))

    def _stilled(self, onset: np.ndarray, image: np.ndarray) -> np.ndarray:
        size = len(image)
        top, bottom, left, right = self.region
        place = (np.arange(size) + 0.5) / size
        soft = 0.02  # of the side: how wide the edge is
        rows = np.clip((np.minimum(place - top, bottom - place)) / soft + 0.5, 0, 1)
        columns = np.clip((np.minimum(place - left, right - place)) / soft + 0.5, 0, 1)
        weight = (rows[:, None] * columns)[..., None]
        return np.rint(weight * onset + (1 - weight) * image).astype(np.uint8)
