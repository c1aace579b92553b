"""Frames on disk, in a folder of images or in a video file: which numbers a clip has, and one frame as an array."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from melib.corpus.index import CorpusError

IMAGES = (".jpg", ".jpeg", ".bmp", ".png")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg", ".wmv", ".webm")


@dataclass(frozen=True)
class VideoFrame:
    """One frame of a video file, by its number; frames of a video count from 1."""

    video: Video
    number: int

    @property
    def name(self) -> str:
        return f"{self.video.path.name}, frame {self.number}"


class Video:
    """A video file that is decoded from its start, so that a frame's number is exact whatever the codec.

    Reading in ascending order decodes each frame once; going back begins again. Threads may share it.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = Lock()
        self._capture = None
        self._at = 0  # number of the frame that was decoded last

    def read(self, number: int) -> np.ndarray:
        """Frame `number` as (H, W, 3) uint8 RGB. Raises CorpusError where it does not decode."""
        with self._lock:
            if self._capture is None or number <= self._at:
                self._capture = _open(self.path)
                self._at = 0
            while self._at < number - 1 and self._capture.grab():
                self._at += 1
            good, frame = self._capture.read()
            self._at += 1
            if not good or self._at != number:
                self._capture = None
                raise CorpusError(f"{self.path}: frame {number} cannot be decoded. Copy the video again.")
        return np.ascontiguousarray(frame[..., ::-1])

    def stream(self, first: int | None = None, last: int | None = None, step: int = 1) -> Iterator[tuple]:
        """Every `step`-th frame from number `first` (default 1) to `last`, (number, (H, W, 3) uint8 RGB), in one pass.

        What does not decode ends it, since a header may promise more frames than there are.
        """
        capture = _open(self.path)
        first = first or 1
        number = 1
        while (last is None or number <= last) and capture.grab():
            if number >= first and (number - first) % step == 0:
                good, frame = capture.retrieve()
                if not good:
                    return
                yield number, np.ascontiguousarray(frame[..., ::-1])
            number += 1

    def count(self, limit: int) -> int:
        """How many frames decode, at most `limit`."""
        capture = _open(self.path)
        count = 0
        while count < limit and capture.grab():
            count += 1
        return count


def _open(path: Path):
    import cv2

    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise CorpusError(
            f"{path} cannot be opened as a video. Copy it again, or write its frames as images: one folder per clip."
        )
    return capture


def is_video(path: Path) -> bool:
    """Whether `path` is a video file, by its ending."""
    return path.suffix.lower() in VIDEOS and path.is_file()


def frame_rate(path: Path) -> float | None:
    """Frames per second as a video file states them, None where it does not."""
    import cv2

    rate = _open(path).get(cv2.CAP_PROP_FPS)
    return float(rate) if 0 < rate < 10_000 else None


def _frame_count(path: Path) -> int:
    """How many frames of a video decode; the number that its header states may be wrong."""
    state = path.stat()
    return _count(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _count(path: Path, size: int, changed: int) -> int:
    return Video(path).count(sys.maxsize)


def list_folder(folder: Path) -> tuple[dict[int, Path], list[str]]:
    """List a clip folder once: its frames by number, and the names of visible files that are no frames.

    The number is the last digit group of the stem: padding differs between clips of one dataset and the clip's own
    name may stand before it, so file names are never built. Raises CorpusError where two files carry one number.
    """
    frames: dict[int, Path] = {}
    others = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            stem, suffix = os.path.splitext(entry.name)
            digits = re.findall("[0-9]+", stem)
            if suffix.lower() not in IMAGES or not digits:
                others.append(entry.name)
            elif (number := int(digits[-1])) in frames:
                raise CorpusError(
                    f"{folder}: {frames[number].name} and {entry.name} both carry frame number {number}; "
                    "one file per frame was expected. Remove the copy that does not belong there."
                )
            else:
                frames[number] = Path(entry.path)
    return dict(sorted(frames.items())), sorted(others)


def list_frames(place: Path) -> dict[int, Path | VideoFrame]:
    """The frames of a clip's folder, or of a video file, by number, ascending; for `read_frame`.

    Files of a folder that are no numbered images are left out. Frames of a video count from 1. Raises CorpusError
    where two files carry the same number and for a video that cannot be opened.
    """
    if is_video(place):
        video = Video(place)
        return {number: VideoFrame(video, number) for number in range(1, _frame_count(place) + 1)}
    return list_folder(place)[0]


def save_frame(frame: Path | VideoFrame, stem: Path) -> Path:
    """Copy an image file, or write a frame of a video as PNG, to `stem` with its ending; returns the file's path."""
    if isinstance(frame, VideoFrame):
        from PIL import Image

        target = stem.with_name(f"{stem.name}.png")
        Image.fromarray(read_frame(frame)).save(target)
        return target
    return Path(shutil.copyfile(frame, stem.with_name(f"{stem.name}{frame.suffix.lower()}")))


def read_frame(frame: Path | VideoFrame) -> np.ndarray:
    """One frame as (H, W, 3) uint8 RGB: an image file (grey or colour; JPEG, BMP or PNG), or a frame of a video.

    Raises CorpusError for a frame that is missing, no image, or cut short (OpenCV would fill the rest with grey).
    """
    if isinstance(frame, VideoFrame):
        return frame.video.read(frame.number)
    from PIL import Image

    try:
        with Image.open(frame) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's ways of saying that a file is broken
        raise CorpusError(
            f"{frame} cannot be decoded as an image ({error}). Unpack this file from the archive again."
        ) from error
