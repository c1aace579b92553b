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

TRAINED = "#8A8A8A"
ROWS = {  # what a row of panels is fitted on, and how its score is to be read
    "held_out": ("As in the paper: fitted on {} itself", "in-sample"),
    "train": ("Fitted on the training clips, {} unseen", "held out"),
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
    ax.set_xlabel(f"component 1 ({score['share_x']:.0%})", fontsize=9)
    ax.set_ylabel(f"component 2 ({score['share_y']:.0%})", fontsize=9)
    ax.spines[:].set(visible=True, color="#CCCCCC")
    return ax


def boundaries(table: pd.DataFrame) -> Figure:
    """Figure 7 of a `study.boundaries.panels` table: a column a run, the paper's fit above that on training clips."""
    titles = list(table["panel"].unique())
    tested = print_name(table["held_out"].iloc[0])
    figure = plt.figure(figsize=(2.9 * len(titles) + 0.5, 6.9), layout="constrained")
    lines = figure.subfigures(len(ROWS), 1, height_ratios=(1, 1.1))  # the lower one holds the legend too
    for line, (fit, (heading, sample)) in zip(lines, ROWS.items(), strict=True):
        axes = line.subplots(1, len(titles), squeeze=False)[0]
        line.suptitle(heading.format(tested), fontsize=11, fontweight="bold")
        for ax, title in zip(axes, titles, strict=True):
            panel = table[table["panel"] == title]
            scored = panel[panel["role"] == "score"].set_index("fit")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            if scored.empty:
                ax.set_title(title)
                ax.text(0.5, 0.5, "not run", ha="center", va="center", color="#999999", fontsize=12)
                continue
            boundary_panel(panel[panel["fit"] == fit], ax)
            ax.set_title(title, pad=32)
            scores = (f"{name}: Acc {100 * scored.loc[key, 'acc']:.1f} · UAR {100 * scored.loc[key, 'uar']:.1f}"
                    for key, name in ((fit, f"plane, {sample}"), ("network", "the network itself")))  # fmt: skip
            ax.annotate("\n".join(scores), (0.5, 1), xytext=(0, 4), xycoords="axes fraction", ha="center", fontsize=9,
                        textcoords="offset points")  # fmt: skip
    keys = [Line2D([], [], color=CLASS_COLOURS[c], marker=CLASS_MARKERS[c], linestyle="", label=c) for c in CLASSES]
    keys.append(Line2D([], [], color=TRAINED, marker=".", linestyle="", label="training clips"))
    lines[-1].legend(handles=keys, loc="outside lower center", ncols=4)
    return figure
