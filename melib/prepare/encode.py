"""Flow to image: what the networks see. All encodings lie in [-1, 1] and run on any device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

MOTION_LIMIT = 3 / 224  # of the crop's side: motion that fills the scale of u, v and the colour wheel
STRAIN_LIMIT = 0.1  # strain has no unit and does not change with the crop's size


def strain(flow: Tensor) -> Tensor:
    """Optical strain sqrt(ux^2 + vy^2 + (uy + vx)^2 / 2) of `flow` (N, 2, S, S), shape (N, S, S), without unit."""
    import torch

    uy, ux = torch.gradient(flow[:, 0], dim=(1, 2))
    vy, vx = torch.gradient(flow[:, 1], dim=(1, 2))
    return (ux**2 + vy**2 + (uy + vx) ** 2 / 2).sqrt()


def uvs(flow: Tensor) -> Tensor:
    """(u, v, strain), divided by fixed limits and clipped: the same motion of a face looks the same at every size."""
    import torch

    limit = MOTION_LIMIT * flow.shape[-1]
    return torch.cat([flow / limit, strain(flow)[:, None] / STRAIN_LIMIT], dim=1).clamp(-1, 1)


def minmax(flow: Tensor) -> Tensor:
    """(u, v, strain), each channel of each sample stretched to [-1, 1]: common elsewhere, but it loses the magnitude
    and blows up noise. A constant channel becomes 0.
    """
    import torch

    channels = torch.cat([flow, strain(flow)[:, None]], dim=1)
    low = channels.amin((2, 3), keepdim=True)
    high = channels.amax((2, 3), keepdim=True)
    return torch.where(high > low, 2 * (channels - low) / (high - low).clamp(min=1e-12) - 1, torch.zeros_like(channels))


def wheel(flow: Tensor) -> Tensor:
    """Colour wheel as RGB: hue is the direction (red to the right, then through yellow downwards), value the magnitude
    up to the limit of `uvs`; no motion is black (-1).
    """
    import torch

    sixths = torch.atan2(flow[:, 1], flow[:, 0]) * (3 / torch.pi)  # the hue circle in six parts
    value = (torch.linalg.vector_norm(flow, dim=1) / (MOTION_LIMIT * flow.shape[-1])).clamp(max=1)
    rgb = []
    for start in (5, 3, 1):  # HSV to RGB at full saturation
        part = (start + sixths) % 6
        rgb.append(value * (1 - torch.minimum(part, 4 - part).clamp(0, 1)))
    return 2 * torch.stack(rgb, dim=1) - 1


ENCODINGS = {"uvs": uvs, "minmax": minmax, "wheel": wheel}


def encode(flow: Tensor, name: str = "uvs") -> Tensor:
    """Encode `flow` (N, 2, S, S) in pixels, x first, as images (N, 3, S, S) float32 in [-1, 1], on flow's device.

    Raises ValueError for an unknown encoding or another shape.

    >>> import torch
    >>> encode(torch.zeros(4, 2, 64, 64), "uvs").shape
    torch.Size([4, 3, 64, 64])
    """
    if name not in ENCODINGS:
        raise ValueError(f"Unknown flow encoding {name!r}; there are {list(ENCODINGS)}.")
    if flow.ndim != 4 or flow.shape[1] != 2:
        raise ValueError(f"Flow has shape {tuple(flow.shape)}; expected (N, 2, S, S), x first.")
    return ENCODINGS[name](flow.float())


def flip_flow(flow: Tensor) -> Tensor:
    """Mirror `flow` (N, 2, S, S) left to right: the field is mirrored and motion along x changes its sign."""
    mirrored = flow.flip(-1)
    mirrored[:, 0].neg_()
    return mirrored
