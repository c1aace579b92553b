"""What each method adds on corpora with a known answer."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from melib.figures.style import interval_mark, limits, signed
from melib.study.controls import SHUFFLED


def controls(table: pd.DataFrame) -> Figure:
    """Gain over cross-entropy with 95 % intervals, a line per method and a panel per corpus.

    `table` is of `study.controls.side_by_side`; methods that were run on one corpus alone are not drawn.
    """
    table = table.dropna(subset=["gain"])
    corpora = sorted(table["corpus"].unique(), key=lambda name: name.endswith(SHUFFLED))
    whole = table[~table["corpus"].str.endswith(SHUFFLED)]
    methods = [name for name in whole["row"].unique() if (whole["row"] == name).sum() > 1]
    size = (2.6 * len(corpora) + 2.6, 0.3 * len(methods) + 1.6)
    figure, axes = plt.subplots(
        1, len(corpora), figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained",
        width_ratios=[0.6 if name.endswith(SHUFFLED) else 1 for name in corpora],
    )  # fmt: skip
    ends = limits(table["gain_low"], table["gain_high"])
    for ax, corpus in zip(axes[0], corpora, strict=True):
        rows = table[table["corpus"] == corpus].set_index("row").reindex(methods)
        for place, row in enumerate(rows.itertuples()):
            if pd.notna(row.gain):
                interval_mark(ax, place, row.gain, row.gain_low, row.gain_high, ends)
            elif not corpus.endswith(SHUFFLED):  # few are run so: the caption says what a blank is
                ax.text(0, place, "not run", ha="center", va="center", fontsize=8, color="#999999",
                        bbox=dict(facecolor="white", edgecolor="none", pad=1))  # fmt: skip
        ax.axvline(0, color="#333333", linewidth=1, zorder=0.5)
        ax.set_title(corpus.replace(SHUFFLED, ":\ntrue less shuffled"), fontsize=10)
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(methods)), methods)
    axes[0, 0].set(xlim=ends, ylim=(len(methods) - 0.5, -0.5))
    more = "; true less shuffled: over the same on dataset labels dealt at random (blank: not run so)" * any(
        name.endswith(SHUFFLED) for name in corpora
    )
    figure.supxlabel(f"gain in mean UAR over cross-entropy on the same batches (points), 95 % over subjects{more}",
                     fontsize=9)  # fmt: skip
    figure.suptitle(message(whole), fontweight="bold")
    return figure


def message(table: pd.DataFrame) -> str:
    """BRL's gains in the order of the corpora, and what is surely above 0 on each on which it was run, two or more."""
    brl = table.loc[table["row"] == "CNN, BRL", "gain"]
    sure = table.assign(sure=table["gain_low"] > 0).groupby("row", sort=False)["sure"].agg(["all", "size"])
    every = list(sure.index[sure["all"] & (sure["size"] > 1)])
    words = f"BRL adds {', '.join(map(signed, brl))} points; " * bool(len(brl))
    return f"{words}surely above 0 wherever it was run: {', '.join(every) or 'nothing'}"
