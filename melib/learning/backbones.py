"""Backbones: from an input to a feature vector and three logits."""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor, nn

from melib.corpus.index import CLASSES


class Backbone(nn.Module):
    """A body that turns inputs into features (N, D) and a linear head that turns those into logits (N, 3)."""

    def __init__(self, body: nn.Module, features: int):
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, len(CLASSES))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (N, 3) and the features (N, D) they were read from."""
        features = self.body(x)
        return self.head(features), features


def cnn(shape: tuple[int, ...]) -> Backbone:
    """The paper's CNN (4.2): 5x5 convolution, pool, 3x3 convolution, pool, one linear layer.

    Widths (32, 64), ReLU and max pooling are ours; the paper names none. ReLU stands after the pool, where it
    gives the same numbers and costs a quarter.
    """
    channels, height, width = shape
    body = nn.Sequential(
        nn.Conv2d(channels, 32, 5, padding=2), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip
    return Backbone(body, 64 * (height // 4) * (width // 4))


def timm_backbone(name: str):
    """A builder of a timm model, trained from scratch: the paper names no pretraining."""

    def build(shape: tuple[int, ...]) -> Backbone:
        import timm

        body = timm.create_model(name, pretrained=False, num_classes=0, in_chans=shape[0])
        return Backbone(body, body.num_features)

    return build


def linear(shape: tuple[int, ...]) -> Backbone:
    """Softmax regression on the raw input: what a backbone has to beat."""
    return Backbone(nn.Flatten(), torch.Size(shape).numel())


def mlp(shape: tuple[int, ...], hidden: int = 256) -> Backbone:
    """One hidden layer: the least that gives plain feature vectors a learned feature space."""
    body = nn.Sequential(nn.Flatten(), nn.Linear(torch.Size(shape).numel(), hidden), nn.ReLU())
    return Backbone(body, hidden)


BACKBONES = {
    "cnn": cnn,
    "resnet18": timm_backbone("resnet18"),
    "poolformer_s12": timm_backbone("poolformer_s12"),
    "linear": linear,
    "mlp": mlp,
}
NEEDS_IMAGES = ("cnn", "resnet18", "poolformer_s12")


def build(name: str, shape: tuple[int, ...], seed: int) -> Backbone:
    """The backbone `name` for inputs of `shape` (C, H, W) or (D,), its weights drawn from `seed` alone.

    Raises ValueError where an image backbone is given feature vectors, or images too small for it.
    """
    if name in NEEDS_IMAGES and (len(shape) != 3 or min(shape[1:]) < 8):
        raise ValueError(f"{name} takes images of at least 8 x 8; got an input of {shape}. Use linear or mlp.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BACKBONES[name](shape)


def layer_table(name: str, shape: tuple[int, ...]) -> pd.DataFrame:
    """What one input of `shape` meets in the backbone `name`: rows of backbone, layer, kind, output, parameters.

    The input, the parts of the body and the classifier; `output` is the shape that a hook saw leave the part, without
    the batch axis ("64x56x56"). Parameters add up to the model's.
    """
    model = build(name, shape, 0).eval()
    parts = []
    for key, part in list(model.body.named_children()) or [("body", model.body)]:
        if key == "stages":
            parts += [(f"stage {number}", stage) for number, stage in enumerate(part, 1)]
        else:  # timm calls what its heads hold, not the heads
            parts += part.named_children() if key == "head" else [(key, part)]
    rows = [(name, "input", "input", "x".join(map(str, shape)), 0)]

    def watch(layer: str, part: nn.Module) -> None:
        kernel = getattr(part, "kernel_size", None)
        side = kernel[0] if isinstance(kernel, tuple) else kernel
        kind = type(part).__name__ + (f" {side}x{side}" if side else "")
        size = sum(weights.numel() for weights in part.parameters())
        part.register_forward_hook(
            lambda _part, _given, output: rows.append((name, layer, kind, "x".join(map(str, output.shape[1:])), size))
        )

    for layer, part in [*parts, ("classifier", model.head)]:
        watch(layer, part)
    with torch.inference_mode():
        model(torch.zeros(1, *shape))
    return pd.DataFrame(rows, columns=["backbone", "layer", "kind", "output", "parameters"])
