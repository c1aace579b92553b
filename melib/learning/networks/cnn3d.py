"""A stand-in for D3DCNN, whose layers are not published where they could be read."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.learning.networks.base import Network, length


class MaxPool3d(nn.MaxPool3d):
    """`nn.MaxPool3d` in the type of its input: autocast would make it float32, twice the memory for the same maxima."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x)


def cnn3d(shape: tuple[int, int, int, int]) -> Network:
    """A plain 3-D CNN of grey frames (1, T, S, S), in place of D3DCNN (Talluri et al., 2022).

    Twice a 3x3x3 convolution of 32 maps, max pooling 2 and ReLU, dropout 0.5, a layer of 128, dropout 0.5: all assumed.
    Published is that it is plain, and that its frames lie around the apex.
    """
    if min(shape[1:]) < 4:
        raise ValueError(
            f"cnn3d halves frames and pixels twice and needs at least 4 of each; got {shape[1:]}. Give samples with "
            "more or larger frames, or choose another network."
        )
    convolutions = nn.Sequential(
        nn.Conv3d(shape[0], 32, 3, padding=1), MaxPool3d(2), nn.ReLU(),
        nn.Conv3d(32, 32, 3, padding=1), MaxPool3d(2), nn.ReLU(),
        nn.Flatten(), nn.Dropout(0.5),
    )  # fmt: skip
    layers = nn.Sequential(nn.Linear(length(convolutions, shape), 128), nn.ReLU(), nn.Dropout(0.5))
    return Network(nn.Sequential(convolutions, layers), 128)
