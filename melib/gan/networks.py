"""The generator with colour and attention heads, the critic with its AU regression head, and how they are joined."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate

from melib.aus.table import AUS

FARTHEST = 0.02  # how far the network itself moves a pixel at most, in shares of the side
CHANGE = 3  # a face that is moved is seen by its attention of 0.05 at first, one that is painted by 0.5
LAYERS = 6  # of the critic; each halves the image, so that sides divide by 2 ** 6


class Generator(nn.Module):
    """Image (B, 3, S, S) in [-1, 1] and AUs (B, 17) to colour (B, 3, S, S) and the attention's logits (B, 1, S, S).

    ULME-GAN's network, itself GANimation's (Pumarola et al. 2018): two steps down, six residual blocks, two steps up.
    `norm`: "plain" is instance normalisation over convolutions with biases (ULME-GAN), "affine" has the scale and shift
    in the normalisation instead (GANimation), "none" leaves it out: it takes the mean of every channel away, and the
    AUs, constant over the image, with it but for what the zero padding lets through at the border.

    Given `side`, the colour head moves the face instead of painting it: it returns from where each pixel is taken
    (B, 2, S, S), x first, in shares of the side. That is a field an AU (`fields`, fitted beforehand), plus what the
    network adds.
    """

    def __init__(self, width: int = 64, norm: str = "plain", side: int | None = None):
        super().__init__()

        def layer(kind, come, go, *shape, act=True):
            parts = [kind(come, go, *shape, bias=norm != "affine")]
            parts += [] if norm == "none" else [nn.InstanceNorm2d(go, affine=norm == "affine")]
            return [*parts, nn.ReLU(inplace=True)] if act else parts

        w = width
        conv = nn.Conv2d
        up = nn.ConvTranspose2d
        self.body = nn.Sequential(
            *layer(conv, 3 + len(AUS), w, 7, 1, 3), *layer(conv, w, 2 * w, 4, 2, 1),
            *layer(conv, 2 * w, 4 * w, 4, 2, 1),
            *(Residual(*layer(conv, 4 * w, 4 * w, 3, 1, 1), *layer(conv, 4 * w, 4 * w, 3, 1, 1, act=False))
              for _ in range(6)),
            *layer(up, 4 * w, 2 * w, 4, 2, 1), *layer(up, 2 * w, w, 4, 2, 1),
        )  # fmt: skip
        self.colour = nn.Conv2d(w, 2 if side else 3, 7, 1, 3, bias=False)
        self.attention = nn.Conv2d(w, 1, 7, 1, 3, bias=False)
        self.register_buffer("fields", torch.zeros(len(AUS), 2, side, side) if side else None)

    def forward(self, image: Tensor, aus: Tensor) -> tuple[Tensor, Tensor]:
        tiled = aus[:, :, None, None].expand(-1, -1, *image.shape[2:])
        features = self.body(torch.cat([image, tiled], 1))
        colour = torch.tanh(self.colour(features))
        logits = self.attention(features)
        if self.fields is not None:
            colour = torch.einsum("bk,kcyx->bcyx", aus, self.fields) + FARTHEST * colour
            logits = logits - CHANGE
        return colour, logits


class Residual(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Critic(nn.Module):
    """Image (B, 3, S, S) to realness (B, 1, S/64, S/64) and AUs (B, 17): a PatchGAN without normalisation.

    With `changes` it gets the source as well, and looks at the image and at what changed, times `GAIN`.
    """

    GAIN = 8  # a micro-expression changes a pixel by some hundredths of the range

    def __init__(self, size: int, width: int = 64, changes: bool = False):
        super().__init__()
        channels = [6 if changes else 3, *(width * 2**k for k in range(LAYERS))]
        layers = [
            part for come, go in pairwise(channels) for part in (nn.Conv2d(come, go, 4, 2, 1), nn.LeakyReLU(0.01))
        ]
        self.changes = changes
        self.body = nn.Sequential(*layers)
        self.real = nn.Conv2d(channels[-1], 1, 3, 1, 1, bias=False)
        self.aus = nn.Conv2d(channels[-1], len(AUS), size // 2**LAYERS, bias=False)

    def forward(self, image: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(torch.cat([image, self.GAIN * (image - source)], 1) if self.changes else image)
        return self.real(features), self.aus(features).flatten(1)


def compose(image: Tensor, colour: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Result, colour and attention at the size of `image` (B, 3, S, S), from a generator's output at its own."""
    attention = resize(torch.sigmoid(logits), image.shape[2])
    colour = resize(colour, image.shape[2])
    if colour.shape[1] == 2:
        colour = move(image, colour)
    return blend(image, colour, attention), colour, attention


def blend(image: Tensor, colour: Tensor, attention: Tensor) -> Tensor:
    """A I + (1 - A) C: attention 1 everywhere returns the image exactly."""
    return attention * image + (1 - attention) * colour


def move(image: Tensor, steps: Tensor) -> Tensor:
    """`image` (B, 3, S, S) with each pixel taken from `steps` (B, 2, S, S) away, x first, in shares of the side."""
    size = image.shape[2]
    centres = (2 * torch.arange(size, device=image.device) + 1) / size - 1
    here = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1)
    return grid_sample(image, here + 2 * steps.permute(0, 2, 3, 1), "bicubic", "border", align_corners=False)


def resize(x: Tensor, size: int) -> Tensor:
    """(B, C, S, S) to (B, C, size, size), smoothly."""
    return x if x.shape[2] == size else interpolate(x, (size, size), mode="bilinear", antialias=True)


def draw_weights(network: nn.Module, generator: torch.Generator) -> nn.Module:
    """Weights from N(0, 0.02), biases 0, scales of normalisation 1, as both papers' code draws them.

    In a generator without normalisation they are as large as keeps the signal, and the heads small: it begins with the
    fitted fields.
    """
    keep = getattr(network, "fields", None) is not None
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0, 0.02, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if keep and module.bias is not None:
                fan = module.weight[0].numel() if isinstance(module, nn.Conv2d) else 4 * module.in_channels
                module.weight.data *= (2 / fan) ** 0.5 / 0.02
    if keep:
        for head in (network.colour, network.attention):
            head.weight.data /= 200
    return network
