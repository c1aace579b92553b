"""Drawings of the method: the framework (Figure 4), the BRL module (Figure 5), the backbones (Figure 6)."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from melib.corpus.index import DATASETS, PRINT_NAMES
from melib.figures.style import DATASET_COLOURS, SERIES_COLOURS
from melib.learning.registry import NETWORKS

INK = "#333333"
QUIET = "#777777"
GRADIENT = SERIES_COLOURS[5]
HELD_OUT = "CASME2"  # the fold that is drawn
# Fills: what is prepared, what is trained, what it is trained by.
STEP = "#EDF2F6"
NETWORK = "#D3E4F0"
LOSS = "#FBE9D0"
FOLDED = ("BatchNorm2d", "LayerNorm2d", "ReLU", "Dropout", "Identity")  # drawn as part of the layer before them


def framework() -> Figure:
    """Figure 4: from five datasets to scores; what is fitted sees the four source datasets alone."""
    figure, ax = _canvas(11.6, 5.7)
    for low, high, text in (
        (1.62, 5.65, "four source datasets: all that is fitted"),
        (0.05, 1.47, "the held-out dataset: never fitted on"),
    ):
        _box(ax, 5.8, (low + high) / 2, 11.5, high - low, "", "#F8F9FA", edge="#DDDDDD")
        ax.text(11.4, high - 0.12, text, ha="right", va="top", fontsize=10.5, color=QUIET, style="italic")
    sources = [name for name in DATASETS if name != HELD_OUT]
    top = 4.55
    middle = 2.65
    bottom = 0.68
    for y, name in zip((4.95, 4.05, 3.15, 2.25), sources, strict=True):
        _chip(ax, 0.85, y, name)
    _chip(ax, 0.85, bottom, HELD_OUT)

    wide = 1.7
    crop = "face crop,\napex frame or\nflow onset → apex"
    _box(ax, 2.85, top, wide, 1.0, "AU intensities\n17 units, 0 to 5", STEP)
    _box(ax, 4.95, top, wide, 1.0, "K-means in each\nclass: centroids", STEP)
    _box(ax, 7.05, top, wide, 1.0, "ULME-GAN:\nneutral face + AUs\n→ expression", NETWORK)
    _box(ax, 2.85, middle, wide, 1.0, crop, STEP)
    _box(ax, 4.95, middle, wide, 1.0, "training set\n(apex: topped up\nto 234 a dataset)", STEP)
    _box(ax, 7.05, middle, wide, 1.0, "backbone\nfeatures $x$", NETWORK)
    _box(ax, 9.0, 3.3, 1.3, 0.7, "BRL\n$a=\\sigma(Wx+b)$", NETWORK)
    _box(ax, 9.0, 2.1, 1.3, 0.7, "classifier\n3 classes", NETWORK)
    _box(ax, 10.7, (3.3 + 2.1) / 2, 1.3, 1.2, "$L=$\n$(1-\\lambda)\\,L_{CE}$\n$+\\,\\lambda\\,L_{BRL}$", LOSS)
    _box(ax, 2.85, bottom, wide, 0.86, crop, STEP)
    _box(ax, 7.05, bottom, wide, 0.86, "the trained\nnetwork", NETWORK)
    _box(ax, 9.0, bottom, 1.3, 0.86, "prediction", STEP)
    _box(ax, 10.7, bottom, 1.3, 0.86, "Acc, UAR, UF1", LOSS)

    for y, fill, text in ((5.0, STEP, "computed"), (4.65, NETWORK, "trained"), (4.3, LOSS, "loss and scores")):
        _box(ax, 8.6, y, 0.4, 0.26, "", fill)
        ax.text(8.95, y, text, va="center", fontsize=10.5, color=INK)
    _line(ax, (1.5, 4.95), (1.75, 4.95), (1.75, 2.25), (1.5, 2.25), head=False)
    _line(ax, (1.5, 4.05), (1.75, 4.05), head=False)
    _line(ax, (1.5, 3.15), (1.75, 3.15), head=False)
    for y in (top, middle):
        _line(ax, (1.75, y), (2.0, y))
        _line(ax, (3.7, y), (4.1, y))
    _line(ax, (5.8, top), (6.2, top))
    _line(ax, (7.05, top - 0.5), (7.05, 3.6), (5.3, 3.6), (5.3, middle + 0.5))
    ax.text(6.2, 3.65, "generated faces", ha="center", va="bottom", fontsize=10, color=QUIET)
    _line(ax, (5.8, middle), (6.2, middle))
    _line(ax, (7.9, middle), (8.15, middle), (8.15, 3.3), (8.35, 3.3))
    _line(ax, (8.15, middle), (8.15, 2.1), (8.35, 2.1))
    _line(ax, (9.65, 3.3), (9.85, 3.3), (9.85, 2.95), (10.05, 2.95))
    _line(ax, (9.65, 2.1), (9.85, 2.1), (9.85, 2.45), (10.05, 2.45))
    _line(ax, (1.5, bottom), (2.0, bottom))
    _line(ax, (3.7, bottom), (6.2, bottom))
    _line(ax, (7.05, middle - 0.5), (7.05, bottom + 0.43), colour=QUIET, style=":")
    _line(ax, (7.9, bottom), (8.35, bottom))
    _line(ax, (9.65, bottom), (10.05, bottom))
    return figure


def brl_module() -> Figure:
    """Figure 5: attention of each sample, its mean in each source dataset, the gap of the extremes and its gradient."""
    figure, ax = _canvas(11.6, 5.2)
    left = 5.0
    span = 3.2
    right = 10.05
    sources = [name for name in DATASETS if name != HELD_OUT]
    means = dict(zip(sources, (0.44, 0.72, 0.57, 0.33), strict=True))
    ends = {max(means, key=means.get): ("+", "falls", -0.5), min(means, key=means.get): ("-", "rises", 0.5)}
    for x, text in ((0.85, "source dataset"), (2.15, "features $x_{ij}$\nin a batch"), (3.75, "shared by all"),
                    (left + span / 2, "attention $a_{ij}$ of each sample (●)\nand its mean $m_i$ (◆)"),
                    (right, "gradient of $L_{BRL}$ at $x_{ij}$")):  # fmt: skip
        _text(ax, x, 4.98, text, fontweight="bold")
    _box(ax, 3.75, 2.95, 1.4, 3.0, "fully\nconnected\n$Wx_{ij}+b$\n\n↓\n\nsigmoid\n$a_{ij}=\\sigma(\\cdot)$", NETWORK)
    for y, name, count in zip((4.15, 3.35, 2.55, 1.75), sources, (7, 5, 6, 8), strict=True):
        colour = DATASET_COLOURS[name]
        mean = left + span * means[name]
        _chip(ax, 0.85, y, name)
        ax.vlines(1.74 + 0.14 * np.arange(count), y - 0.24, y + 0.24, color=colour, linewidth=5.5, alpha=0.75)
        _line(ax, (2.82, y), (3.05, y))
        _line(ax, (4.45, y), (4.8, y))
        ax.hlines(y, left, left + span, color="#CCCCCC", linewidth=1, zorder=0)
        ax.scatter(mean + span * 0.2 * np.sin(np.linspace(-1.2, 1.2, count)), np.full(count, y), s=36, color=colour,
                   alpha=0.55, linewidths=0)  # fmt: skip
        ax.plot(mean, y, "D", color=colour, markersize=10, markeredgecolor="white")
        if name in ends:
            sign, word, push = ends[name]
            _line(ax, (mean, y + 0.24), (mean + push, y + 0.24), colour=GRADIENT)
            ax.vlines(mean, 0.88, y - 0.1, color=INK, linewidth=1, linestyle=":")
            _text(ax, right, y, f"${sign}\\,a_{{ij}}(1-a_{{ij}})\\,W/n_i$:  $a$ {word}", color=GRADIENT)
        else:
            _text(ax, right, y, "none", color=QUIET)
    for end, value in ((left, "0"), (left + span, "1")):
        _text(ax, end, 1.47, value, fontsize=9, color=QUIET)
    high, low = (left + span * means[name] for name in ends)
    _line(ax, (low, 0.95), (high, 0.95))
    _line(ax, (high, 0.95), (low, 0.95))
    _text(ax, (low + high) / 2, 0.5, "$L_{BRL}=\\max_i m_i-\\min_i m_i$", fontsize=14)
    _text(ax, right, 0.72, "Only the two extremes are moved,\nalong $W$ alone; $W$ and $b$ move too.\n"
          "No class label takes part.", fontsize=10)  # fmt: skip
    ax.text(0.2, 0.3, "A sketch: values are invented.", fontsize=9, color=QUIET, style="italic")
    return figure


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
                _line(ax, (place - 0.62, 0), (place - 0.42, 0))
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
    fill = NETWORK if row.parameters else STEP
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


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of that size in inches with one bare axis whose units are inches."""
    figure = plt.figure(figsize=(width, height))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    return figure, ax


