"""Every array that clips are prepared as, by name, a line each: a new one is one function and one line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from melib.errors import nearest


@dataclass(frozen=True)
class Kind:
    """What arrays of one kind look like: their axes in words, how many there are, the type, and the colours, if any."""

    text: str
    axes: int
    dtype: str
    colours: int = 0  # the length of the last axis


# Of what kind an array is decides how it is checked, and how a method sees it (`learning.inputs`).
KINDS = {
    "image": Kind("(N, H, W, 3) uint8", 4, "uint8", colours=3),
    "flow": Kind("(N, 2, S, S) float16", 4, "float16"),
    "flow_image": Kind("(N, H, W, 3) uint8", 4, "uint8", colours=3),
    "vector": Kind("(N, D) float32", 2, "float32"),
    "sequence": Kind("(N, T, D) float32", 3, "float32"),
    "video": Kind("(N, T, H, W) uint8", 4, "uint8"),
}


@dataclass(frozen=True)
class Array:
    """One line of the registry; nothing is imported until `load`.

    Args:
        title: as messages and manifests print it.
        code: "module:function"; the function takes a `Clip` and the `PrepareSettings`, and the `options` by name.
        kind: of KINDS.
        shape: of one clip's part; "S" stands for `image_size`.
        uses: the fields of PrepareSettings that the array depends on, beside those that face and apex depend on.
        block: "module:function" that finishes several clips together, from the list that `code` made of them; "" where
            they are finished already.
        options: in what this array differs from others of the same function.
        version: raised whenever the same clips and settings would give another array.
    """

    title: str
    code: str
    kind: str
    shape: tuple[int | str, ...]
    uses: tuple[str, ...] = ()
    block: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    version: int = 1

    @property
    def dtype(self) -> str:
        return KINDS[self.kind].dtype

    def shape_at(self, image_size: int) -> tuple[int, ...]:
        """The shape of one clip's part where crops are `image_size` wide."""
        return tuple(image_size if side == "S" else side for side in self.shape)

    def load(self) -> Callable:
        """The function that makes one clip's part."""
        return _load(self.code)

    def load_block(self) -> Callable | None:
        """The function that finishes several clips together, where there is one."""
        return _load(self.block) if self.block else None


FLOW = ("flow_method", "flow_weights", "remove_head_motion")
EACH_PLANE = 59  # uniform patterns of 8 neighbours, and one bin for all others

ARRAYS = {
    "onset": Array("crop of the first frame", "melib.prepare.pair:onset", "image", ("S", "S", 3), ("image_size",)),
    "apex": Array("crop of the apex frame", "melib.prepare.pair:apex", "image", ("S", "S", 3), ("image_size",)),
    "flow": Array("flow from onset to apex, pixels of the crop, x first", "melib.prepare.pair:flow_parts", "flow",
                  (2, "S", "S"), ("image_size", *FLOW), block="melib.prepare.pair:flow"),
    "flow_image": Array("flow from onset to apex as u, v and strain, each stretched over 0 to 255",
                        "melib.prepare.pair:flow_parts", "flow_image", (28, 28, 3), FLOW,
                        block="melib.prepare.pair:flow_image"),
    "lbptop": Array("LBP-TOP of the whole face, 10 frames, R = 3, 3, 3, P = 8", "melib.prepare.lbptop:lbptop_of_clip",
                    "vector", (3 * EACH_PLANE,)),
    "lbptop_85": Array("LBP-TOP of 85 blocks (grids of 1, 2, 4 and 8), 10 frames, R = 3, 3, 3, P = 8",
                       "melib.prepare.lbptop:lbptop_of_clip", "vector", (85 * 3 * EACH_PLANE,),
                       options={"grids": (1, 2, 4, 8)}),
    "hoof": Array("HOOF of the whole face, 10 frames, 8 bins of direction", "melib.prepare.hoof:hoof", "vector", (72,)),
    "hog3d": Array("3DHOG of 5 x 5 blocks, 10 frames", "melib.prepare.hog3d:hog3d_of_clip", "vector", (800,)),
    "biwoof": Array("Bi-WOOF of 5 x 5 blocks, onset to apex", "melib.prepare.pair:flow_parts", "vector", (200,), FLOW,
                    block="melib.prepare.biwoof:biwoof_of_clips"),
    "flow_cells": Array("angle and length of the flow in 8 x 8 cells, frame to frame, the apex in the middle",
                        "melib.prepare.flow_cells:flow_cells", "sequence", (64, 128)),
    "frames": Array("16 grey frames of the clip, evenly in time", "melib.prepare.pair:grey_frames", "video",
                    (16, "S", "S"), ("image_size",), options={"length": 16}),
}  # fmt: skip


def spec_of(name: str) -> Array:
    """The registry's line of `name`. Raises ValueError naming the nearest one where there is none."""
    if name not in ARRAYS:
        hint = nearest(name, ARRAYS)
        raise ValueError(f"No array {name!r} can be prepared from clips.{hint} There are {', '.join(ARRAYS)}.")
    return ARRAYS[name]


def kind_of(name: str) -> str:
    """The kind of the array `name`; one that is not registered holds feature vectors."""
    return ARRAYS[name].kind if name in ARRAYS else "vector"


def _load(code: str) -> Callable:
    module, _, name = code.partition(":")
    return getattr(importlib.import_module(module), name)
