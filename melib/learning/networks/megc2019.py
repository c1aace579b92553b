"""The convolutional networks of MEGC2019's composite evaluation, for flow images of 28 px.

Where max pooling and ReLU follow each other, ReLU comes last: the same numbers and gradients for a part of the time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.learning.networks.base import Network, length

Shape = tuple[int, int, int]


class Streams(nn.Module):
    """Channels of one input that go through bodies of their own, one channel each; their features side by side."""

    def __init__(self, *bodies: nn.Module):
        super().__init__()
        self.bodies = nn.ModuleList(bodies)

    def forward(self, x: Tensor) -> Tensor:
        channels = x[:, : len(self.bodies)].split(1, dim=1)
        return torch.cat([body(one) for body, one in zip(self.bodies, channels, strict=True)], dim=1)


def ststnet(shape: Shape) -> Network:
    """STSTNet (Liong et al., 2019) of u, v and strain.

    Three streams of 3, 5 and 8 filters (3x3, padding 2), each with ReLU, batch norm, max pooling (3, stride 3, padding
    1) and dropout 0.5; side by side, average pooling 2, one linear layer. As the streams differ in their number of
    filters alone, they are one convolution of 16. The order of the layers, and the recipe in the grids, are read off a
    public PyTorch port.
    """
    body = nn.Sequential(
        nn.Conv2d(shape[0], 3 + 5 + 8, 3, padding=2), nn.ReLU(inplace=True), nn.BatchNorm2d(16),
        nn.MaxPool2d(3, stride=3, padding=1), nn.Dropout(0.5),
        nn.AvgPool2d(2), nn.Flatten(),
    )  # fmt: skip
    return Network(body, length(body, shape))


def off_apexnet(shape: Shape) -> Network:
    """OFF-ApexNet (Gan et al., 2019): u and v in two streams of two 5x5 convolutions, then two layers of 1024.

    Same padding, ReLU and max pooling are assumed; so is its recipe, which is STSTNet's in the grids.
    """
    _require_uv("OFF-ApexNet", shape)

    def stream() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(6, 16, 5, padding=2), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip

    streams = Streams(stream(), stream())
    layers = nn.Sequential(nn.Linear(length(streams, shape), 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU())
    return Network(nn.Sequential(streams, layers), 1024)


class Inception(nn.Module):
    """Four branches side by side: 1x1, 3x3 and 5x5 convolutions, the last two after a 1x1, and a 1x1 after pooling.

    Their joint max pooling of 2 and ReLU come last.
    """

    def __init__(self, inputs: int, each: int):
        super().__init__()
        self.branches = nn.ModuleList([
            nn.Sequential(nn.Conv2d(inputs, each, 1)),
            nn.Sequential(nn.Conv2d(inputs, each, 1), nn.ReLU(), nn.Conv2d(each, each, 3, padding=1)),
            nn.Sequential(nn.Conv2d(inputs, each, 1), nn.ReLU(), nn.Conv2d(each, each, 5, padding=2)),
            nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(inputs, each, 1)),
        ])  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.cat([branch(x) for branch in self.branches], dim=1)
        return torch.relu(nn.functional.max_pool2d(maps, 2))


def dual_inception(shape: Shape) -> Network:
    """Dual-Inception (Zhou et al., 2019): u and v in two streams of two Inception blocks, then a layer of 1024.

    Blocks of 4 x 6 and 4 x 16 channels, each with max pooling 2: sizes read off a public re-implementation. ReLU and
    what the branches hold are assumed; so is its recipe, which is STSTNet's in the grids.
    """
    _require_uv("Dual-Inception", shape)

    def stream() -> nn.Module:
        return nn.Sequential(Inception(1, 6), Inception(24, 16), nn.Flatten())

    streams = Streams(stream(), stream())
    return Network(nn.Sequential(streams, nn.Linear(length(streams, shape), 1024), nn.ReLU()), 1024)


def sssnet(shape: Shape) -> Network:
    """SSSNet (Varanka et al.): two convolutions with pooling, batch norm and dropout of channels, a layer of 256.

    Layers, sizes and the recipe in the grids are read off the authors' library MEB, not a paper.
    """
    convolutions = nn.Sequential(
        nn.Conv2d(shape[0], 32, 5), nn.MaxPool2d(3), nn.ReLU(), nn.BatchNorm2d(32), nn.Dropout2d(0.5),
        nn.Conv2d(32, 64, 3), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(64), nn.Dropout2d(0.5),
        nn.Flatten(),
    )  # fmt: skip
    layers = nn.Sequential(nn.Linear(length(convolutions, shape), 256), nn.ReLU(), nn.Dropout(0.5))
    return Network(nn.Sequential(convolutions, layers), 256)


class Recurrent(nn.Module):
    """A recurrent convolution: y = f(x) by a 1x1 convolution, then twice y = g(x + y) by one 3x3 convolution."""

    def __init__(self, maps: int):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(maps, maps, 1), nn.BatchNorm2d(maps), nn.ReLU())
        self.again = nn.Sequential(nn.Conv2d(maps, maps, 3, padding=1), nn.BatchNorm2d(maps), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        for _ in range(2):
            y = self.again(x + y)
        return y


class RCNA(Network):
    """RCN-A: the classifier's own weights say where the first layer's maps are looked at (no further parameters).

    A class's map is the mean over channels of its weights times the pooled maps, scaled to 0 to 1; the mean over the
    classes multiplies the last layer's maps.
    """

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first = self.body.first(x)
        maps = self.body.last(first) * self.attention(self.body.pool(first))
        features = self.body.flat(maps)
        dropped = nn.functional.dropout(features, self.dropout, self.training) if self.dropout else features
        return self.head(dropped), features

    def attention(self, pooled: Tensor) -> Tensor:
        """Attention (N, 1, P, P) in [0, 1] of pooled maps (N, C, P, P)."""
        weights = self.head.weight.view(1, -1, *pooled.shape[1:])
        by_class = (weights * pooled[:, None]).mean(2)
        low = by_class.amin((2, 3), keepdim=True)
        spread = by_class.amax((2, 3), keepdim=True) - low
        return ((by_class - low) / spread.clamp_min(1e-12)).mean(1, keepdim=True)


def rcn_a(shape: Shape, maps: int = 32) -> Network:
    """RCN-A (Xia et al., 2020): a 5x5 convolution, a recurrent one, 5 x 5 average pooling, and attention.

    Both with batch norm, ReLU, max pooling 2 and dropout 0.5. How the recurrent convolution and the attention compute
    what they do, and the recipe in the grids but for its epochs, are read off the authors' repository and MEB, not the
    paper; the number of maps and of epochs is assumed.
    """
    side = 5
    body = nn.Sequential()
    body.first = nn.Sequential(
        nn.Conv2d(shape[0], maps, 5), nn.BatchNorm2d(maps), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(0.5)
    )
    body.last = nn.Sequential(Recurrent(maps), nn.MaxPool2d(2), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(side))
    body.pool = nn.AdaptiveAvgPool2d(side)
    body.flat = nn.Flatten()
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return RCNA(body, maps * side * side)


def _require_uv(name: str, shape: Shape) -> None:
    if shape[0] < 2:
        raise ValueError(f"{name} takes u and v of flow as two channels; got {shape[0]} channel.")
