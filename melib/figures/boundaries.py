"""Figure 7: held-out clips on a plane of learned features, in the regions of logistic regression."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from melib.corpus.index import CLASSES, print_name
from melib.figures.style import CLASS_COLOURS, CLASS_MARKERS
from melib.study.boundaries import CORNERS

TRAINED = "#8A8A8A"
CHANCE = 100 / len(CLASSES) + 1  # a UAR up to a point above that of guessing is called chance
VIEWS = {  # what a panel shows, and how its score is to be read
    "network": ("The network's probabilities", ""),
    "held_out": ("The paper's plane:\nfitted on {} itself", ", on its own clips"),
    "train": ("A plane fitted on\nthe training clips", ""),
}


def boundary_panel(rows: pd.DataFrame, ax: Axes) -> Axes:
    """One plane (rows of `study.boundaries.plane`): regions as tints, held-out clips by class, training clips grey."""
    regions, clips, trained = (rows[rows["role"] == role] for role in ("region", "held_out", "train"))
    limits = pd.concat([clips, trained])[["x", "y"]].quantile([0.005, 0.995])
    (left, low), (right, high) = limits.to_numpy() + np.array([[-0.4], [0.4]])
    x, y = np.meshgrid(np.linspace(left, right, 300), np.linspace(low, high, 300))
    weights = regions[["x", "y", "bias"]].to_numpy()
    region = np.tensordot(np.stack([x, y, np.ones_like(x)], axis=-1), weights.T, 1).argmax(-1)
    tints = [0.78 + 0.22 * np.array(to_rgb(CLASS_COLOURS[label])) for label in regions["label"]]
    ax.imshow(region, origin="lower", extent=(left, right, low, high), cmap=ListedColormap(tints), vmin=-0.5,
              vmax=len(tints) - 0.5, interpolation="nearest", aspect="auto")  # fmt: skip
    ax.scatter(trained["x"], trained["y"], s=5, color=TRAINED, alpha=0.45, linewidths=0)
    for label, group in clips.groupby("label"):
        ax.scatter(group["x"], group["y"], s=24, color=CLASS_COLOURS[label], marker=CLASS_MARKERS[label],
                   edgecolors="white", linewidths=0.5)  # fmt: skip
    score = rows[rows["role"] == "score"].iloc[0]
    ax.set(xlim=(left, right), ylim=(low, high))
    ax.set_xlabel(f"principal component 1 ({score['share_x']:.0%})", fontsize=9)
    ax.set_ylabel(f"principal component 2 ({score['share_y']:.0%})", fontsize=9)
    ax.spines[:].set(visible=True, color="#CCCCCC")
    return ax


def simplex_panel(points: pd.DataFrame, ax: Axes) -> Axes:
    """The network's probabilities (rows of `study.boundaries.simplex`): certainty of a class is its corner, lines part
    the regions in which it is the most probable."""
    middle = CORNERS.mean(axis=0)
    ax.fill(*CORNERS.T, facecolor="#F7F7F7", edgecolor="#888888", linewidth=1)
    for corner, label in zip(CORNERS, CLASSES, strict=True):
        opposite = (CORNERS.sum(axis=0) - corner) / 2
        ax.plot(*np.stack([middle, opposite]).T, color="#888888", linewidth=1)
        below = corner[1] == 0
        ax.annotate(label, corner, (0, -4 if below else 4), textcoords="offset points", ha="center",
                    va="top" if below else "bottom", color="#444444", fontsize=9)  # fmt: skip
    for label, group in points.groupby("label"):
        ax.scatter(group["x"], group["y"], s=26, color=CLASS_COLOURS[label], marker=CLASS_MARKERS[label], alpha=0.85,
                   edgecolors="white", linewidths=0.5)  # fmt: skip
    ax.set(xlim=(-0.15, 1.15), ylim=(-0.12, 1.0))
    ax.set_aspect("equal")
    ax.spines[:].set_visible(False)
    return ax


def boundaries(table: pd.DataFrame) -> Figure:
    """Figure 7 of a `study.boundaries.panels` table: a line per run with the network's own probabilities, the paper's
    plane, and the plane fitted on training clips."""
    titles = list(table["panel"].unique())
    tested = print_name(table["held_out"].iloc[0])
    size = (10.5, 3.1 * len(titles) + 1.2)
    figure, axes = plt.subplots(len(titles), len(VIEWS), figsize=size, squeeze=False, layout="constrained")
    figure.suptitle(message(table), fontsize=14, fontweight="bold")
    for line, title in zip(axes, titles, strict=True):
        for ax, (fit, (heading, sample)) in zip(line, VIEWS.items(), strict=True):
            panel = table[(table["panel"] == title) & (table["fit"] == fit)]
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            if fit == "network":
                simplex_panel(panel[panel["role"] == "probability"], ax)
            else:
                boundary_panel(panel, ax)
            score = panel[panel["role"] == "score"].iloc[0]
            above = f"{heading.format(tested)}\n" if title == titles[0] else ""
            ax.set_title(f"{above}UAR {100 * score['uar']:.1f}{sample}", fontsize=11)
        line[0].annotate(title, (-0.06, 0.5), xycoords="axes fraction", rotation=90, ha="center", va="center",
                         fontsize=12, fontweight="bold")  # fmt: skip
    keys = [Line2D([], [], color=CLASS_COLOURS[c], marker=CLASS_MARKERS[c], linestyle="", label=c) for c in CLASSES]
    keys.append(Line2D([], [], color=TRAINED, marker=".", linestyle="", label="training clips"))
    title = f"clips of {tested}, by their true class; one run each"
    figure.legend(handles=keys, loc="outside lower left", ncols=4, title=title, alignment="left")
    return figure


def message(table: pd.DataFrame) -> str:
    """How much of each run's UAR two components keep, both without a held-out clip in the fit."""
    scores = 100 * table[table["role"] == "score"].pivot(index="panel", columns="fit", values="uar")
    parts = [
        f"{name} {row['train']:.0f}" + " (chance)" * bool(row["train"] < CHANCE) + f" against {row['network']:.0f}"
        for name, row in scores.loc[table["panel"].unique()].iterrows()
    ]
    return f"UAR on a plane of two principal components against the network's own:\n{'; '.join(parts)}"
