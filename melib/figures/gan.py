"""Pictures of top-up: its plan (Tables 2 and 3), the training of a generator, and the faces it makes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.corpus.index import CLASSES, dataset_order, print_name
from melib.figures.style import CLASS_COLOURS, SERIES_COLOURS

SCHEMES = {"even": "the deficit split evenly", "balance": "towards equal classes"}
CURVES = {  # of a training's history, by panel
    "Critic": {"critic": "Wasserstein gap", "penalty": "gradient penalty"},
    "AUs, mean squared error": {"aus_real": "read from real faces", "aus": "read from generated faces"},
    "Image, mean absolute error": {"cycle": "cycle (identity)", "truth": "to the true apex"},
    "Attention": {"kept": "mean: the share that is copied"},
}
GAP = 24  # grey levels that a difference map spans


def plan_bars(table: pd.DataFrame) -> Figure:
    """Table 2: what each dataset holds and gets, by class; columns scheme, dataset, label, present, added."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.7), sharey=True, layout="constrained")
    for ax, (scheme, title) in zip(axes, SCHEMES.items(), strict=True):
        rows = table[table["scheme"] == scheme]
        names = dataset_order(rows["dataset"])
        for shift, label in zip((-0.27, 0, 0.27), CLASSES, strict=True):
            bars = rows[rows["label"] == label].set_index("dataset").loc[names]
            positions = np.arange(len(names)) + shift
            colour = CLASS_COLOURS[label]
            ax.bar(positions, bars["present"], 0.25, color=colour, label=label)
            ax.bar(
                positions,
                bars["added"],
                0.25,
                bars["present"],
                facecolor="none",
                edgecolor=colour,
                hatch="////",
            )
            for x, row in zip(positions, bars.itertuples(), strict=True):
                ax.annotate(f"+{row.added}", (x, row.present + row.added), (0, 2), textcoords="offset points",
                            ha="center", fontsize=7, color="#444444")  # fmt: skip
        ax.set_xticks(range(len(names)), list(map(print_name, names)))
        ax.set_title(title, pad=12)
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("clips")
    axes[1].bar(0, 0, facecolor="none", edgecolor="#666666", hatch="////", label="added")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right upper")
    return figure


