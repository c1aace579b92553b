"""Losses that bring the distributions of the sources' features together: CORAL and MMD."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

from melib.learning.algorithms.base import Algorithm, Batch

POOLED = 512  # features at most: a covariance of a CNN's 200,704 features would not fit any memory


def pooled(features: Tensor) -> Tensor:
    """Features (N, D) as they are, or where D > POOLED the means of POOLED runs of neighbours, (N, POOLED)."""
    if features.shape[1] <= POOLED:
        return features
    return nn.functional.adaptive_avg_pool1d(features[None], POOLED)[0]


class Matching(Algorithm):
    """Cross-entropy plus `gamma` times the mean distance between the sources, over their pairs in the batch.

    A new one writes `distance`. A source with fewer than two clips in the batch is in no pair.
    """

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """How far the features (N, D) and (M, D) of two sources lie apart; 0 for equal ones."""
        raise NotImplementedError

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        logits, features = self(batch.x)
        ce = self.cross_entropy(logits, batch.y)
        features = pooled(features)
        by_source = [features[batch.domain == domain] for domain in batch.domains]
        by_source = [rows for rows in by_source if len(rows) > 1]
        distances = [self.distance(x, y) for x, y in combinations(by_source, 2)]
        penalty = torch.stack(distances).mean() if distances else ce.new_zeros(())
        return {"loss": ce + self.options["gamma"] * penalty, "ce": ce, "penalty": penalty}
