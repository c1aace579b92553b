"""A recording of one's own, a video file or a folder of frames: streamed, so that its length costs no memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from melib.corpus.frames import IMAGES, VIDEOS, Video, frame_rate, is_video, list_frames, read_frame
from melib.corpus.index import CorpusError
from melib.prepare.settings import PrepareError

LONGEST_SECONDS = 2.0  # from onset to offset: micro-expressions last half a second, datasets give some of them more
LONGEST_UNTIMED = 100  # frames, where the frame rate is unknown: half a second of the fastest datasets
HALF_CLIP = 0.25  # seconds from onset to apex, and from apex to offset, where none of them is known


@dataclass(frozen=True)
class Recording:
    """A video file, or a folder of numbered images. `fps` is None where it is unknown; frames of a video count from 1.

    >>> Recording(Path("face.mp4"), fps=25.0).longest  # frames
    50
    """

    place: Path
    fps: float | None

    @property
    def is_video(self) -> bool:
        return is_video(self.place)

    @property
    def longest(self) -> int:
        """How many frames a clip may have from onset to offset."""
        return LONGEST_UNTIMED if self.fps is None else max(2, round(LONGEST_SECONDS * self.fps))

    def stream(
        self, first: int | None = None, last: int | None = None, step: int = 1
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Every `step`-th frame from number `first` to `last`, (number, (H, W, 3) uint8 RGB), one in memory at a time.

        Raises CorpusError for a file that is no video or an image that does not decode.
        """
        if self.is_video:
            yield from Video(self.place).stream(first, last, step)
            return
        frames = list_frames(self.place)
        numbers = [number for number in frames if (first or 0) <= number and (last is None or number <= last)]
        for number in numbers[::step]:
            yield number, read_frame(frames[number])

    def numbers(self, limit: int) -> list[int]:
        """The numbers of the first `limit` frames, fewer where there are no more."""
        if self.is_video:
            return list(range(1, Video(self.place).count(limit) + 1))
        return list(list_frames(self.place))[:limit]

    def is_long(self) -> bool:
        """Whether it is too long to be one clip, so that onset and apex have to be given or searched for."""
        return len(self.numbers(self.longest + 1)) > self.longest

    def cut(self, onset: int, offset: int, folder: Path) -> Path:
        """A folder with the frames `onset` to `offset`, named by their numbers: `folder`, or the images' own.

        Raises CorpusError where the recording has not got them.
        """
        if not self.is_video:
            return self.place
        from PIL import Image

        number = None
        for number, frame in self.stream(onset, offset):
            Image.fromarray(frame).save(folder / f"{number:06d}.png", compress_level=1)
        if number != offset:
            raise CorpusError(
                f"{self.place.name} ends before frame {offset}. Give frames that it has: its last one that decodes is "
                f"{number or len(self.numbers(onset))}."
            )
        return folder


def open_recording(place: str | Path, fps: float | None = None) -> Recording:
    """A recording by its path; `fps` overrules what a video file states.

    Raises CorpusError for what is no video and no folder of frames, for a video that cannot be decoded and for a
    recording of fewer than two frames.
    """
    place = Path(place)
    if fps is not None and not 1 <= fps <= 10_000:
        raise PrepareError(f"fps = {fps}; expected frames per second from 1 to 10000.")
    if not place.exists():
        raise CorpusError(f"There is no {place}. Give a video file or a folder of numbered images.")
    if not place.is_dir() and not is_video(place):
        raise CorpusError(f"{place} is no folder and no video file; videos end in {', '.join(VIDEOS)}.")
    if place.is_file() and not place.stat().st_size:
        raise CorpusError(f"{place} is empty (0 bytes). Copy the video again.")
    recording = Recording(place, fps or (frame_rate(place) if place.is_file() else None))
    count = len(recording.numbers(2))
    if count < 2:
        kinds = "" if recording.is_video else f" Frames are images that end in {', '.join(IMAGES)} and have a number."
        raise CorpusError(
            f"{place} has {count or 'no'} frame{'s' * (count != 1)} that can be read; motion needs two.{kinds}"
        )
    return recording


@dataclass(frozen=True)
class Interval:
    """The frames of a clip by number; `apex` is None where it has yet to be found. `notes` say what was assumed."""

    onset: int
    apex: int | None
    offset: int
    notes: tuple[str, ...] = ()


def interval(
    recording: Recording, onset: int | None = None, apex: int | None = None, offset: int | None = None
) -> Interval:
    """Onset, apex and offset as given; of a recording short enough to be one clip, its first and last frame.

    In a longer one the onset must be given. A missing offset lies as far after the apex as the onset before it, or half
    a second after the onset. Raises PrepareError where they are in the wrong order, or too far apart to be one clip.
    """
    notes = []
    known = recording.numbers(recording.longest + 1)
    is_long = len(known) > recording.longest
    if onset is None:
        if is_long:
            raise PrepareError(_too_long(recording))
        onset = known[0]
    if offset is None and not is_long:
        offset = known[-1]
    if offset is None:
        half = recording.longest // 4 if recording.fps is None else max(1, round(HALF_CLIP * recording.fps))
        offset = 2 * apex - onset if apex is not None else onset + 2 * half
        present = [number for number, _ in recording.stream(onset, offset)]
        offset = present[-1] if present else onset
        notes.append(f"no offset given: frame {offset} taken")
    if not (onset < offset and (apex is None or onset < apex <= offset)):
        raise PrepareError(
            f"onset {onset}, apex {apex if apex is not None else 'to be found'}, offset {offset}: the onset must come "
            "first, then the apex, then the offset, all of them frames of the recording."
        )
    if offset - onset + 1 > recording.longest:
        raise PrepareError(_too_long(recording))
    return Interval(onset, apex, offset, tuple(notes))


def _too_long(recording: Recording) -> str:
    if recording.fps is None:
        return (
            f"{recording.place.name} has more than {LONGEST_UNTIMED} frames and no frame rate: give it (fps), or onset "
            "and offset of one expression."
        )
    return (
        f"From onset to offset {recording.place.name} would last more than {LONGEST_SECONDS:g} s; a micro-expression "
        "lasts about half a second. Give onset and apex of one expression, or choose among its candidates."
    )
