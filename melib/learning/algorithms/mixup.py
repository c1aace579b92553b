"""Mixup between sources."""

from __future__ import annotations

import torch
from torch import Tensor

from melib.learning.algorithms.base import Algorithm, Batch


class Mixup(Algorithm):
    """Cross-entropy on mixtures of clips of two sources and, in the same proportion, of their labels.

    The sources of a batch are put in a random circle and each is mixed with the next, lambda ~ Beta(alpha, alpha); the
    longer of two is cut (Zhang et al., 2018; between sources as Gulrajani and Lopez-Paz, 2021).
    """

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        alpha = self.options["alpha"]
        circle = batch.domains[torch.randperm(len(batch.domains))]
        losses = []
        for first, second in zip(circle, circle.roll(-1), strict=True):
            one = (batch.domain == first).nonzero()[:, 0]
            other = (batch.domain == second).nonzero()[:, 0]
            length = min(len(one), len(other))
            one = one[:length]
            other = other[:length]
            share = float(torch.distributions.Beta(alpha, alpha).sample())
            logits, _ = self(tuple(share * x[one] + (1 - share) * x[other] for x in batch.x))
            ce = self.cross_entropy(logits, batch.y[one])
            losses.append(share * ce + (1 - share) * self.cross_entropy(logits, batch.y[other]))
        loss = torch.stack(losses).mean()
        return {"loss": loss, "ce": loss.detach()}
