"""Figure 6, the layers of the backbones; and the package itself, drawn by its imports."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

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
    """The package by its imports, of the table that `imports` gives: arrows point from importer to imported.

    Those that point backwards, to what stands before, run above the line; one that points ahead would run below it.
    """
    places = {name: number for number, name in enumerate(SUBPACKAGES)}
    figure, ax = plt.subplots(figsize=(9, 3.2), layout="constrained")
    ahead = 0
    for row in table.itertuples():
        start, end = places[row.importer], places[row.imported]
        ahead += end > start
        colour = SERIES_COLOURS[5] if end > start else SERIES_COLOURS[1]
        arrow = FancyArrowPatch(
            (start, 0.12), (end, 0.12), connectionstyle="arc3,rad=0.45", arrowstyle="-|>", mutation_scale=12,
            color=colour, alpha=0.65, linewidth=0.5 + row.lines**0.5 / 2.5,
        )  # fmt: skip
        ax.add_patch(arrow)
    for name, place in places.items():
        ax.text(place, 0, name, ha="center", va="center", fontsize=11, fontweight="bold",
                bbox=dict(boxstyle="round,pad=0.4", facecolor=LEARNED, edgecolor="none"))  # fmt: skip
    ax.set(xlim=(-0.6, len(places) - 0.4), ylim=(-0.35 - 1.5 * (ahead > 0), 1.45))
    ax.set_axis_off()
    ax.set_title(f"{len(table)} pairs import from one another, {ahead or 'none'} from what stands after it")
    return figure
