"""What BRL does epoch by epoch, of runs with a diagnosis."""

from __future__ import annotations

from itertools import cycle

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.corpus.index import print_name
from melib.figures.style import SERIES_COLOURS, dataset_colours

ALIKE = 0.05  # mean attentions that lie no further apart coincide in the picture
SATURATED = 0.9  # a mean attention above it, or below one less it, has no room left
QUANTITIES = {  # columns of the table, each a panel of its own
    "gap": "gap between the datasets'\nmean attention",
    "inside": "share of weights W in the\ndirections between datasets",
    "share": "gradient of BRL\nover that of CE",
    "probe_dataset": "accuracy of a probe\nfor the dataset",
}


def brl_epochs(table: pd.DataFrame) -> Figure:
    """One quantity per panel by epoch, a line per weight of BRL, a row of panels per kind of input.

    Without BRL its gradient is measured, not trained on.
    """
    table = table.assign(share=table["gradient_brl"] / table["gradient_ce"])
    kinds = list(table["inputs"].unique())
    size = (11, 2.5 * len(kinds) + 1.2)
    figure, axes = plt.subplots(len(kinds), len(QUANTITIES), figsize=size, layout="constrained", squeeze=False,
                                sharex=True)  # fmt: skip
    for line, kind in zip(axes, kinds, strict=True):
        rows = table[table["inputs"] == kind]
        for ax, (name, title) in zip(line, QUANTITIES.items(), strict=True):
            by_weight(rows, name, ax)
            if kind == kinds[0]:
                ax.set_title(title, fontsize=11)
            if kind == kinds[-1]:
                ax.set_xlabel("epoch")
        line[0].set_ylabel(kind, fontsize=12, fontweight="bold")
        line[-1].set_ylim(0, 1.05)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=3, title=of_runs(table),
                  alignment="left")  # fmt: skip
    figure.suptitle(epochs_message(table), fontsize=14, fontweight="bold")
    return figure


def by_weight(rows: pd.DataFrame, name: str, ax: Axes) -> Axes:
    """One quantity by epoch, a line a weight of BRL, mean of the runs; a dashed line where BRL begins."""
    for colour, (lam, part) in zip(cycle(SERIES_COLOURS), rows.groupby("lam"), strict=False):
        means = part.groupby("epoch")[name].mean()
        ax.plot(means.index, means, color=colour, linewidth=2.2, label=f"λ = {lam:g}" if lam else "without BRL")
    ax.axvline(rows["brl_start"].iloc[0], color="#999999", linestyle="--", linewidth=1, label="BRL begins")
    ax.set_ylim(0, None)
    return ax


def epochs_message(table: pd.DataFrame) -> str:
    """How well a probe predicts the dataset at the last epoch, with BRL and without."""
    last = table[table["epoch"] == table["epoch"].max()]
    parts = []
    for kind, rows in last.groupby("inputs", sort=False):
        means = rows.groupby("lam")["probe_dataset"].mean()
        parts.append(f"{means.iloc[-1]:.2f} on {kind} (without {means.iloc[0]:.2f})")
    return f"With BRL a probe predicts the dataset with accuracy {', '.join(parts)}"


def of_runs(table: pd.DataFrame) -> str:
    """Which runs a table of diagnoses is of: their held-out dataset and the number of seeds."""
    held_out = ", ".join(map(print_name, table["held_out"].unique()))
    seeds = table["seed"].nunique()
    return f"{held_out} held out; {seeds} seed{'s' * (seeds > 1)}"


def brl_attention(table: pd.DataFrame) -> Figure:
    """Mean attention of each source dataset by epoch with its 10 to 90 % band; a panel an input and weight of BRL."""
    groups = list(table.groupby(["inputs", "lam"], sort=False))
    figure, axes = plt.subplots(1, len(groups), figsize=(11, 3.7), layout="constrained", sharey=True, squeeze=False)
    for ax, ((kind, lam), rows) in zip(axes[0], groups, strict=True):
        for name, colour in dataset_colours(table["dataset"]).items():
            source = rows[rows["dataset"] == name].sort_values("epoch")
            ax.fill_between(source["epoch"], source["q10"], source["q90"], color=colour, alpha=0.13, linewidth=0)
            ax.plot(source["epoch"], source["mean"], color=colour, linewidth=2.2, label=print_name(name))
        ax.axvline(rows["brl_start"].iloc[0], color="#999999", linestyle="--", linewidth=1, label="BRL begins")
        ax.set(xlabel="epoch", ylim=(0, 1))
        ax.set_title(f"{kind}, λ = {lam:g}" if lam else f"{kind}, without BRL")
    axes[0, 0].set_ylabel("attention $a$: mean, 10 to 90 %")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=6, title=of_runs(table),
                  alignment="left")  # fmt: skip
    figure.suptitle(attention_message(table), fontsize=14, fontweight="bold")
    return figure


def attention_message(table: pd.DataFrame) -> str:
    """Where the datasets' mean attentions end with BRL, and how far apart at the last epoch, with it and without."""
    last = table[table["epoch"] == table["epoch"].max()]
    means = last.groupby(["lam", "inputs", "dataset"])["mean"].mean()
    with_brl = means.loc[means.index.get_level_values("lam").max()].groupby("inputs", sort=False)
    apart = (with_brl.max() - with_brl.min()).max()
    ends = with_brl.mean()
    words = " and ".join(f"{end:.2f} ({kind})" for kind, end in ends.items())
    if apart < ALIKE and ((ends > SATURATED) | (ends < 1 - SATURATED)).all():
        return f"BRL makes attention equal by saturating it: {words}, datasets {apart:.2f} apart"
    alike = "the same" if apart < ALIKE else "not the same"
    return f"With BRL attention ends at {words}, {alike} for all datasets ({apart:.2f} apart)"
