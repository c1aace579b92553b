"""ELRCN: convolutions on every frame, then an LSTM over the frames; a small stand-in for VGG."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.learning.networks.base import Network


class Motion(nn.Module):
    """Grey frames (N, 1, T, S, S) as frames (N, T, M, S, S) of M modalities: the frame, and its change from the first.

    Without `motion` the first modality stands alone.
    """

    def __init__(self, motion: bool):
        super().__init__()
        self.motion = motion

    def forward(self, x: Tensor) -> Tensor:
        modalities = [x, x - x[:, :, :1]] if self.motion else [x]
        return torch.cat(modalities, dim=1).transpose(1, 2)


class Frames(nn.Module):
    """Frames (N, T, M, S, S) as features (N, T, D): one network over all modalities, or one each, side by side."""

    def __init__(self, modalities: int, enrichment: str):
        super().__init__()
        self.together = enrichment == "spatial"
        self.networks = nn.ModuleList([_frame_network(modalities)] if self.together else [])
        self.networks.extend(_frame_network(1) for _ in range(0 if self.together else modalities))
        self.features = 64 * len(self.networks)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.flatten(0, 1)
        parts = [frames] if self.together else frames.split(1, dim=1)
        features = [network(part) for network, part in zip(self.networks, parts, strict=True)]
        return torch.cat(features, dim=1).unflatten(0, x.shape[:2])


class LastState(nn.Module):
    """An LSTM's last state (N, H) of a sequence (N, T, D)."""

    def __init__(self, features: int, hidden: int):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0][:, -1]


def elrcn(
    shape: tuple[int, int, int, int], enrichment: str = "spatial", motion: bool = True, hidden: int = 256
) -> Network:
    """ELRCN (Khor et al., 2018), small: a stand-in, from grey frames (1, T, S, S).

    `enrichment` "spatial" (SE) stacks the modalities as channels of one network, "temporal" (TE) gives each a network
    of its own and puts their features side by side; an LSTM and a layer of 128 follow. Published are these, with VGG-16
    of flow, strain and grey frames and an LSTM of 3000; assumed are the small network and `hidden`, and the modalities:
    the frame, and its change from the first (`motion`), in place of flow.
    """
    if min(shape[2:]) < 8:
        raise ValueError(
            f"elrcn halves frames three times and needs at least 8 x 8 px; got {shape[2:]}. Give samples with "
            "larger frames, or choose another network."
        )
    frames = Frames(2 if motion else 1, enrichment)
    body = nn.Sequential(
        Motion(motion), frames, LastState(frames.features, hidden), nn.Linear(hidden, 128), nn.ReLU()
    )  # fmt: skip
    return Network(body, 128)


def _frame_network(channels: int) -> nn.Sequential:
    layers = []
    for inputs, maps in ((channels, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(inputs, maps, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(maps), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
