"""How hard the demo corpus is, beside its bands and beside real clips."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from melib.corpus.index import print_name
from melib.figures.style import dataset_colours, dataset_markers, signed
from melib.study.difficulty import (
    APEX,
    BANDS,
    BOUND,
    CNN,
    LINEAR,
    MINMAX,
    MINMAX_SWITCHED,
    ONSET,
    SWITCHED,
    UNCENTRED,
    bands,
)
from melib.study.rows import INPUTS

ROWS = {
    BOUND: ("true AUs, linear\n(upper bound)", "upper bound"),
    SWITCHED: ("flow, CNN with\nordinary switches", None),
    CNN: ("flow, CNN", "CNN on flow"),
    LINEAR: ("flow, logistic\nregression", None),
    APEX: ("apex frames, CNN", "CNN on apex frames"),
    ONSET: ("onset frames, CNN", "CNN on onset frames"),
    UNCENTRED: ("flow, CNN with switches\nbut centring (one draw)", None),
    MINMAX: ("min-max flow, CNN\n(one draw)", None),
    MINMAX_SWITCHED: ("min-max flow, CNN with\nswitches (one draw)", None),
}


def calibration(table: pd.DataFrame) -> Figure:
    """UAR by held-out dataset and in the mean of each setting, how far the mean differs between draws of the corpus,
    and the bands that it was set to.

    `table` has a row per corpus (draw), row, held-out dataset and seed: corpus, row, held_out, uar (0-1).
    """
    rows = {row: words for row, words in ROWS.items() if row in set(table["row"])}
    figure, ax = plt.subplots(figsize=(8.5, 1.2 + 0.58 * len(rows)), layout="constrained")
    datasets = list(table["held_out"].unique())
    colours = dataset_colours(datasets)
    markers = dataset_markers(datasets)
    by_dataset = table.groupby(["row", "held_out"])["uar"].mean() * 100
    by_draw = table.groupby(["row", "corpus", "held_out"])["uar"].mean().groupby(["row", "corpus"]).mean() * 100
    for place, (row, (_, band)) in enumerate(reversed(rows.items())):
        if band:
            low, high = (100 * bound for bound in BANDS[band])
            ax.barh(place, high - low, left=low, height=0.72, color="#DDDDDD", zorder=1)
        for name in datasets:
            ax.scatter(by_dataset[row, name], place, color=colours[name], marker=markers[name], s=34, zorder=3,
                       label=print_name(name) if place == 0 else None)  # fmt: skip
        ax.vlines(by_dataset[row].mean(), place - 0.36, place + 0.36, color="black", linewidth=2.5, zorder=4)
        ax.hlines(place - 0.3, by_draw[row].min(), by_draw[row].max(), color="black", linewidth=1.5, zorder=4)
    ax.axvline(100 / 3, color="#888888", linestyle=":", linewidth=1)
    ax.annotate(
        "chance", (100 / 3, len(rows) - 0.45), ha="center", fontsize=8, color="#666666", backgroundcolor="white"
    )
    ax.set_yticks(range(len(rows)), [text for text, _ in reversed(rows.values())])
    ax.set_xlabel("UAR (%), epoch chosen on training subjects; bar: mean, line across it: means of single draws\n"
                  "of the corpus, lowest to highest; grey: the band that the mean was set to")  # fmt: skip
    ax.grid(axis="y", visible=False)
    ax.set_ylim(-0.6, len(rows) - 0.25)
    figure.legend(loc="outside right center", title="held out")
    figure.suptitle(calibration_message(table), fontsize=12, fontweight="bold")
    return figure


def calibration_message(table: pd.DataFrame) -> str:
    """How many of the bands that hold UARs are met, and what is measured of the others."""
    is_bound = table["row"] == BOUND
    found = bands(table[~is_bound], table[is_bound], float("nan")).dropna(subset=["measured"])
    words = f"The demo corpus meets {found['met'].sum()} of the {len(found)} bands of UARs and their differences"
    missed = [
        f"{row.band} {100 * row.measured:.1f} ({_band(row.low, row.high)})" for row in found[~found["met"]].itertuples()
    ]
    return words + (f"\nmissed: {', '.join(missed)}" if missed else "")


def _band(low: float, high: float) -> str:
    return f"{100 * low:.0f} or more" if high == 1 else f"{100 * low:.0f} to {100 * high:.0f}"


def likeness(table: pd.DataFrame) -> Figure:
    """The demo corpus beside the real clips, a line per measure, joined where they are alike (within 10 points).

    `table` is of `study.difficulty.likeness`: measure, real, demo (percent) with their 95 % intervals where they have
    one, difference.
    """
    figure, ax = plt.subplots(figsize=(8.5, 0.4 * len(table) + 1.4), layout="constrained")
    places = range(len(table))[::-1]
    far = table["difference"].abs() > 10
    colours = ["#D55E00" if is_far else "#888888" for is_far in far]
    ax.hlines(places, table["real"], table["demo"], color=colours, linewidth=2.5)
    looks = {"real": ("442 real clips", "black", 0.14), "demo": ("demo corpus", "white", -0.14)}
    for column, (words, face, aside) in looks.items():
        ax.hlines(np.array(places) + aside, table[f"{column}_low"], table[f"{column}_high"], color="black", linewidth=1)
        ax.scatter(table[column], places, facecolor=face, edgecolor="black", s=42, zorder=3, label=words)
    ax.set_yticks(places, table["measure"].replace(INPUTS, regex=True))
    ax.set_xlabel("percent; orange: more than 10 points apart\nthin lines: 95 % intervals of UARs over subjects")
    ax.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=2)
    figure.suptitle(likeness_message(table), fontweight="bold", fontsize=11)
    return figure


def likeness_message(table: pd.DataFrame) -> str:
    """How far UARs lie from those of real clips, and how many of the other measures lie within 10 points."""
    is_uar = table["measure"].str.startswith("UAR")
    uar, others = table.loc[is_uar, "difference"], table.loc[~is_uar, "difference"]
    return (
        f"UARs differ from real clips' by {signed(uar.min())} to {signed(uar.max())} points; "
        f"{(others.abs() <= 10).sum()} of {len(others)} probes lie within 10"
    )
