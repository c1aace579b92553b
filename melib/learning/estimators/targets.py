"""Labels as numbers to regress on."""

from __future__ import annotations

import numpy as np

from melib.corpus.index import CLASSES
from melib.learning.estimators.base import Features


def one_hot(y: np.ndarray) -> np.ndarray:
    """Classes (N,) as a table (N, 3) of 0 and 1."""
    return np.eye(len(CLASSES))[y]


def weighted(train: Features, class_weights: str) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, D) and labels (N, 3) for least squares, where a clip counts as `class_weights` says.

    A squared error is weighted by N / (3 n_c) with "balanced": both sides are multiplied by the root of that.
    """
    labels = one_hot(train.y)
    if class_weights == "none":
        return train.x, labels
    counts = labels.sum(0)
    present = (counts > 0).sum()
    roots = np.sqrt(len(labels) / (present * counts[train.y]))[:, None]
    return roots * train.x, roots * labels
