"""Means over the groups of a batch: what every loss that compares source datasets is made of."""

from __future__ import annotations

import torch
from torch import Tensor


def members(groups: Tensor, present: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Which samples (N) belong to which group (G): a table of 0 and 1, whose product is deterministic on CUDA too.

    `present` are the groups that occur in `groups` (N,) integers; given, they save a GPU the wait until it has them.
    """
    return (groups[None, :] == (groups.unique() if present is None else present)[:, None]).to(dtype)


def group_means(values: Tensor, groups: Tensor, present: Tensor | None = None) -> Tensor:
    """The mean of `values` (N,) or (N, D) in each group that occurs in `groups` (N,) integers; (G,) or (G, D)."""
    member = members(groups, present, values.dtype)
    counts = member.sum(1)
    return member @ values / (counts if values.ndim == 1 else counts[:, None])
