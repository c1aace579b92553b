"""Batch regularization learning (BRL): a plug-in loss that evens out attention over the source datasets."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from melib.learning.algorithms.base import Algorithm, Batch
from melib.learning.groups import group_means


class BatchRegularizationLoss(nn.Module):
    """The gap between the source datasets' mean attention in a batch (the paper's 3.2.1).

    a_j = sigmoid(W x_j + b) is the attention of sample j, m_i its mean over the samples of dataset i in the batch, and
    the loss is max_i m_i - min_i m_i. Only datasets present in the batch count; with fewer than two the loss is 0.
    W and b are learned with the network: give their parameters to the optimiser.

    Args:
        features: D, the length of a feature vector.
        generator: draws W and b (uniform within 1/sqrt(D), as `nn.Linear`); torch's own by default.
        attention_weights: "learned" (the paper), "frozen" at their first draw, or "reversed": W and b climb the loss
            that the features descend, so that W looks for the gap instead of turning away from it.
        spread: "range" (the paper), or "variance" of the datasets' means.

    >>> loss = BatchRegularizationLoss(8)
    >>> loss(torch.ones(6, 8), torch.tensor([0, 0, 1, 1, 2, 2])).item()
    0.0
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
        self.reversed = attention_weights == "reversed"
        self.spread = spread

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
        weight = self.weight
        bias = self.bias
        if self.reversed:
            weight = _reverse_gradient(weight)
            bias = _reverse_gradient(bias)
        means = group_means(torch.sigmoid(features @ weight + bias), domains, present)
        return means.var(correction=0) if self.spread == "variance" else means.max() - means.min()


def _reverse_gradient(weight: Tensor) -> Tensor:
    """The same value with the opposite gradient."""
    return 2 * weight.detach() - weight


class BRL(Algorithm):
    """(1 - lam) cross-entropy + lam BRL from epoch `brl_start` on (the paper's 3.2.1), plain cross-entropy before.

    Options beside `lam`, `attention_weights` and `spread`: `scale_ce` false leaves cross-entropy unscaled; `weighting`
    says where the attention acts on it: "none" (as the paper's equations have it), "logit": logits times attention, as
    in SCN (Wang et al., 2020), or "loss": each clip's cross-entropy times its share of the batch's attention.
    """

    def build(self) -> None:
        self.brl = BatchRegularizationLoss(
            self.network.head.in_features,
            self.generator("brl"),
            self.options["attention_weights"],
            self.options["spread"],
        )

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        logits, features = self(batch.x)
        if not self.started(batch):
            ce = self.cross_entropy(logits, batch.y)
            return {"loss": ce, "ce": ce, "penalty": ce.new_zeros(())}
        lam = self.options["lam"]
        ce = self.weighted_cross_entropy(logits, features, batch.y)
        if not lam:
            return {"loss": ce, "ce": ce, "penalty": ce.new_zeros(())}
        penalty = self.brl(features, batch.domain, batch.domains)
        scale = 1 - lam if self.options["scale_ce"] else 1
        return {"loss": scale * ce + lam * penalty, "ce": ce, "penalty": penalty}

    def weighted_cross_entropy(self, logits: Tensor, features: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy with the attention acting on it as `weighting` says."""
        if self.options["weighting"] == "logit":
            return self.cross_entropy(self.brl.attention(features)[:, None] * logits, y)
        if self.options["weighting"] == "loss":
            attention = self.brl.attention(features)
            return (attention * self.cross_entropy(logits, y, reduction="none")).sum() / attention.sum()
        return self.cross_entropy(logits, y)
