"""ATNet: the apex frame and the motion of the whole clip, side by side."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.learning.networks.base import Network
from melib.learning.networks.resnet10 import STAGES, UnitLength, resnet10_body


class MeanState(nn.Module):
    """The mean over time of what two LSTM layers make of a sequence (N, T, D)."""

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.lstm = nn.LSTM(inputs, hidden, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0].mean(1)


class TwoBranches(nn.Module):
    """Features of the image and of the sequence side by side, half of them dropped in training."""

    def __init__(self, image: nn.Module, sequence: nn.Module):
        super().__init__()
        self.image = image
        self.sequence = sequence
        self.drop = nn.Dropout(0.5)

    def forward(self, image: Tensor, sequence: Tensor) -> Tensor:
        return self.drop(torch.cat([self.image(image), self.sequence(sequence)], dim=1))


def atnet(image: tuple[int, int, int], sequence: tuple[int, int]) -> Network:
    """ATNet (Peng et al., 2019): ResNet-10 of the apex frame and two LSTM layers of 512 over the flow of face cells.

    Both give 512 features of length 1. Layers and recipe are read off the authors' network definitions. From scratch:
    the weights, learned on macro-expressions, are not published.
    """
    hidden = STAGES[-1]
    temporal = nn.Sequential(MeanState(sequence[1], hidden), UnitLength())
    return Network(TwoBranches(resnet10_body(image[0], attention=False), temporal), 2 * hidden)
