"""The inexact augmented Lagrangian: least squares with a penalty on the unknowns, split in two that are made equal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Of the augmented Lagrangian: its penalty at first and at most.
PENALTY = 1e-3
MOST = 1e15
TOLERANCE = 1e-8


def lagrangian(
    target: np.ndarray,
    solve: Callable[[np.ndarray, float], np.ndarray],
    shrink: Callable[[np.ndarray, float], np.ndarray],
    start: np.ndarray,
    growth: float,
) -> np.ndarray:
    """The unknowns (D, K) of least squares under a penalty: of least |z - a P|^2 + g(P), with `target` a'z (D, K).

    In each step `solve(right, penalty)` gives (a'a + penalty / 2)^-1 right, and `shrink(x, penalty)` what g makes of
    that; from `start` on, until both differ by less than TOLERANCE. The penalty grows by the factor `growth` a step.
    """
    shrunk = start
    multiplier = np.zeros_like(target)
    penalty = PENALTY
    while True:
        free = solve(target + (penalty * shrunk + multiplier) / 2, penalty)
        shrunk = shrink(free - multiplier / penalty, penalty)
        gap = shrunk - free
        if np.abs(gap).max() < TOLERANCE:
            return shrunk
        multiplier += penalty * gap
        penalty = min(penalty * growth, MOST)
