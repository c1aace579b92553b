"""What an estimator is given: vectors with their classes, datasets and subjects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

NEVER = -1e9  # the score of a class without a training clip, which is never predicted


@dataclass(frozen=True)
class Features:
    """Clips as vectors: x (N, D) float64, y (N,) classes, domain (N,) numbers of datasets, subject (N,) names.

    Of held-out clips (`target`) only x is given.
    """

    x: np.ndarray
    y: np.ndarray | None = None
    domain: np.ndarray | None = None
    subject: np.ndarray | None = None

    def rows(self, mask: np.ndarray) -> Features:
        """The clips where `mask` (N,) is true."""
        return Features(self.x[mask], self.y[mask], self.domain[mask], self.subject[mask])


class Estimator(ABC):
    """A method without epochs, with scikit-learn's verbs. A new one writes `fit` and `decision_function`.

    Args:
        options: the values of its Spec's options.
        class_weights: "none" or "balanced".
    """

    def __init__(self, options: dict[str, object], class_weights: str = "none"):
        self.options = options
        self.class_weights = class_weights

    @abstractmethod
    def fit(self, train: Features, target: Features | None = None) -> Estimator:
        """Learn from `train`; `target`, held-out inputs without labels, comes only where the Spec `uses_target`."""

    @abstractmethod
    def decision_function(self, x: np.ndarray) -> np.ndarray:
        """A score (N, 3) of each class for vectors (N, D); the highest is predicted."""

    def arrays(self) -> dict[str, np.ndarray]:
        """What it has learned, to be kept in the run folder."""
        return {}

    def choices(self) -> dict[str, float]:
        """What it chose on the sources, for run.json."""
        return {}
