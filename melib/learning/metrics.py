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
    counts = np.asarray(counts, dtype=float)
    hit, true, predicted = np.diag(counts), counts.sum(1), counts.sum(0)
    recall = hit / np.maximum(true, 1)
    f1 = 2 * hit / np.maximum(true + predicted, 1)
    return {
        "acc": float(hit.sum() / max(counts.sum(), 1)),
        "uar": float(recall.mean()),
        "uf1": float(f1.mean()),
    }
