"""GroupDRO: the worst source counts most."""

from __future__ import annotations

import torch
from torch import Tensor

from melib.learning.algorithms.base import Algorithm, Batch
from melib.learning.groups import group_means


class GroupDRO(Algorithm):
    """A weighted sum of the sources' risks, whose weights grow with the risk: q_d <- q_d exp(eta risk_d), then sum 1.

    Sagawa et al. (2020). The weights start equal; with `eta` 0 they stay so. Sources that a batch lacks keep theirs.
    """

    def build(self) -> None:
        count = len(self.task.groups)
        self.register_buffer("weights", torch.full((count,), 1 / count))

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        logits, _ = self(batch.x)
        risks = group_means(self.cross_entropy(logits, batch.y, "none"), batch.domain, batch.domains)
        present = torch.searchsorted(self.task.groups, batch.domains)
        with torch.no_grad():
            self.weights[present] *= (self.options["eta"] * risks).exp()
            self.weights /= self.weights.sum()
        weights = self.weights[present] / self.weights[present].sum()
        return {"loss": (weights * risks).sum(), "ce": risks.mean(), "worst": risks.max()}
