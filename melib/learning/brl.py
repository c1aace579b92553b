"""Batch regularization learning (BRL): a plug-in loss that evens out attention over the source datasets."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def group_means(values: Tensor, groups: Tensor) -> Tensor:
    """The mean of `values` (N,) in each group that occurs in `groups` (N,) integers; (G,), ordered by group number."""
    # A comparison table instead of scatter_add: deterministic on CUDA, and no host sync to count the groups there.
    member = (groups[None, :] == groups.unique()[:, None]).to(values.dtype)
    return member @ values / member.sum(1)


class BatchRegularizationLoss(nn.Module):
    """The gap between the source datasets' mean attention in a batch (the paper's 3.2.1).

    a_j = sigmoid(W x_j + b) is the attention of sample j, m_i its mean over the samples of dataset i in the batch, and
    the loss is max_i m_i - min_i m_i. Only datasets present in the batch count; with fewer than two the loss is 0.
    W and b are learned with the model: give their parameters to the optimiser.

    Args:
        features: D, the length of a feature vector.
        generator: draws W and b (uniform within 1/sqrt(D), as `nn.Linear`); torch's own by default.
    """

    def __init__(self, features: int, generator: torch.Generator | None = None):
        super().__init__()
        bound = 1 / math.sqrt(features)
        self.weight = nn.Parameter(torch.empty(features).uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.empty(()).uniform_(-bound, bound, generator=generator))

    def attention(self, features: Tensor) -> Tensor:
        """Attention weights in (0, 1), shape (N,), of features (N, D)."""
        return torch.sigmoid(features @ self.weight + self.bias)

    def forward(self, features: Tensor, domains: Tensor) -> Tensor:
        """The loss, a scalar in [0, 1), of features (N, D) float and their datasets `domains` (N,) integer."""
        if features.ndim != 2 or features.shape[1] != self.weight.numel() or domains.shape != features.shape[:1]:
            raise ValueError(
                f"Got features {tuple(features.shape)} and domains {tuple(domains.shape)}; expected "
                f"(N, {self.weight.numel()}) and (N,). Flatten the features of a sample into one vector."
            )
        means = group_means(self.attention(features), domains)
        return means.max() - means.min()
