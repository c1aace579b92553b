"""What a registry says of one method, network or protocol: its title, where its code lies, its own hyper-parameters."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Option:
    """A hyper-parameter of a Spec: its default, and `bounds` (lowest, highest) of a number or the `choices` of a word.

    The default's type is the option's type.
    """

    default: object
    bounds: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spec:
    """One entry of a registry; nothing is imported until `load`.

    Args:
        title: as tables and figures print it.
        code: "module:name" of the class or function.
        options: its own hyper-parameters, which a run sets by name.
        inputs: of a network, the kind of each input in order: "image", "vector", "sequence", "video" or "any".
        least_size: of a network, the least side of an image in pixels.
        compares_groups: whether it compares source datasets and so needs two of them.
        uses_target: whether it sees the held-out clips' inputs (never their labels) in training: transductive.
        seconds: what one core takes for a training image of 64 x 64 px (networks) or for a fit (estimators).
    """

    title: str
    code: str
    options: Mapping[str, Option] = field(default_factory=dict)
    inputs: tuple[str, ...] = ("any",)
    least_size: int = 1
    compares_groups: bool = False
    uses_target: bool = False
    seconds: float = 0.002

    def load(self) -> object:
        """The class or function itself."""
        module, _, name = self.code.partition(":")
        return getattr(importlib.import_module(module), name)
