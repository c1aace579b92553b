"""A network as a table of its layers."""

from __future__ import annotations

import pandas as pd
import torch
from torch import nn

from melib.learning.networks.build import build


def layer_table(name: str, *shapes: tuple[int, ...]) -> pd.DataFrame:
    """What inputs of these shapes meet in the network `name`: rows of network, layer, kind, output, parameters.

    Each input, the parts of the body and the classifier; `output` is the shape that a hook saw leave the part, without
    the batch axis ("64x56x56"). Parameters add up to the network's.
    """
    network = build(name, shapes, 0).eval()
    rows = [(name, "input", "input", "x".join(map(str, shape)), 0) for shape in shapes]

    def watch(layer: str, part: nn.Module) -> None:
        def note(_part, _given, output) -> None:
            rows.append((name, layer, _kind(part), "x".join(map(str, output.shape[1:])), size))

        size = sum(weights.numel() for weights in part.parameters())
        part.register_forward_hook(note)

    for layer, part in [*_parts(network.body), ("classifier", network.head)]:
        watch(layer, part)
    with torch.inference_mode():
        network(*(torch.zeros(1, *shape) for shape in shapes))
    return pd.DataFrame(rows, columns=["network", "layer", "kind", "output", "parameters"])


def _parts(body: nn.Module) -> list[tuple[str, nn.Module]]:
    parts = []
    for key, part in list(body.named_children()) or [("body", body)]:
        if key == "stages":
            parts += [(f"stage {number}", stage) for number, stage in enumerate(part, 1)]
        elif key == "head":  # timm calls what its heads hold, not the heads
            parts += part.named_children()
        else:
            parts.append((key, part))
    return parts


def _kind(part: nn.Module) -> str:
    kernel = getattr(part, "kernel_size", None)
    side = kernel[0] if isinstance(kernel, tuple) else kernel
    return type(part).__name__ + (f" {side}x{side}" if side else "")
