"""Figure 6, the layers of the backbones; and the package itself, drawn by its imports."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import melib
from melib.figures.style import SERIES_COLOURS
from melib.learning.registry import NETWORKS

INK = "#333333"
QUIET = "#777777"
FIXED = "#EDF2F6"  # fill of a layer without parameters
LEARNED = "#D3E4F0"
SUBPACKAGES = (
    "corpus",
    "prepare",
    "aus",
    "gan",
    "learning",
    "study",
    "figures",
    "explore",
    "cli",
)  # in order of imports
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
    first = table[table["network"] == names[0]]
    share = first["parameters"].iloc[-1] / first["parameters"].sum()
    figure.suptitle(f"The {NETWORKS[names[0]].title} has {share:.0%} of its parameters in its last layer", fontsize=14,
                    fontweight="bold")  # fmt: skip
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


def imports() -> pd.DataFrame:
    """How often each part of the package imports from another: importer, imported, lines."""
    root = Path(melib.__file__).parent
    pairs = []
    for path in root.rglob("*.py"):
        importer = path.relative_to(root).parts[0].removesuffix(".py")
        named = re.findall(r"^\s*(?:from|import) melib\.(\w+)", path.read_text(), re.MULTILINE)
        pairs += [(importer, name) for name in named if name != importer and {name, importer} <= {*SUBPACKAGES}]
    counts = pd.DataFrame(pairs, columns=["importer", "imported"]).value_counts(sort=False)
    return counts.rename("lines").reset_index().assign(synthetic=False)


def house(table: pd.DataFrame) -> Figure:
    """The package by its imports, of the table that `imports` gives: lines that a row's folder imports from a column's.

    In the order of the folders: what imports from a later one would stand in the dark half, in orange.
    """
    counts = table.pivot(index="importer", columns="imported", values="lines")
    counts = counts.reindex(index=SUBPACKAGES, columns=SUBPACKAGES)
    figure, ax = plt.subplots(figsize=(6.6, 5), layout="constrained")
    ahead = 0
    for (line, importer), (column, imported) in product(enumerate(SUBPACKAGES), repeat=2):
        number = counts.loc[importer, imported]
        wrong = column > line and number > 0
        ahead += wrong
        fill = SERIES_COLOURS[5] if wrong else LEARNED if number > 0 else "#E4E4E4" if column >= line else "white"
        ax.add_patch(Rectangle((column - 0.46, line - 0.46), 0.92, 0.92, facecolor=fill, edgecolor="none"))
        if number > 0:
            _text(ax, column, line, f"{number:.0f}")
    ax.set(xlim=(-0.5, len(SUBPACKAGES) - 0.5), ylim=(len(SUBPACKAGES) - 0.5, -0.5), xlabel="what is imported from")
    ax.set(ylabel="what imports")
    ax.set_xticks(range(len(SUBPACKAGES)), SUBPACKAGES)
    ax.set_yticks(range(len(SUBPACKAGES)), SUBPACKAGES)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    words = (
        f"{ahead} imports from a folder that comes later" if ahead else "Each folder imports only from those before it"
    )
    figure.suptitle(words, fontsize=13, fontweight="bold")
    return figure
