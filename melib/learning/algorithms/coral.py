"""CORAL: the means and covariances of the sources' features brought together."""

from __future__ import annotations

from torch import Tensor

from melib.learning.algorithms.matching import Matching


class CORAL(Matching):
    """The mean squared difference of the means, plus that of the covariances (Sun and Saenko, 2016)."""

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        means = (x.mean(0) - y.mean(0)).square().mean()
        return means + (_covariance(x) - _covariance(y)).square().mean()


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)
