"""What every network is: a body that makes features, and a linear classifier on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from melib.corpus.index import CLASSES


class Network(nn.Module):
    """A body that turns inputs into features (N, D), and a linear head that turns those into logits (N, 3).

    `dropout`, where a run sets it, acts between the two; 0 changes no bit.
    """

    def __init__(self, body: nn.Module, features: int):
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, len(CLASSES))
        self.dropout = 0.0

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 3) and the features (N, D) they were read from."""
        features = self.body(*inputs)
        dropped = nn.functional.dropout(features, self.dropout, self.training) if self.dropout else features
        return self.head(dropped), features


def run_network(network: Network, x: tuple[Tensor, ...], precision: str) -> tuple[Tensor, Tensor]:
    """Logits (N, 3) and features (N, D) as float32, whatever the precision ("fp32" or "bf16") inside."""
    with torch.autocast(x[0].device.type, torch.bfloat16, precision == "bf16"):
        logits, features = network(*x)
    return logits.float(), features.float()


def size_of(shape: tuple[int, ...]) -> int:
    """How many numbers an input of `shape` holds."""
    return torch.Size(shape).numel()


def length(body: nn.Module, *shapes: tuple[int, ...]) -> int:
    """How many features a body makes of inputs of these shapes."""
    body.eval()
    with torch.no_grad():
        features = body(*(torch.zeros(1, *shape) for shape in shapes))
    body.train()
    return features.shape[1]
