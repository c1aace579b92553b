"""Batch regularization learning (BRL): a plug-in loss that evens out attention over the source datasets."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def group_means(values: Tensor, groups: Tensor, present: Tensor | None = None) -> Tensor:
    """The mean of `values` (N,) in each group that occurs in `groups` (N,) integers; (G,), ordered by group number.

    `present` are the groups that occur: given, they save a GPU the wait until it has found them.
    """
    member = _members(groups, present, values.dtype)
    return member @ values / member.sum(1)


def _members(groups: Tensor, present: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Which samples (N) belong to which group (G): a table of 0 and 1, whose product is deterministic on CUDA too."""
    return (groups[None, :] == (groups.unique() if present is None else present)[:, None]).to(dtype)


class BatchRegularizationLoss(nn.Module):
    """The gap between the source datasets' mean attention in a batch (the paper's 3.2.1).

    a_j = sigmoid(W x_j + b) is the attention of sample j, m_i its mean over the samples of dataset i in the batch, and
    the loss is max_i m_i - min_i m_i. Only datasets present in the batch count; with fewer than two the loss is 0.
    W and b are learned with the model: give their parameters to the optimiser.

    Args:
        features: D, the length of a feature vector.
        generator: draws W and b (uniform within 1/sqrt(D), as `nn.Linear`); torch's own by default.
        attention_weights: "learned" (the paper), "frozen" at their first draw, or "reversed": W and b climb the loss
            that the features descend, so that W looks for the gap instead of turning away from it.
        spread: "range" (the paper), or "variance" of the datasets' means.
    """

    def __init__(
        self,
        features: int,
        generator: torch.Generator | None = None,
        attention_weights: str = "learned",
        spread: str = "range",
    ):
        super().__init__()
        bound = 1 / math.sqrt(features)
        self.weight = nn.Parameter(torch.empty(features).uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.empty(()).uniform_(-bound, bound, generator=generator))
        self.requires_grad_(attention_weights != "frozen")
        self._steer, self._spread = STEERING[attention_weights], SPREADS[spread]

    def attention(self, features: Tensor) -> Tensor:
        """Attention weights in (0, 1), shape (N,), of features (N, D)."""
        return torch.sigmoid(features @ self.weight + self.bias)

    def forward(self, features: Tensor, domains: Tensor, present: Tensor | None = None) -> Tensor:
        """The loss, a scalar in [0, 1), of features (N, D) float and their datasets `domains` (N,) integer.

        `present`, the datasets that occur in `domains`, may be given to spare a GPU the search.
        """
        if features.ndim != 2 or features.shape[1] != self.weight.numel() or domains.shape != features.shape[:1]:
            raise ValueError(
                f"Got features {tuple(features.shape)} and domains {tuple(domains.shape)}; expected "
                f"(N, {self.weight.numel()}) and (N,). Flatten the features of a sample into one vector."
            )
        attention = torch.sigmoid(features @ self._steer(self.weight) + self._steer(self.bias))
        return self._spread(group_means(attention, domains, present))


# How the loss's own weights take part in it: the same value, another gradient.
STEERING = {"learned": lambda w: w, "frozen": lambda w: w, "reversed": lambda w: 2 * w.detach() - w}
SPREADS = {"range": lambda means: means.max() - means.min(), "variance": lambda means: means.var(correction=0)}


def feature_mean_gap(features: Tensor, domains: Tensor, present: Tensor | None = None) -> Tensor:
    """The share, in [0, 1], of the variance of `features` (N, D) that lies between the datasets `domains` (N,).

    What BRL is compared with: the datasets' means brought together in every direction, without attention. As a share
    it cannot be lowered by shrinking the features.
    """
    centred = features - features.mean(0)
    member = _members(domains, present, features.dtype)
    between = (member @ centred).square().sum(1) / member.sum(1)
    return between.sum() / centred.square().sum().clamp_min(1e-12)


def weighted_cross_entropy(logits: Tensor, labels: Tensor, attention: Tensor, weighting: str) -> Tensor:
    """Cross-entropy of logits (N, 3) with the `attention` (N,) acting on it.

    "none": not at all, as the paper's equations have it; "logit": logits times attention, as in SCN (Wang et al.,
    2020); "loss": each sample's cross-entropy times its share of the batch's attention.
    """
    if weighting == "logit":
        return nn.functional.cross_entropy(attention[:, None] * logits, labels)
    if weighting == "loss":
        each = nn.functional.cross_entropy(logits, labels, reduction="none")
        return (attention * each).sum() / attention.sum()
    return nn.functional.cross_entropy(logits, labels)
