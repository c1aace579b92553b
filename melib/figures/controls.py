"""What each method adds on corpora with a known answer."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.figures.style import SERIES_COLOURS, gain_mark, limits, signed
from melib.study.claims import LEVEL
from melib.study.controls import SHUFFLED

BESIDE = SERIES_COLOURS[4]


def controls(table: pd.DataFrame) -> Figure:
    """Gain over cross-entropy with 95 % intervals, a line per method and a panel per corpus; below a gain, where it was
    measured, how far it lies above the same on shuffled dataset labels.

    `table` is of `study.controls.side_by_side`; methods that were run on one corpus alone are not drawn.
    """
    table = table.dropna(subset=["gain"])
    again = table["corpus"].str.endswith(SHUFFLED)
    gains, shuffled = table[~again], table[again]
    corpora = list(gains["corpus"].unique())
    methods = [name for name in gains["row"].unique() if (gains["row"] == name).sum() > 1]
    size = (3.2 * len(corpora) + 2.4, 0.36 * len(methods) + 1.8)
    figure, axes = plt.subplots(1, len(corpora), figsize=size, sharex=True, sharey=True, squeeze=False,
                                layout="constrained")  # fmt: skip
    ends = limits(table["gain_low"], table["gain_high"])
    for ax, corpus in zip(axes[0], corpora, strict=True):
        _panel(gains[gains["corpus"] == corpus].set_index("row").reindex(methods), ends, ax)
        beside = shuffled[shuffled["corpus"] == corpus + SHUFFLED].set_index("row")
        for row in beside.loc[beside.index.intersection(methods)].itertuples():
            place = methods.index(row.Index) + 0.3
            ax.hlines(place, row.gain_low, row.gain_high, color=BESIDE, linewidth=1.5)
            ax.plot(row.gain, place, "D", color=BESIDE, markersize=3.5)
        ax.set_title(corpus, fontsize=11)
    axes[0, 0].set_yticks(range(len(methods)), [name.removeprefix("CNN, ") for name in methods])
    axes[0, 0].set(xlim=ends, ylim=(len(methods) - 0.4, -0.6))
    words = "gain of the CNN in mean UAR over cross-entropy on the same batches (points), 95 % over subjects\n"
    words += "coloured: p ≤ .05, corrected over the rows of a corpus" + "; hollow: one seed" * bool(
        (gains["seeds"] < 2).any()
    )
    words += "; purple: less the same on random dataset labels" * bool(len(shuffled))
    figure.supxlabel(words, fontsize=10)
    figure.suptitle(message(gains[gains["row"].isin(methods)]), fontsize=13, fontweight="bold")
    return figure


def _panel(rows: pd.DataFrame, ends: tuple[float, float], ax: Axes) -> None:
    """The gains on one corpus, a line per method."""
    ax.axvline(0, color="#333333", linewidth=1, zorder=0.5)
    for place, row in enumerate(rows.itertuples()):
        if pd.notna(row.gain):
            gain_mark(ax, place, row, ends)
        else:
            ax.text(0, place, "not run", ha="center", va="center", fontsize=9, color="#999999",
                    bbox=dict(facecolor="white", edgecolor="none", pad=1))  # fmt: skip
    ax.grid(axis="y", visible=False)


def message(gains: pd.DataFrame) -> str:
    """Which gains and losses stand after correction, and BRL's in the order of the corpora."""
    stands = gains[(gains["gain_low"] > 0) & (gains["p"] <= LEVEL)]
    losses = gains[(gains["gain_high"] < 0) & (gains["p"] <= LEVEL)]
    words = " and ".join(
        f"{row.row.removeprefix('CNN, ')} on {row.corpus} ({signed(row.gain)})" for row in stands.itertuples()
    )
    brl = gains.loc[gains["row"] == "CNN, BRL", "gain"]
    adds = f"; BRL {', '.join(map(signed, brl))}" * bool(len(brl))
    lost = f"; losses: {', '.join(dict.fromkeys(losses['row'].str.removeprefix('CNN, ')))}" * bool(len(losses))
    return f"Gains that stand after correction: {words or 'none'}{lost}{adds}"
