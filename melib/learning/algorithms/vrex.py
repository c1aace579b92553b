"""V-REx: risk extrapolation by the variance of the sources' risks."""

from __future__ import annotations

from torch import Tensor

from melib.learning.algorithms.annealed import AnnealedPenalty
from melib.learning.algorithms.base import Batch
from melib.learning.groups import group_means


class VREx(AnnealedPenalty):
    """The penalty is the variance over the sources of their mean cross-entropy (Krueger et al., 2021)."""

    def risks_and_penalty(self, batch: Batch) -> tuple[Tensor, Tensor]:
        logits, _ = self(batch.x)
        risks = group_means(self.cross_entropy(logits, batch.y, "none"), batch.domain, batch.domains)
        return risks, risks.var(correction=0)
