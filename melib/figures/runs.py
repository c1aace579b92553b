"""Pictures of one run and of a small study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from melib.corpus.index import CLASSES, print_name
from melib.figures.style import SERIES_COLOURS


def loss_curves(history: pd.DataFrame, brl_start: int, ax: Axes) -> Axes:
    """Loss or cross-entropy, and the penalty, per epoch (a `fit` history); folds averaged.

    A line marks the epoch from which the penalty is trained on. An estimator has no losses: the axis says so.
    """
    losses = {"ce": "cross-entropy"} if "ce" in history else {"loss": "loss"} if "loss" in history else {}
    if not losses:
        ax.text(0.5, 0.5, "no epochs", ha="center", va="center", transform=ax.transAxes, color="#666666")
        ax.set(title="Training loss", xticks=[], yticks=[])
        return ax
    means = history.groupby("epoch").mean(numeric_only=True)
    for name, label in losses.items():
        ax.plot(means.index, means[name], color=SERIES_COLOURS[1], label=label)
    if "penalty" in means and means["penalty"].any():
        ax.plot(means.index, means["penalty"].where(means.index >= brl_start), color=SERIES_COLOURS[2], label="penalty")
        ax.axvline(brl_start, color="#999999", linewidth=1, linestyle=":")
        ax.annotate("penalty on", (brl_start, 0.97), xycoords=("data", "axes fraction"), xytext=(4, 0),
                    textcoords="offset points", va="top", fontsize=8, color="#666666")  # fmt: skip
    ax.set(xlabel="epoch", ylabel="training loss", title="Training loss", ylim=(0, None))
    ax.legend()
    return ax


def score_curves(history: pd.DataFrame, metric: str, held_out: str, ax: Axes) -> Axes:
    """One metric per epoch, on the source validation subjects and on what is held out (`selection.pooled_by_epoch`)."""
    means = history.set_index("epoch")
    mark = "o" if len(means) == 1 else "-"
    if means[f"source_val_{metric}"].notna().any():
        ax.plot(means.index, means[f"source_val_{metric}"], mark, color=SERIES_COLOURS[0], label="source validation")
    ax.plot(means.index, means[f"held_out_{metric}"], mark, color=SERIES_COLOURS[1],
            label=f"held out ({print_name(held_out)})")  # fmt: skip
    ax.axhline(1 / len(CLASSES), color="#999999", linewidth=1, linestyle="--")
    ax.set(xlabel="epoch", ylabel=metric.upper(), title=f"{metric.upper()} per epoch", ylim=(0, 1))
    if len(means) == 1:
        ax.set_xticks(means.index)
    ax.legend(loc="lower right")
    return ax


def confusion_matrix(counts: np.ndarray, title: str, ax: Axes) -> Axes:
    """Confusion counts (3, 3), true classes in rows; colour is the share of the true class."""
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    text = np.array([[f"{n}\n{s:.0%}" for n, s in zip(*rows, strict=True)] for rows in zip(counts, share, strict=True)])
    sns.heatmap(share, annot=text, fmt="", cmap="Blues", vmin=0, vmax=1, cbar=False, square=True, ax=ax,
                xticklabels=CLASSES, yticklabels=CLASSES, linewidths=1)  # fmt: skip
    ax.set(xlabel="predicted", ylabel="true", title=title)
    return ax
