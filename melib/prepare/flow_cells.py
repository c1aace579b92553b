"""Motion of face cells from frame to frame: the sequence that ATNet reads."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from melib.prepare.clip import Clip
from melib.prepare.flow import farneback
from melib.prepare.settings import PrepareSettings

SIZE = 112  # side of the face, pixels
CELLS = 8  # a side
LENGTH = 64
APEX = 32  # the apex' place in the sequence


def flow_cells(clip: Clip, settings: PrepareSettings) -> np.ndarray:
    """Angle and length of the mean flow in 8 x 8 cells, frame to frame, (64, 128) float32.

    Flow between neighbouring frames is Farneback's (assumed). The one that starts at the apex is number 32; before the
    clip and behind it there are zeros, and what lies further from the apex than 32 frames is left out.
    """
    apex = int(np.searchsorted(clip.numbers, clip.row["apex"]))
    first = max(0, apex - APEX)
    last = min(len(clip.numbers), apex + LENGTH - APEX + 1)
    crops = clip.crops(SIZE, clip.numbers[first:last])
    fields = [cell_motion(farneback(*pair)) for pair in pairwise(crops)]
    return placed(np.array(fields, np.float32).reshape(-1, 2 * CELLS**2), APEX - (apex - first))


def cell_motion(field: np.ndarray) -> np.ndarray:
    """Angle in [-pi, pi] and length of the mean flow in 8 x 8 cells of a field (2, S, S), (128,): cell by cell."""
    side = field.shape[1] // CELLS
    means = field.reshape(2, CELLS, side, CELLS, side).mean(axis=(2, 4))
    angle = np.arctan2(means[1], means[0])
    return np.stack([angle, np.hypot(*means)], axis=-1).reshape(-1)


def placed(rows: np.ndarray, start: int) -> np.ndarray:
    """Rows (T, D) from place `start` of a sequence (64, D) that is zero elsewhere."""
    sequence = np.zeros((LENGTH, rows.shape[1]), np.float32)
    sequence[start : start + len(rows)] = rows[: LENGTH - start]
    return sequence
