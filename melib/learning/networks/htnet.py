"""HTNet's stand-in: transformers on four regions of a face, then on all of them together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.learning.networks.base import Network

# Where the regions begin, as shares of the image's height and width; each is half as high and wide. Fixed, where HTNet
# puts them around landmarks.
EYES = 0.1
LIPS = 0.5
LEFT = 0.0
RIGHT = 0.5
REGIONS = ((EYES, LEFT), (EYES, RIGHT), (LIPS, LEFT), (LIPS, RIGHT))
QUARTERS = ((0.0, LEFT), (0.0, RIGHT), (0.5, LEFT), (0.5, RIGHT))


def htnet(shape: tuple[int, int, int], regions: bool = True, embedding: int = 64, depth: int = 2) -> Network:
    """HTNet (Wang et al., 2023) with fixed landmarks: a stand-in.

    Both eyes and both corners of the mouth, 2 x 2 patches each, go through `depth` transformer layers by themselves
    (local attention); a convolution with max pooling brings neighbouring patches together, and as many layers look at
    all of them. Published are the regions, the two kinds of layers and the order, the last read off the authors'
    repository; sizes and recipe are assumed, and small enough for CPUs. `regions` false cuts the whole image into
    quarters instead.
    """
    return Network(HTNet(shape, regions, embedding, depth), 2 * embedding)


class Patches(nn.Module):
    """Images (N, C, S, S) as four regions of 2 x 2 patches each, (4 N, E, 2, 2), the regions of an image in a row."""

    def __init__(self, shape: tuple[int, int, int], regions: bool, embedding: int):
        super().__init__()
        channels, height, width = shape
        self.half = (height // 2, width // 2)
        shares = REGIONS if regions else QUARTERS
        self.corners = [(round(y * height), round(x * width)) for y, x in shares]
        patch = (self.half[0] // 2, self.half[1] // 2)
        self.project = nn.Conv2d(channels, embedding, patch, stride=patch)
        self.place = nn.Parameter(0.02 * torch.randn(embedding, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        height, width = self.half
        regions = [x[..., top : top + height, left : left + width] for top, left in self.corners]
        patches = self.project(torch.stack(regions, dim=1).flatten(0, 1))
        return patches[..., :2, :2] + self.place


class HTNet(nn.Module):
    """From images (N, C, S, S) to features (N, 2 E)."""

    def __init__(self, shape: tuple[int, int, int], regions: bool, embedding: int, depth: int):
        super().__init__()
        self.patches = Patches(shape, regions, embedding)
        self.local = _transformer(embedding, depth)
        self.aggregate = nn.Sequential(nn.Conv2d(embedding, 2 * embedding, 3, padding=1), nn.MaxPool2d(2))
        self.whole = _transformer(2 * embedding, depth)
        self.norm = nn.LayerNorm(2 * embedding)

    def forward(self, x: Tensor) -> Tensor:
        local = _attend(self.local, self.patches(x)).unflatten(0, (-1, 2, 2))
        face = local.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
        return self.norm(_attend(self.whole, self.aggregate(face)).flatten(2).mean(2))


def _transformer(width: int, depth: int) -> nn.Module:
    layers = [
        nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        for _ in range(depth)
    ]
    return nn.Sequential(*layers)


def _attend(layers: nn.Module, x: Tensor) -> Tensor:
    """Maps (N, E, H, W) through transformer layers, every place a token."""
    return layers(x.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, x.shape[2:])
