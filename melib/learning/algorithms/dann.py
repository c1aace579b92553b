"""DANN and CDANN: features from which a discriminator cannot read the source."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from melib.corpus.index import CLASSES
from melib.learning.algorithms.base import Algorithm, Batch
from melib.learning.algorithms.matching import POOLED, pooled

WIDTH = 256


class DANN(Algorithm):
    """Cross-entropy plus a discriminator's loss, whose gradient reaches the features reversed, times `lam`.

    The discriminator (three layers) learns to name a clip's source from its features, and the features learn to prevent
    it, in the same step (Ganin et al., 2016). With `lam` 0 the network is trained as by cross-entropy alone.
    """

    def build(self) -> None:
        size = min(self.network.head.in_features, POOLED)
        sizes = ((size, WIDTH), (WIDTH, WIDTH), (WIDTH, len(self.task.groups)))
        first, second, last = (nn.Linear(*pair) for pair in sizes)
        self.discriminator = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)
        self.draw(self.discriminator)

    def draw(self, module: nn.Module) -> None:
        """Draw the module's weights from this run's own generator: uniform within 1 / sqrt(inputs)."""
        draws = self.generator("discriminator")
        for weights in module.parameters():
            bound = 1 / math.sqrt(weights.shape[-1])
            nn.init.uniform_(weights, -bound, bound, generator=draws)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        logits, features = self(batch.x)
        ce = self.cross_entropy(logits, batch.y)
        source = torch.searchsorted(self.task.groups, batch.domain)
        discrimination = self.discrimination(_reverse(pooled(features), self.options["lam"]), source, batch.y)
        return {"loss": ce + discrimination, "ce": ce, "penalty": discrimination}

    def discrimination(self, features: Tensor, source: Tensor, y: Tensor) -> Tensor:
        """How badly the discriminator names the sources (N,) of clips with these features (N, D)."""
        return nn.functional.cross_entropy(self.discriminator(features), source)


class CDANN(DANN):
    """DANN whose discriminator is given the class too, and counts each class alike (Li et al., 2018)."""

    def build(self) -> None:
        super().build()
        self.classes = nn.Embedding(len(CLASSES), self.discriminator[0].in_features)
        self.draw(self.classes)

    def discrimination(self, features: Tensor, source: Tensor, y: Tensor) -> Tensor:
        losses = nn.functional.cross_entropy(self.discriminator(features + self.classes(y)), source, reduction="none")
        counts = nn.functional.one_hot(y, len(CLASSES)).sum(0)
        return (losses / counts[y]).sum() / (counts > 0).sum()


def _reverse(features: Tensor, scale: float) -> Tensor:
    """The same values, with -scale times the gradient."""
    return (1 + scale) * features.detach() - scale * features
