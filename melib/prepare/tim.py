"""Clips of any length as the same number of frames."""

from __future__ import annotations

import numpy as np


def interpolate(frames: np.ndarray, length: int) -> np.ndarray:
    """The temporal interpolation model (Zhou et al., 2011): `frames` (T, ...) as `length` of them, evenly in time.

    TIM puts the frames on a curve, the eigenvectors of the Laplacian of a path graph, and reads frames off it at other
    times. With f_k(t) = cos(pi k (n t - 1/2) / n) at t = 1/n, 2/n, ..., 1 these eigenvectors are orthogonal, so the
    published detour over singular vectors ends in one matrix of weights, which also holds for frames that are not
    linearly independent. First and last frame stay as they are. Returns float64; raises ValueError for less than two
    frames in or out.
    """
    n = len(frames)
    if n < 2 or length < 2:
        raise ValueError(f"Temporal interpolation of {n} frames to {length}: at least two of each are needed.")
    times = 1 / n + (1 - 1 / n) * np.arange(length) / (length - 1)
    given = _eigenvectors(np.arange(1, n + 1) / n, n)
    wanted = _eigenvectors(times, n)
    weights = 1 / n + 2 / n * wanted @ given.T
    return np.tensordot(weights, frames.astype(np.float64), axes=1)


def _eigenvectors(times: np.ndarray, n: int) -> np.ndarray:
    """The n - 1 non-constant eigenvectors of a path graph of n nodes, continued to any `times` in [1/n, 1]: (T, n - 1).

    sin(pi k t + pi (n - k) / (2 n)), as published, is the cosine written here.
    """
    k = np.arange(1, n)
    return np.cos(np.pi * k * (times[:, None] - 1 / (2 * n)))


def evenly(count: int, length: int) -> list[int]:
    """`length` places 0..count - 1, evenly spread, first and last among them; places repeat where frames are few."""
    return [round(place) for place in np.linspace(0, count - 1, length)]
