"""A stand-in for TFMVN, of which only the title and the figures in Table 9 could be read."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.learning.networks.base import Network, length

# Centres (y, x) of the areas as shares of the face: brows, eyes, corners of the mouth; and their deviation.
AREAS = ((0.25, 0.3), (0.25, 0.7), (0.38, 0.3), (0.38, 0.7), (0.75, 0.35), (0.75, 0.65))
DEVIATION = 0.1


class Heat(nn.Module):
    """Images (N, C, H, W) times a map of Gaussian areas around brows, eyes and mouth.

    With `energy` each area is raised by its share of the image's energy, from half to three halves of its height.
    Motion is read as what differs from the image's median.
    """

    def __init__(self, shape: tuple[int, int, int], energy: bool):
        super().__init__()
        _, height, width = shape
        y = torch.linspace(0, 1, height)[:, None]
        x = torch.linspace(0, 1, width)[None, :]
        areas = [torch.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * DEVIATION**2)) for cy, cx in AREAS]
        self.register_buffer("areas", torch.stack(areas), persistent=False)
        self.energy = energy

    def forward(self, x: Tensor) -> Tensor:
        motion = x - x.flatten(2).median(2).values[..., None, None]
        heights = motion.new_ones(len(x), len(self.areas))
        if self.energy:
            by_area = torch.einsum("nchw,ahw->na", motion.square(), self.areas)
            most = by_area.amax(1, keepdim=True).clamp_min(1e-12)
            heights = 0.5 + by_area / most
        heat = torch.einsum("na,ahw->nahw", heights, self.areas).amax(1, keepdim=True)
        return motion * heat


def motion_views(shape: tuple[int, int, int], heat: bool = True, energy: bool = True) -> Network:
    """A small CNN of flow seen through areas of the face, in place of TFMVN (Zhang et al., 2020): all is assumed.

    `heat` false leaves the areas out, `energy` false their heights.
    """
    view = [Heat(shape, energy)] if heat else []
    body = nn.Sequential(
        *view,
        nn.Conv2d(shape[0], 16, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip
    return Network(body, length(body, shape))
