"""Self-supervised pre-training on the training clips, then plain cross-entropy."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.learning.algorithms.base import Algorithm, Batch

AXES = {5: 2, 4: 2, 3: 1}  # what is reversed, by the number of axes: a video's or sequence's time, an image's rows


class Pretrain(Algorithm):
    """Before epoch `brl_start` the network classifies whether a clip is played backwards; from then on, cross-entropy.

    A half of each batch, drawn at random, is reversed: videos and sequences in time, images upside down. No label has a
    part in it. Raises ValueError for feature vectors, which have no order.
    """

    def build(self) -> None:
        self.direction = nn.Linear(self.network.head.in_features, 2)
        draws = self.generator("pretext")
        bound = self.direction.in_features**-0.5
        for weights in self.direction.parameters():
            nn.init.uniform_(weights, -bound, bound, generator=draws)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        zero = batch.x[0].new_zeros(())
        if self.started(batch):
            ce = self.cross_entropy(self(batch.x)[0], batch.y)
            return {"loss": ce, "ce": ce, "pretext": zero}
        reversed_ = torch.rand(len(batch.y)) < 0.5
        reversed_ = reversed_.to(batch.y.device)
        _, features = self(tuple(_reverse(x, reversed_) for x in batch.x))
        pretext = nn.functional.cross_entropy(self.direction(features), reversed_.long())
        return {"loss": pretext, "ce": zero, "pretext": pretext}


def _reverse(x: Tensor, chosen: Tensor) -> Tensor:
    """`x` (N, ...) with the rows where `chosen` (N,) is true in reversed order."""
    if x.ndim not in AXES:
        raise ValueError(f"pretrain reverses videos, sequences and images; got vectors {tuple(x.shape[1:])}.")
    return torch.where(chosen.view(-1, *[1] * (x.ndim - 1)), x.flip(AXES[x.ndim]), x)
