"""Bi-weighted oriented optical flow: the directions of motion in blocks of the face."""

from __future__ import annotations

import numpy as np

from melib.prepare.blocks import block_numbers
from melib.prepare.flow import optical_strain
from melib.prepare.pair import fine_fields
from melib.prepare.settings import PrepareSettings

GRID = 5
BINS = 8


def biwoof_of_clips(parts: list[tuple[np.ndarray, ...]], settings: PrepareSettings) -> np.ndarray:
    """Bi-WOOF of N clips, (N, 200) float32, from the `flow_parts` of their onset-apex pairs."""
    return np.stack([bi_woof(field) for field in fine_fields(parts, settings)])


def bi_woof(field: np.ndarray, grid: int = GRID) -> np.ndarray:
    """Bi-WOOF (Liong et al., 2018) of a flow field (2, H, W), (grid * grid * 8,) float32, block by block.

    In each of grid x grid blocks every vector adds its length to the bin of its angle, of 8 equal parts of [-pi, pi);
    the histogram, as shares, is multiplied by the block's mean optical strain.
    """
    u, v = field
    height, width = u.shape
    block = block_numbers(height, width, grid).ravel()
    angle = np.arctan2(v, u)
    place = np.floor((angle + np.pi) / (2 * np.pi) * BINS).astype(int).ravel() % BINS
    count = grid * grid
    sums = np.bincount(block * BINS + place, np.hypot(u, v).ravel(), count * BINS).reshape(count, BINS)
    total = sums.sum(axis=1, keepdims=True)
    shares = sums / np.where(total > 0, total, 1)
    strain = np.bincount(block, optical_strain(field).ravel(), count) / np.bincount(block, minlength=count)
    return (shares * strain[:, None]).reshape(-1).astype(np.float32)
