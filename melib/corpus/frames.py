"""Frames on disk: which numbers a clip folder holds, and one frame as an array."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from melib.corpus.index import CorpusError

IMAGES = (".jpg", ".jpeg", ".bmp", ".png")


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


def list_frames(folder: Path) -> dict[int, Path]:
    """Image files of a clip folder by frame number, ascending; anything that is no numbered image is left out.

    Raises CorpusError where two files carry the same number.
    """
    return list_folder(folder)[0]


def read_frame(path: Path) -> np.ndarray:
    """One frame as (H, W, 3) uint8 RGB, whether it is stored in grey or colour, as JPEG, BMP or PNG.

    Raises CorpusError for a frame that is missing, no image, or cut short (OpenCV would fill the rest with grey).
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's ways of saying that a file is broken
        raise CorpusError(
            f"{path} cannot be decoded as an image ({error}). Unpack this file from the archive again."
        ) from error
