"""The classifier of a linear probe, as scikit-learn's model selection takes it."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

FLOOR = 0.01  # share of the class prior in every prediction: no single clip costs more than some bits


class Softmax(ClassifierMixin, BaseEstimator):
    """Softmax regression of `classes` classes, numbered from 0, of which some may be absent in training.

    Its probabilities are mixed with the class prior `prior_` (FLOOR); `C` is the inverse weight of the penalty. Its
    score is minus the mean surprisal in bits.
    """

    def __init__(self, classes: int = 2, C: float = 1.0):
        self.classes = classes
        self.C = C

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        counts = np.bincount(y, minlength=self.classes)
        self.prior_ = (counts + 1) / (len(y) + self.classes)
        model = LogisticRegression(C=self.C, max_iter=1000) if (counts > 0).sum() > 1 else DummyClassifier()
        self.model_ = model.fit(x, y)
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        probabilities = np.zeros((len(x), self.classes))
        probabilities[:, self.model_.classes_] = self.model_.predict_proba(x)
        return (1 - FLOOR) * probabilities + FLOOR * self.prior_

    def score(self, x: np.ndarray, y: np.ndarray) -> float:
        return -surprisal(self.predict_proba(x), y).mean()


def surprisal(probabilities: np.ndarray, y: np.ndarray) -> np.ndarray:
    """-log2 of the probability (N, K) given to each true class, (N,) bits."""
    return -np.log2(probabilities[np.arange(len(y)), y])
