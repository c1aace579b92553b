"""Accuracy, UAR and UF1 over the fixed three classes."""

from __future__ import annotations

import numpy as np

from melib.corpus.index import CLASSES

METRICS = ("acc", "uar", "uf1")


def confusion(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Count clips by true class (rows) and predicted class (columns), both (N,) integers in the order of CLASSES."""
    k = len(CLASSES)
    return np.bincount(np.asarray(true) * k + np.asarray(predicted), minlength=k * k).reshape(k, k)


def scores(counts: np.ndarray) -> dict[str, float]:
    """Accuracy, unweighted average recall and unweighted F1 of confusion counts (3, 3), each in [0, 1].

    Every class counts, whether or not it occurs or is ever predicted: 0/0 is 0. Counts of several folds are summed
    before they come here; UF1 is never the mean of folds' UF1 (methods of MEGC2019).

    >>> scores(np.array([[2, 0, 0], [0, 2, 0], [0, 0, 0]]))
    {'acc': 1.0, 'uar': 0.6666666666666666, 'uf1': 0.6666666666666666}
    """
    hit, true, predicted = _sums(counts)
    shares = hit.sum(-1) / np.maximum(true.sum(-1), 1), hit / np.maximum(true, 1), _f1(hit, true, predicted)
    return {name: float(np.mean(value)) for name, value in zip(METRICS, shares, strict=True)}


def rates(counts: np.ndarray) -> np.ndarray:
    """The metrics (..., 3), in the order of METRICS, of resampled confusion counts (..., 3, 3).

    As `scores`, but a class without a clip does not count: that a draw left it out is nobody's mistake.
    """
    hit, true, predicted = _sums(counts)
    there = true > 0
    count = np.where(np.isnan(true).any(-1), np.nan, np.maximum(there.sum(-1), 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(there, hit / true, 0).sum(-1) / count
        f1 = np.where(there, _f1(hit, true, predicted), 0).sum(-1) / count
        return np.stack([hit.sum(-1) / true.sum(-1), recall, f1], axis=-1)


def _sums(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, true and predicted clips of each class."""
    counts = np.asarray(counts, dtype=float)
    return np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1), counts.sum(-2)


def _f1(hit, true, predicted) -> np.ndarray:
    return 2 * hit / np.maximum(true + predicted, 1)
