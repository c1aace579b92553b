"""IRM: invariant risk minimisation, by the gradient of each source's risk with respect to a scale of the logits."""

from __future__ import annotations

import torch
from torch import Tensor

from melib.learning.algorithms.annealed import AnnealedPenalty
from melib.learning.algorithms.base import Batch
from melib.learning.groups import group_means


class IRM(AnnealedPenalty):
    """The penalty is the mean over the sources of the squared gradient of their risk at a scale s = 1 of the logits.

    The square is the product of the gradients on a source's even and odd clips, an unbiased estimate of it (IRMv1;
    Arjovsky et al., 2019). A source with fewer than two clips in the batch has no penalty.
    """

    def risks_and_penalty(self, batch: Batch) -> tuple[Tensor, Tensor]:
        logits, _ = self(batch.x)
        risks = group_means(self.cross_entropy(logits, batch.y, "none"), batch.domain, batch.domains)
        penalty = logits.new_zeros(())
        for domain in batch.domains:
            rows = (batch.domain == domain).nonzero()[:, 0]
            if len(rows) > 1:
                even = self.scale_gradient(logits[rows[::2]], batch.y[rows[::2]])
                odd = self.scale_gradient(logits[rows[1::2]], batch.y[rows[1::2]])
                penalty = penalty + even * odd
        return risks, penalty / len(batch.domains)

    def scale_gradient(self, logits: Tensor, y: Tensor) -> Tensor:
        """The derivative at s = 1 of the cross-entropy of s times `logits` (N, 3), a scalar that can be trained on."""
        scale = torch.ones((), device=logits.device, dtype=logits.dtype, requires_grad=True)
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(self.cross_entropy(scale * logits, y), scale, create_graph=True)
        return gradient
