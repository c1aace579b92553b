"""Histograms of oriented optical flow."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from melib.prepare.blocks import direction
from melib.prepare.clip import Clip
from melib.prepare.flow import farneback
from melib.prepare.lbptop import LENGTH, SIZE, grey_volume
from melib.prepare.settings import PrepareSettings

BINS = 8


def hoof(clip: Clip, settings: PrepareSettings) -> np.ndarray:
    """HOOF of the whole face over 10 frames (TIM, 112 px), (8 bins x 9 fields,) float32, bin by bin.

    Flow between neighbouring frames is Farneback's. `reshape(8, 9).sum(0)` is 1.
    """
    volume = np.clip(np.rint(grey_volume(clip, SIZE, LENGTH)), 0, 255).astype(np.uint8)
    images = np.repeat(volume[..., None], 3, axis=3)
    fields = np.stack([farneback(*pair) for pair in pairwise(images)])
    return oriented_histograms(fields).T.reshape(-1)


def oriented_histograms(fields: np.ndarray) -> np.ndarray:
    """Of each flow field (N, 2, H, W) the share of motion in each of 8 directions, (N, 8) float32 that sum to 1.

    Each vector adds its length to the bin of its angle; bins cut the full circle from 0 (to the right) onwards, as
    Chaudhry et al. (2009) do without folding left onto right. A field without motion has equal shares.
    """
    u = fields[:, 0]
    v = fields[:, 1]
    length = np.hypot(u, v)
    place = direction(u, v, BINS)
    field = np.arange(len(fields))[:, None, None]
    sums = np.bincount((field * BINS + place).ravel(), length.ravel(), len(fields) * BINS).reshape(-1, BINS)
    total = sums.sum(axis=1, keepdims=True)
    return np.where(total > 0, sums / np.where(total > 0, total, 1), 1 / BINS).astype(np.float32)
