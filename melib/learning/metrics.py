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
    return dict(zip(METRICS, rates(counts).tolist(), strict=True))


def rates(counts: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """The metrics (..., 3), in the order of METRICS, of confusion counts (..., 3, 3).

    Of resampled counts, `known` (..., 3) says which classes the data have: one that a draw left out does not count
    there, since that is nobody's mistake. A class that the data lack counts in every draw, as in `scores`. Missing
    (NaN) counts give missing metrics.
    """
    counts = np.asarray(counts, dtype=float)
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    true = counts.sum(-1)
    predicted = counts.sum(-2)
    left_out = (true == 0) & (np.zeros(len(CLASSES), bool) if known is None else known)
    classes = np.maximum((~left_out).sum(-1), 1)
    recall = np.where(left_out, 0, hit / np.maximum(true, 1))
    f1 = np.where(left_out, 0, 2 * hit / np.maximum(true + predicted, 1))
    accuracy = hit.sum(-1) / np.maximum(true.sum(-1), 1)
    return np.stack([accuracy, recall.sum(-1) / classes, f1.sum(-1) / classes], axis=-1)