def _text(ax: Axes, x: float, y: float, text: str, **font) -> None:
    """Text centred on (x, y)."""
    ax.text(x, y, text, ha="center", linespacing=1.35, **{"va": "center", "fontsize": 11, "color": INK, **font})


def _box(ax: Axes, x: float, y: float, width: float, height: float, text: str, fill: str, edge="#9AA7B1", **font):
    """A rounded box centred on (x, y) with centred text."""
    corner = (x - width / 2 + 0.05, y - height / 2 + 0.05)
    ax.add_patch(FancyBboxPatch(corner, width - 0.1, height - 0.1, boxstyle="round,pad=0.05,rounding_size=0.08",
                                facecolor=fill, edgecolor=edge, linewidth=1))  # fmt: skip
    _text(ax, x, y, text, **font)


def _chip(ax: Axes, x: float, y: float, dataset: str) -> None:
    """A dataset's name in its colour."""
    colour = DATASET_COLOURS[dataset]
    _box(ax, x, y, 1.3, 0.46, PRINT_NAMES[dataset], colour, colour, color="white", fontweight="bold")


def _line(ax: Axes, *points: tuple[float, float], head: bool = True, colour: str = INK, style: str = "-") -> None:
    """A line through the points, square at its corners, with an arrow head at its end."""
    ax.plot(*zip(*points, strict=True), color=colour, linewidth=1.3, linestyle=style, solid_joinstyle="miter")
    if head:
        arrow = dict(arrowstyle="-|>", color=colour, lw=0, shrinkA=0, shrinkB=0, mutation_scale=11)
        ax.annotate("", points[-1], points[-2], arrowprops=arrow)
