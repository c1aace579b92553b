"""Empirical risk minimisation: plain cross-entropy, what every other algorithm is compared with."""

from __future__ import annotations

from torch import Tensor

from melib.learning.algorithms.base import Algorithm, Batch


class ERM(Algorithm):
    """Cross-entropy over all source clips (Vapnik, 1998), times `ce_scale` from epoch `brl_start` on.

    A scale of 1 - lam is the control for losses that weigh cross-entropy by 1 - lam: it changes what weight decay does.
    """

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        logits, _ = self(batch.x)
        ce = self.cross_entropy(logits, batch.y)
        return {"loss": self.options["ce_scale"] * ce if self.started(batch) else ce, "ce": ce}
