"""From stored arrays to a network's input, in batches on the device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from melib.prepare.encode import encode, flip_flow
from melib.prepare.samples import SHAPES, Samples


class Inputs:
    """One array of the samples, on the device in its stored type; indexing gives network inputs as float32.

    Images and flow images become (B, 3, H, W) in [-1, 1], flow is encoded (`flow_encoding`), feature vectors (B, D) are
    standardised with mean and deviation of the rows in `train` (N,) boolean, and of no others.
    """

    def __init__(self, samples: Samples, name: str, train: np.ndarray, device: torch.device, flow_encoding: str):
        if name not in samples.arrays:
            raise ValueError(
                f"inputs = {name!r} is not among these samples' arrays {sorted(samples.arrays)}; choose one of them."
            )
        self.kind = name if name in SHAPES else "features"
        self.encoding = flow_encoding
        array = np.ascontiguousarray(samples.arrays[name])
        if self.kind == "features":
            known = array[train].astype(np.float64)
            spread = known.std(0)
            array = ((array - known.mean(0)) / np.where(spread > 1e-12, spread, 1)).astype(np.float32)
        elif self.kind != "flow":
            array = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
        self.stored = torch.from_numpy(array if array.flags.writeable else array.copy()).to(device)

    def __len__(self) -> int:
        return len(self.stored)

    def batch(self, rows: Tensor, flipped: Tensor | None = None) -> Tensor:
        """The inputs of `rows` (B,) integer; those where `flipped` (B,) boolean is true are mirrored left to right."""
        x = self.stored[rows]
        if flipped is not None:
            flipped = flipped.to(x.device, non_blocking=True)
            mirrored = flip_flow(x) if self.kind == "flow" else x.flip(-1)
            x = torch.where(flipped[:, None, None, None], mirrored, x)
        if self.kind == "features":
            return x
        x = encode(x.float(), self.encoding) if self.kind == "flow" else x.float() / 127.5 - 1
        return x.contiguous(memory_format=torch.channels_last)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input: (C, H, W), or (D,) for features."""
        return tuple(self.batch(torch.zeros(1, dtype=torch.long, device=self.stored.device)).shape[1:])


def check_flip(name: str) -> None:
    """Raise ValueError where mirroring has no meaning: flow images hide the sign of x, vectors have no sides."""
    if name not in ("onset", "apex", "flow"):
        raise ValueError(
            f"flip works on apex and flow inputs; {name!r} cannot be mirrored faithfully. Set flip to False."
        )
