"""Figure 6: the layers of the backbones."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from melib.figures.style import SERIES_COLOURS
from melib.learning.registry import NETWORKS

INK = "#333333"
QUIET = "#777777"
FIXED = "#EDF2F6"  # fill of a layer without parameters
LEARNED = "#D3E4F0"
FOLDED = ("BatchNorm2d", "LayerNorm2d", "ReLU", "Dropout", "Identity")  # drawn as part of the layer before them


def backbones(table: pd.DataFrame) -> Figure:
    """Figure 6: the backbones' layers with shapes and parameters, of rows of `learning.networks.layers.layer_table`.

    The backbones' rows come one below the other. A block's height follows the map's side, its depth the channels, both
    as logarithms.
    """
    names = list(table["network"].unique())
    figure, axes = plt.subplots(len(names), 1, figsize=(11.6, 2.35 * len(names)), layout="constrained", squeeze=False)
    for name, ax in zip(names, axes[:, 0], strict=True):
        rows = table[table["network"] == name]
        kept = ~rows["kind"].isin(FOLDED)
        counts = rows.groupby(kept.cumsum())["parameters"].sum().to_numpy()
        rows = rows[kept].assign(parameters=counts)
        features = rows["output"].iloc[-2].split("x")[0]
        ax.set_title(f"{NETWORKS[name].title}: {counts.sum():,} parameters, {int(features):,} features", loc="left")
        for place, row in enumerate(rows.itertuples()):
            _block(ax, place, row)
            if place:
                _arrow(ax, place - 0.62, place - 0.42)
        ax.set(xlim=(-0.5, 8.6), ylim=(-1.25, 0.95))
        ax.set_axis_off()
    figure.supxlabel("below each layer: the shape it gives out and, where it learns (blue), its number of parameters",
                     fontsize=10, color=QUIET)  # fmt: skip
    return figure


def _block(ax: Axes, place: int, row) -> None:
    """One layer: sheets for maps, a bar for a vector, its name above, shape and parameters below."""
    shape = [int(size) for size in row.output.split("x")]
    maps = len(shape) == 3
    side = 0.16 + 0.055 * np.log2(shape[-1]) if maps else 0.05 + 0.03 * np.log2(shape[0])
    sheets = round(np.log2(shape[0]) / 1.5) if maps else 1
    width = side * 0.42 if maps else 0.08
    fill = LEARNED if row.parameters else FIXED
    for sheet in reversed(range(sheets)):
        shift = 0.022 * (sheet - (sheets - 1) / 2)
        ax.add_patch(Rectangle((place - width / 2 + shift, -side + 1.6 * shift), width, 2 * side, facecolor=fill,
                               edgecolor=SERIES_COLOURS[1], linewidth=0.7))  # fmt: skip
    kind = re.sub(r"(\d)x(\d)", r"\1×\2", row.kind.lower().replace("2d", ""))
    _text(ax, place, 0.78, kind if row.layer.isdigit() else row.layer.replace("_", " "), fontweight="bold",
          va="baseline")  # fmt: skip
    _text(ax, place, -0.93, "\u2009×\u2009".join(f"{size:,}" for size in shape), va="baseline")
    if row.parameters:
        _text(ax, place, -1.16, f"{row.parameters:,}", fontsize=9.5, color=QUIET, va="baseline")


def _text(ax: Axes, x: float, y: float, text: str, **font) -> None:
    """Text centred on (x, y)."""
    ax.text(x, y, text, ha="center", linespacing=1.35, **{"va": "center", "fontsize": 11, "color": INK, **font})


def _arrow(ax: Axes, start: float, end: float) -> None:
    """An arrow from one layer to the next."""
    arrow = dict(arrowstyle="-|>", color=INK, linewidth=1.3, shrinkA=0, shrinkB=0, mutation_scale=11)
    ax.annotate("", (end, 0), (start, 0), arrowprops=arrow)
