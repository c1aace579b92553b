"""MMD: the maximum mean discrepancy between the sources' features."""

from __future__ import annotations

import torch
from torch import Tensor

from melib.learning.algorithms.matching import Matching

BANDWIDTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)


class MMD(Matching):
    """The biased estimate of the squared discrepancy, under a sum of Gaussian kernels exp(-g |x - y|^2) with g from
    .001 to 1000 (Li et al., 2018)."""

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        return _kernel(x, x).mean() + _kernel(y, y).mean() - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    squares = x.square().sum(1)[:, None] + y.square().sum(1)[None] - 2 * x @ y.T
    squares = squares.clamp_min(0)  # rounding may take a distance of 0 below it
    return torch.stack([torch.exp(-bandwidth * squares) for bandwidth in BANDWIDTHS]).sum(0)
