"""A network for plain feature vectors."""

from __future__ import annotations

from torch import nn

from melib.learning.networks.base import Network, size_of


def mlp(shape: tuple[int, ...], hidden: int = 256) -> Network:
    """One hidden layer of ReLU: the least that gives feature vectors a learned feature space."""
    body = nn.Sequential(nn.Flatten(), nn.Linear(size_of(shape), hidden), nn.ReLU())
    return Network(body, hidden)
