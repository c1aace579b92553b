"""A network by name: its inputs checked, its weights drawn from a seed or read from a file."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from melib.learning.networks.base import Network
from melib.learning.registry import NETWORKS

log = logging.getLogger(__name__)
KINDS = {1: "vector", 2: "sequence", 3: "image", 4: "video"}  # by the number of axes of one input


def build(
    name: str, shapes: Sequence[tuple[int, ...]], seed: int, options: Mapping[str, object] | None = None
) -> Network:
    """The network `name` for inputs of `shapes` ((C, H, W), (T, D) or (D,) each), its weights drawn from `seed` alone.

    Raises ValueError where the inputs are not those that the network takes, or images are too small for it.
    """
    check_inputs(name, shapes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name].load()(*shapes, **(options or {}))


def check_inputs(name: str, shapes: Sequence[tuple[int, ...]]) -> None:
    """Raise ValueError where the network `name` does not take inputs of these shapes."""
    spec = NETWORKS[name]
    kinds = [KINDS.get(len(shape), "array") for shape in shapes]
    fitting = len(kinds) == len(spec.inputs) and all(
        wanted in ("any", kind) for wanted, kind in zip(spec.inputs, kinds, strict=True)
    )
    sides = [min(shape[1:]) for shape in shapes if len(shape) == 3]
    if not fitting or any(side < spec.least_size for side in sides):
        wanted = " and ".join(spec.inputs)
        least = f" of at least {spec.least_size} x {spec.least_size} px" if "image" in spec.inputs else ""
        others = [other for other, one in NETWORKS.items() if other != name and one.inputs in (("any",), tuple(kinds))]
        raise ValueError(
            f"{name} takes {wanted}{least}; got {' and '.join(map(str, shapes))}. "
            f"Choose other `inputs`, or another network: {', '.join(others) or 'none takes these'}."
        )


def load_weights(network: Network, path: str | Path) -> None:
    """Start `network` from the weights in a file (.safetensors, or .pth and .pt read with `weights_only`).

    The file holds a run's `model.safetensors`, or a state of the body alone, as timm and torchvision write it; a
    classifier of other classes is left out, which the log says. Raises ValueError where the body's weights are not
    there or have another shape.
    """
    stored = _read(Path(path))
    if any(key.startswith("network.") for key in stored):  # a run's file, which may hold more than the network
        stored = {key.removeprefix("network."): value for key, value in stored.items() if key.startswith("network.")}
    if not any(key.startswith("body.") for key in stored):
        stored = {f"body.{key}": value for key, value in stored.items()}
    wanted = network.state_dict()
    missing = [key for key in wanted if key.startswith("body.") and key not in stored]
    other = [key for key in wanted if key in stored and stored[key].shape != wanted[key].shape]
    if missing or any(key.startswith("body.") for key in other):
        shapes = {key: tuple(stored[key].shape) for key in other[:3]}
        raise ValueError(
            f"{path} does not hold the weights of this network: missing {missing[:3]}, of another shape {shapes}. "
            "Give a file of the same network, inputs and channels."
        )
    taken = {key: value for key, value in stored.items() if key in wanted and key not in other}
    if left := sorted(set(stored) - set(taken)):
        log.warning("%s: %d tensors are no part of this network and were left out: %s", path, len(left), left[:4])
    network.load_state_dict({**wanted, **taken})


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, IndexError, SafetensorError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"weights = {path} cannot be read: {str(error)[:200]}. Give a .safetensors or .pth file."
        ) from None
