"""The paper's CNN."""

from __future__ import annotations

from torch import nn

from melib.learning.networks.base import Network


def cnn(shape: tuple[int, int, int]) -> Network:
    """The paper's CNN (4.2): 5x5 convolution, pool, 3x3 convolution, pool, one linear layer.

    Widths (32, 64), ReLU and max pooling are ours; the paper names none. ReLU stands after the pool, where it
    gives the same numbers and costs a quarter.
    """
    channels, height, width = shape
    body = nn.Sequential(
        nn.Conv2d(channels, 32, 5, padding=2), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip
    return Network(body, 64 * (height // 4) * (width // 4))