def curves(history: pd.DataFrame) -> Figure:
    """The losses of a training by step of the generator, smoothed over a fiftieth of it."""
    figure, axes = plt.subplots(1, len(CURVES), figsize=(14, 3.2), layout="constrained")
    window = max(1, len(history) // 50)
    for ax, (title, lines) in zip(axes, CURVES.items(), strict=True):
        for colour, (name, label) in zip(SERIES_COLOURS[1:], lines.items(), strict=False):
            smooth = history[name].rolling(window, min_periods=1).mean()
            ax.plot(history["step"], smooth, color=colour, label=label)
        ax.set(title=title, xlabel="step")
        ax.legend()
    axes[-1].set_ylim(0, 1)
    return figure


def sheet(faces: dict[tuple[str, str], tuple[np.ndarray, ...]]) -> Figure:
    """Source, colour, attention and result by dataset and class: faces (S, S, 3) uint8, attention (S, S) in [0, 1].

    The change beside them is the result less the source, red where lighter and blue where darker.
    """
    datasets = dataset_order(dataset for dataset, _ in faces)
    parts = ("colour C", "attention A", "result", "change")
    figure = plt.figure(figsize=(14, 0.75 + 1.05 * len(datasets)), layout="constrained")
    blocks = figure.subfigures(1, 1 + len(CLASSES), width_ratios=[1] + [len(parts)] * len(CLASSES))
    sources = blocks[0].subplots(len(datasets), 1, squeeze=False)
    blocks[0].suptitle("neutral face", fontsize=10)
    for ax, dataset in zip(sources[:, 0], datasets, strict=True):
        ax.imshow(faces[dataset, CLASSES[0]][0])
        ax.set_ylabel(print_name(dataset), fontsize=9, fontweight="bold")
    for block, label in zip(blocks[1:], CLASSES, strict=True):
        block.suptitle(label, fontsize=11, fontweight="bold")
        axes = block.subplots(len(datasets), len(parts), squeeze=False)
        for row, dataset in zip(axes, datasets, strict=True):
            source, colour, attention, result = faces[dataset, label]
            change = (result.astype(float) - source).mean(2)
            row[0].imshow(colour)
            row[1].imshow(attention, cmap="gray", vmin=0, vmax=1)
            row[2].imshow(result)
            row[3].imshow(change, cmap="RdBu_r", vmin=-GAP, vmax=GAP)
        for ax, part in zip(axes[0], parts, strict=True):
            ax.set_title(part, fontsize=8, fontweight="normal")
    for ax in figure.axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


def strip(images: np.ndarray, titles: Sequence[str], ax: Axes) -> Axes:
    """Faces (N, S, S, 3) in a row, each under its title."""
    size = images.shape[1]
    ax.imshow(np.concatenate(list(images), axis=1))
    for place, title in enumerate(titles):
        ax.text((place + 0.5) * size, -0.06 * size, title, ha="center", va="bottom", fontsize=9)
    ax.axis("off")
    return ax


def strips(rows: dict[tuple[str, ...], np.ndarray]) -> Figure:
    """A `strip` of faces (N, S, S, 3) a row, by their titles."""
    figure, axes = plt.subplots(len(rows), 1, figsize=(11, 1.5 * len(rows)), layout="constrained", squeeze=False)
    for ax, (titles, images) in zip(axes[:, 0], rows.items(), strict=True):
        strip(images, titles, ax)
    return figure


LOWEST = -2.0  # that the axis of MEASURES goes down to
MEASURES = {  # of `gap_table`
    "aus": "AUs measured, towards\nthe real face", "error": "error of the AUs\nthat is gone",
    "place": "where it moves\n(correlation)",
}  # fmt: skip
KINDS = {"generated": ("class centroid", "#D55E00", "o"), "shuffled": ("another class' centroid", "#666666", "s"),
         "untrained": ("before training", "#56B4E9", "^")}  # fmt: skip
READ = {"neutral": ("neutral face (floor)", "#E69F00"), "generated": ("generated", "#D55E00"),
        "shuffled": ("another class' centroid", "#999999"), "real": ("real face (ceiling)", "#0B3C5D")}  # fmt: skip


def quality(table: pd.DataFrame) -> Figure:
    """`gap_table` on the left, `au_table` on the right; of one table with both sets of columns."""
    figure, axes = plt.subplots(1, 2, figsize=(13, 4), layout="constrained", width_ratios=(1, 1.5))
    gaps = table.dropna(subset=["measure"])
    ax = axes[0]
    places = [(name, magnify) for name in MEASURES for magnify in sorted(gaps["magnify"].unique())]
    for shift, (kind, (label, colour, marker)) in zip((-0.18, 0, 0.18), KINDS.items(), strict=True):
        rows = gaps[gaps["kind"] == kind].set_index(["measure", "magnify"]).loc[places]
        positions = np.arange(len(rows)) + shift
        ax.vlines(positions, rows["low"], rows["high"], color=colour, linewidth=2)
        ax.plot(positions, rows["value"], marker, color=colour, label=label, linestyle="")
        for x, value in zip(positions, rows["value"], strict=True):
            if value < LOWEST:  # printed where its bar would dwarf all others
                ax.annotate(f"{value:.0f}", (x, LOWEST), (0, 4), textcoords="offset points", color=colour, fontsize=7,
                            ha="center", rotation=90)  # fmt: skip
    ax.axhline(0, color="#666666", linewidth=1)
    ax.axhline(1, color="#666666", linewidth=1, linestyle="--")
    ax.text(len(places) - 0.5, 1, "real face", fontsize=8, color="#666666", ha="right", va="bottom")
    ax.set_xticks(range(len(places)), [f"× {magnify:g}" for _, magnify in places])
    for start, text in zip(range(0, len(places), len(places) // len(MEASURES)), MEASURES.values(), strict=True):
        ax.annotate(text, ((start + 0.5), 0), (0, -20), xycoords=("data", "axes fraction"), textcoords="offset points",
                    ha="center", va="top", fontsize=8)  # fmt: skip
    ax.set_ylim(max(LOWEST, ax.get_ylim()[0]), None)
    ax.grid(axis="x", visible=False)
    ax.set(ylabel="0: the input returned", title=f"What generated faces show, preset {table['preset'].iloc[0]}")
    ax.legend(loc="lower left", fontsize=8)
    read = table.dropna(subset=["au"])
    ax = axes[1]
    names = sorted(read["au"].unique())
    for shift, (kind, (label, colour)) in zip((-0.24, -0.08, 0.08, 0.24), READ.items(), strict=True):
        rows = read[read["kind"] == kind].set_index("au").loc[names]
        ax.plot(np.arange(len(names)) + shift, rows["error"], "o", color=colour, label=label, markersize=5)
    ax.set_xticks(range(len(names)), [int(name[2:]) for name in names])
    ax.set(xlabel="action unit", ylabel="mean absolute error", title="Error of each AU read, × 1", ylim=(0, None))
    ax.legend()
    return figure
