"""One clip on disk: its frames, and the face cropped out of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.frames import list_frames, read_frame
from melib.prepare.faces import Face, crop
from melib.prepare.settings import PrepareError


class Clip:
    """The frames from onset to offset of one index row under a data root, read when they are asked for.

    `numbers` are those of the frames there are, ascending. Crops need the row of a prepared clip, which has its apex
    and face. Raises PrepareError where fewer than two frames are there, and for a frame of another size.
    """

    def __init__(self, root: str | Path, row: Mapping[str, object]):
        self.row = row
        self.files = {
            number: path
            for number, path in list_frames(Path(root) / row["folder"]).items()
            if (pd.isna(row["onset"]) or number >= row["onset"]) and (pd.isna(row["offset"]) or number <= row["offset"])
        }
        self.numbers = list(self.files)
        if len(self.numbers) < 2:
            raise PrepareError(
                f"{len(self.numbers)} frame(s) from onset {row['onset']} to offset {row['offset']} in {row['folder']}: "
                "motion needs two. Check the folder and the sheet."
            )
        self.first = read_frame(self.files[self.numbers[0]])
        self._apex: np.ndarray | None = None

    def frame(self, number: int) -> np.ndarray:
        """The frame of that number, (H, W, 3) uint8 RGB."""
        if number == self.numbers[0]:
            return self.first
        frame = read_frame(self.files[number])
        if frame.shape != self.first.shape:
            sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (frame, self.first)]
            raise PrepareError(
                f"Frame {number} is {sizes[0]} pixels, the onset {sizes[1]}; a clip needs one size. Put back the "
                f"frames of {self.row['folder']} as they were delivered, or bring them to one size."
            )
        return frame

    @property
    def face(self) -> Face:
        """The face's box, as preparation found it."""
        return Face(*(self.row[f"face_{name}"] for name in ("x", "y", "w", "h", "angle", "method")))

    def pair(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The crops of the first frame and of the apex, (size, size, 3) uint8 each."""
        if self._apex is None:
            self._apex = self.frame(int(self.row["apex"]))
        return crop(self.first, self.face, size), crop(self._apex, self.face, size)

    def crops(self, size: int, numbers: Iterable[int] = ()) -> Iterator[np.ndarray]:
        """The crop of each frame from onset to offset, or of those `numbers`, (size, size, 3) uint8, one at a time."""
        return (crop(self.frame(number), self.face, size) for number in numbers or self.numbers)
