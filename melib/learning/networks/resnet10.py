"""The ResNet-10 of MEGC2018's winner, without and with micro-attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.learning.networks.base import Network
from melib.learning.networks.convolution import quick_on_small_maps

STAGES = (64, 128, 256, 512)


class Grey(nn.Module):
    """Images (N, C, H, W) as one channel, the mean of theirs."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)


class UnitLength(nn.Module):
    """Vectors (N, D) divided by their length."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, dim=1)


class MicroAttention(nn.Module):
    """Maps s (N, C, H, W) become s + m s, the mask m read from what a stage computed on its way to s."""

    def __init__(self, maps: int):
        super().__init__()
        self.mask = nn.Sequential(nn.Conv2d(3 * maps, maps, 1, bias=False), nn.Conv2d(maps, 1, 1, bias=False))

    def forward(self, maps: Tensor, steps: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return maps + torch.sigmoid(self.mask(torch.cat(steps, dim=1))) * maps


class Stage(nn.Module):
    """A residual stage of two 3x3 convolutions.

    The first keeps its 64 maps and their size. Later ones begin with batch norm and ReLU, halve the size and double the
    maps; the shortcut is then a 1x1 convolution with stride 2. The last ends with batch norm and ReLU.
    """

    def __init__(self, inputs: int, maps: int, attention: bool):
        super().__init__()
        halves = inputs != maps
        stride = 2 if halves else 1
        self.start = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU()) if halves else nn.Identity()
        self.shortcut = nn.Conv2d(inputs, maps, 1, stride, bias=False) if halves else nn.Identity()
        self.first = nn.Sequential(
            nn.Conv2d(inputs, maps, 3, stride, padding=1, bias=False), nn.BatchNorm2d(maps), nn.ReLU()
        )
        self.second = nn.Conv2d(maps, maps, 3, padding=1, bias=False)
        self.end = nn.Sequential(nn.BatchNorm2d(maps), nn.ReLU()) if maps == STAGES[-1] else nn.Identity()
        self.attention = MicroAttention(maps) if attention else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.start(x)
        shortcut = self.shortcut(x)
        first = self.first(x)
        second = self.second(first)
        maps = self.end(shortcut + second)
        return self.attention(maps, (shortcut, first, second)) if self.attention else maps


def resnet10_body(channels: int, attention: bool) -> nn.Sequential:
    """From images (N, C, S, S), made grey, to 512 features of length 1."""
    grey = [Grey()] if channels > 1 else []
    stem = [nn.BatchNorm2d(1), nn.Conv2d(1, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    sizes = zip((64, *STAGES[:-1]), STAGES, strict=True)
    stages = [Stage(inputs, maps, attention) for inputs, maps in sizes]
    body = nn.Sequential(
        *grey, *stem, nn.MaxPool2d(3, 2, ceil_mode=True), *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), UnitLength()
    )
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return quick_on_small_maps(body)


def rn(shape: tuple[int, int, int]) -> Network:
    """RN (Peng et al., 2018): ResNet-10 of grey apex frames, from scratch.

    The layers are read off the network definitions that ATNet's authors published. Its weights, learned on ImageNet and
    on macro-expressions, are not published: give a file as `weights`.
    """
    return Network(resnet10_body(shape[0], attention=False), STAGES[-1])


def rnma(shape: tuple[int, int, int]) -> Network:
    """RNMA (Wang et al., 2020): RN with micro-attention after every stage, from scratch.

    Layers and attention are read off network definitions that its authors published, as those of `rn`.
    """
    return Network(resnet10_body(shape[0], attention=True), STAGES[-1])
