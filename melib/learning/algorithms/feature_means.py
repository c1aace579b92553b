"""Feature-mean matching: what BRL is compared with, the datasets' means brought together in every direction."""

from __future__ import annotations

from torch import Tensor

from melib.learning.algorithms.base import Algorithm, Batch
from melib.learning.groups import members


def feature_mean_gap(features: Tensor, domains: Tensor, present: Tensor | None = None) -> Tensor:
    """The share, in [0, 1], of the variance of `features` (N, D) that lies between the datasets `domains` (N,).

    As a share it cannot be lowered by shrinking the features. `present` as in `groups.members`.
    """
    centred = features - features.mean(0)
    member = members(domains, present, features.dtype)
    between = (member @ centred).square().sum(1) / member.sum(1)
    return between.sum() / centred.square().sum().clamp_min(1e-12)


class FeatureMeans(Algorithm):
    """(1 - lam) cross-entropy + lam `feature_mean_gap` from epoch `brl_start` on."""

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        logits, features = self(batch.x)
        ce = self.cross_entropy(logits, batch.y)
        lam = self.options["lam"]
        if not (self.started(batch) and lam):
            return {"loss": ce, "ce": ce, "penalty": ce.new_zeros(())}
        gap = feature_mean_gap(features, batch.domain, batch.domains)
        return {"loss": (1 - lam if self.options["scale_ce"] else 1) * ce + lam * gap, "ce": ce, "penalty": gap}
