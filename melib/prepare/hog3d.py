"""3DHOG: histograms of the directions of grey-level gradients in space and time."""

from __future__ import annotations

import numpy as np

from melib.prepare.blocks import block_numbers, direction
from melib.prepare.clip import Clip
from melib.prepare.lbptop import LENGTH, SIZE, grey_volume
from melib.prepare.settings import PrepareError, PrepareSettings

GRID = 5
BINS = (8, 12, 12)  # of the planes XY, XT and YT
MOST = 0.2  # of a block's vector of length 1: what is above is cut off
SMOOTH = np.array([0.25, 0.5, 0.25])


def hog3d_of_clip(clip: Clip, settings: PrepareSettings) -> np.ndarray:
    """3DHOG of the face (112 px, grey, 10 frames by TIM), (800,) float32."""
    return hog_3d(grey_volume(clip, SIZE, LENGTH))


def hog_3d(volume: np.ndarray, grid: int = GRID) -> np.ndarray:
    """3DHOG (Polikovsky et al., 2009) of grey levels `volume` (T, H, W), (32 grid^2,) float32, block by block.

    The volume is smoothed by (1, 2, 1) along each axis; gradients are central differences of inner voxels. In each of
    grid x grid blocks, over all frames, every voxel adds the length of its gradient in a plane to the bin of its angle
    in the full circle: 8 bins in XY, 12 in XT and in YT. A block's 32 numbers are scaled to length 1, cut at 0.2 and
    scaled again. Blocks, smoothing, cutting and the full circle are assumed. Raises PrepareError for a volume that is
    too small.
    """
    if min(volume.shape) < 5 or min(volume.shape[1:]) < 4 + grid:
        raise PrepareError(
            f"3DHOG of a volume {volume.shape} with {grid} x {grid} blocks: it needs at least 5 frames and {4 + grid} "
            "rows and columns."
        )
    for axis in range(3):
        volume = np.apply_along_axis(np.convolve, axis, volume, SMOOTH, "valid")
    t, y, x = (gradient[1:-1, 1:-1, 1:-1] for gradient in np.gradient(volume))
    planes = [_plane(*pair, bins, grid) for pair, bins in zip(((x, y), (x, t), (y, t)), BINS, strict=True)]
    blocks = _unit(np.concatenate(planes, axis=1))
    return _unit(np.minimum(blocks, MOST)).reshape(-1).astype(np.float32)


def _plane(first: np.ndarray, second: np.ndarray, bins: int, grid: int) -> np.ndarray:
    """Histograms (grid * grid, bins) of the angles of gradients, weighted by their lengths, over all frames."""
    _, height, width = first.shape
    block = block_numbers(height, width, grid)
    place = direction(first, second, bins)
    sums = np.bincount((block * bins + place).ravel(), np.hypot(first, second).ravel(), grid * grid * bins)
    return sums.reshape(-1, bins)


def _unit(blocks: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(blocks, axis=1, keepdims=True)
    return blocks / np.where(lengths > 0, lengths, 1)
