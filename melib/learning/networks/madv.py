"""A stand-in for MADV-Net, made from what its abstract and outline name."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from melib.learning.networks.base import Network

AUS = 17
TOKENS = 4  # a side, of every frame and level


class Level(nn.Module):
    """One level of the pyramid: frames (N, 1, T, S, S) as features (N, E).

    At level k frames are averaged over 2^k x 2^k px, and those 2^k earlier are taken from them; what is left, of mean
    square m, is multiplied by exp(a) m^-b (a and b learned, at first 0 and 1/2: one size for all clips). Its patches
    are tokens of a transformer layer, and each place in the face adds an embedding of its own.
    """

    def __init__(self, number: int, side: int, embedding: int, differences: bool, factors: bool):
        super().__init__()
        self.step = 2**number
        self.differences = differences
        self.patch = (side // self.step) // TOKENS
        self.tokens = nn.Linear(self.patch**2, embedding)
        self.place = nn.Parameter(0.02 * torch.randn(TOKENS**2, embedding))
        self.mix = nn.TransformerEncoderLayer(embedding, 4, 2 * embedding, 0.0, "gelu", batch_first=True)
        self.factor = nn.Parameter(torch.tensor([0.5, 0.0])) if factors else None

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.avg_pool2d(x[:, 0], self.step)
        if self.differences:
            apart = min(self.step, x.shape[1] - 1)
            x = x[:, apart:] - x[:, :-apart]
        if self.factor is not None:
            energy = x.square().mean((1, 2, 3), keepdim=True).clamp_min(1e-8).log()
            x = x * (self.factor[1] - self.factor[0] * energy).exp()
        used = self.patch * TOKENS
        patches = x[:, :, :used, :used].unflatten(3, (TOKENS, -1)).unflatten(2, (TOKENS, -1)).transpose(3, 4)
        tokens = (self.tokens(patches.flatten(4).flatten(2, 3)) + self.place).flatten(1, 2)
        with torch.autocast(x.device.type, enabled=False):  # attention's gradient takes thrice the time in bfloat16
            return self.mix(tokens.float()).mean(1)


class AUCodes(nn.Module):
    """Features (N, E) plus the mean of 17 learned codes, each weighted by how much of it the features hold."""

    def __init__(self, embedding: int):
        super().__init__()
        self.codes = nn.Parameter(torch.randn(AUS, embedding))

    def forward(self, x: Tensor) -> Tensor:
        present = torch.sigmoid(x @ self.codes.T / math.sqrt(x.shape[1]))
        return x + present @ self.codes / AUS


class Pyramid(nn.Module):
    """The levels' features (N, L, E), each with AU codes where there are any."""

    def __init__(self, levels: list[Level], codes: AUCodes | None):
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self.codes = codes

    def forward(self, x: Tensor) -> Tensor:
        features = torch.stack([level(x) for level in self.levels], dim=1)
        return self.codes(features.flatten(0, 1)).view_as(features) if self.codes else features


class LevelHeads(nn.Module):
    """A perceptron for each level; what they give side by side, (N, L E)."""

    def __init__(self, levels: int, embedding: int):
        super().__init__()
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(embedding, embedding), nn.GELU()) for _ in range(levels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([head(level) for head, level in zip(self.heads, x.unbind(1), strict=True)], dim=1)


class MeanLevel(nn.Module):
    """The mean of the levels' features."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


def madv(
    shape: tuple[int, int, int, int],
    pyramid: bool = True,
    differences: bool = True,
    factors: bool = True,
    au_codes: bool = True,
    level_heads: bool = True,
    embedding: int = 32,
) -> Network:
    """What MADV-Net's abstract names (Kong et al., 2025), from grey frames (1, T, S, S): a stand-in, all assumed.

    Each option turns one part off: the `pyramid` (its first level alone), frame `differences` (the frames themselves),
    the adaptive `factors`, the embedding of AU codes, and the `level_heads` (the mean over levels). The codes are
    learned; no clip's annotated AUs are seen. Its self-supervised pre-training is the method `pretrain`.
    """
    levels = 3 if pyramid else 1
    least = TOKENS * 2 ** (levels - 1)
    if shape[1] < 2 or min(shape[2:]) < least:
        raise ValueError(
            f"madv needs at least 2 frames of {least} x {least} px; got {shape[1:]}. Give samples with more or larger "
            "frames, or choose another network."
        )
    parts = [Level(number, min(shape[2:]), embedding, differences, factors) for number in range(levels)]
    joined = LevelHeads(levels, embedding) if level_heads else MeanLevel()
    body = nn.Sequential(Pyramid(parts, AUCodes(embedding) if au_codes else None), joined)
    return Network(body, levels * embedding if level_heads else embedding)
