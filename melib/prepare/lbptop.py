"""Local binary patterns on three orthogonal planes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from melib.prepare.blocks import block_numbers
from melib.prepare.clip import Clip
from melib.prepare.settings import PrepareError, PrepareSettings
from melib.prepare.tim import interpolate

SIZE = 112  # side of the grey face, pixels
LENGTH = 10  # frames after temporal interpolation
NEIGHBOURS = 8


def lbptop_of_clip(clip: Clip, settings: PrepareSettings, grids: Sequence[int] = (1,)) -> np.ndarray:
    """LBP-TOP of the face (112 px, grey, 10 frames by TIM), (177 times the number of blocks,) float32."""
    return lbp_top(grey_volume(clip, SIZE, LENGTH), grids)


def grey_volume(clip: Clip, size: int, length: int) -> np.ndarray:
    """The clip's grey crops, temporally interpolated, (length, size, size) float64; frames are read one by one."""
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in clip.crops(size)]
    return interpolate(np.stack(grey), length)


def lbp_top(volume: np.ndarray, grids: Sequence[int] = (1,), radii: Sequence[int] = (3, 3, 3)) -> np.ndarray:
    """Histograms of uniform patterns of `volume` (T, H, W) in the planes XY, XT and YT (Zhao and Pietikainen, 2007).

    Args:
        volume: grey levels.
        grids: each g cuts the face into g x g blocks; blocks follow one another from coarse to fine, row by row.
        radii: of the ellipse of 8 neighbours along x, y and t. Voxels nearer than that to a border have no pattern.

    Returns:
        (177 B,) float32 for B blocks: of each block the planes XY, XT, YT with 59 bins each, every plane summing to 1.

    Raises PrepareError where the volume is too short or too small for the radii.
    """
    rx, ry, rt = radii
    least = (2 * rt + 1, 2 * ry + max(grids), 2 * rx + max(grids))
    if any(side < needed for side, needed in zip(volume.shape, least, strict=True)):
        raise PrepareError(
            f"LBP-TOP of a volume {volume.shape} with radii {tuple(radii)} and grids {tuple(grids)}: it needs at least "
            f"{least} (frames, rows, columns). Take smaller radii, or more frames."
        )
    planes = [_patterns(volume, axes, radii) for axes in ((2, 1), (2, 0), (1, 0))]
    parts = []
    for grid in grids:
        histograms = np.stack([_histograms(codes, grid) for codes in planes], axis=1)
        parts.append(histograms.reshape(-1))
    return np.concatenate(parts).astype(np.float32)


def _patterns(volume: np.ndarray, axes: tuple[int, int], radii: Sequence[int]) -> np.ndarray:
    """The bin (0..58) of each inner voxel's pattern in the plane of `axes`, (T - 2 rt, H - 2 ry, W - 2 rx).

    Neighbours between voxels are interpolated bilinearly in the plane. A neighbour counts as not darker where it is so
    to one millionth of a grey level: on flat skin rounding would draw patterns.
    """
    border = np.array([radii[2], radii[1], radii[0]])
    inner = tuple(slice(b, side - b) for b, side in zip(border, volume.shape, strict=True))
    centre = volume[inner]
    codes = np.zeros(centre.shape, dtype=np.int64)
    for bit in range(NEIGHBOURS):
        angle = 2 * np.pi * bit / NEIGHBOURS
        shift = np.zeros(3)
        shift[axes[0]] = border[axes[0]] * np.cos(angle)
        shift[axes[1]] = -border[axes[1]] * np.sin(angle)
        codes |= (_shifted(volume, border, shift) >= centre - 1e-6).astype(np.int64) << bit
    return UNIFORM[codes]


def _shifted(volume: np.ndarray, border: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The inner part of `volume` read `shift` voxels away, linearly interpolated along each axis."""
    shift = shift.round(9)
    for axis in range(3):
        whole = int(np.floor(shift[axis]))
        part = shift[axis] - whole
        count = volume.shape[axis] - 2 * border[axis]
        start = border[axis] + whole
        near = np.take(volume, np.arange(start, start + count), axis=axis)
        if part:
            far = np.take(volume, np.arange(start + 1, start + 1 + count), axis=axis)
            near = (1 - part) * near + part * far
        volume = near
    return volume


def _histograms(codes: np.ndarray, grid: int) -> np.ndarray:
    """Histograms (grid * grid, 59) of pattern bins (T, H, W), each summing to 1."""
    _, height, width = codes.shape
    block = block_numbers(height, width, grid)
    bins = UNIFORM.max() + 1
    counts = np.bincount((block * bins + codes).ravel(), minlength=grid * grid * bins).reshape(-1, bins)
    return counts / counts.sum(axis=1, keepdims=True)


def _uniform_bins() -> np.ndarray:
    """The bin of each of 256 patterns: those with at most two changes around the circle in order, then all others."""
    patterns = np.arange(2**NEIGHBOURS)
    turned = (patterns >> 1) | ((patterns & 1) << (NEIGHBOURS - 1))
    changes = np.array([bin(difference).count("1") for difference in patterns ^ turned])
    uniform = changes <= 2
    return np.where(uniform, np.cumsum(uniform) - 1, uniform.sum())


UNIFORM = _uniform_bins()
