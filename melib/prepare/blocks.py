"""Parts of a face, and of the circle, that hand-crafted features count in."""

from __future__ import annotations

import numpy as np


def block_numbers(height: int, width: int, grid: int) -> np.ndarray:
    """The block (0 to grid * grid - 1, row by row) of each pixel, (height, width), of grid x grid blocks."""
    rows = np.arange(height) * grid // height
    columns = np.arange(width) * grid // width
    return rows[:, None] * grid + columns


def direction(x: np.ndarray, y: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each vector's angle, of equal parts of the full circle that begin to the right (x > 0)."""
    return np.floor(np.arctan2(y, x) % (2 * np.pi) / (2 * np.pi) * bins).astype(int) % bins
