"""Penalties that start small: their weight grows, and the optimiser forgets, at one epoch."""

from __future__ import annotations

import torch
from torch import Tensor

from melib.learning.algorithms.base import Algorithm, Batch


class AnnealedPenalty(Algorithm):
    """The mean risk of the sources plus a penalty: with weight 1 before epoch `brl_start`, `beta` from then on.

    At that epoch the optimiser's moments are reset, as they were gathered for another loss (Gulrajani and Lopez-Paz,
    2021). A new one writes `risks_and_penalty`. With `beta` 0 the penalty never acts.
    """

    def build(self) -> None:
        self.register_buffer("annealed", torch.tensor(False))

    def risks_and_penalty(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The risk of each source in the batch (G,), and the penalty, a scalar."""
        raise NotImplementedError

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        risks, penalty = self.risks_and_penalty(batch)
        beta = self.options["beta"]
        weight = beta if self.started(batch) else min(beta, 1)
        return {"loss": risks.mean() + weight * penalty, "ce": risks.mean(), "penalty": penalty}

    def update(self, batch: Batch) -> dict[str, Tensor]:
        if self.started(batch) and not self.annealed:
            self.optimizer.state.clear()
            self.annealed.fill_(True)
        return super().update(batch)
