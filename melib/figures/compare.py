"""What each change to a method adds, from the table of `study.compare`."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from melib.figures.style import interval_mark, limits, with_interval
from melib.study.claims import LEVEL


def gains(rows: pd.DataFrame) -> Figure:
    """Gain in mean UAR of each row over its control, after the last epoch, with 95 % intervals; one panel a control.

    Filled where the difference stands after Holm's correction over all rows; a star marks rows of one seed.
    """
    shown = rows.query("selection == 'last' and metric == 'uar' and column == 'mean'").dropna(subset=["gain"])
    groups = [(control, group.sort_values("gain")) for control, group in shown.groupby("control", sort=False)]
    heights = [len(group) + 1 for _, group in groups]
    figure, axes = plt.subplots(len(groups), 1, figsize=(9, 0.27 * sum(heights) + 1.2), sharex=True, squeeze=False,
                                height_ratios=heights, layout="constrained")  # fmt: skip
    ends = limits(shown["gain_low"], shown["gain_high"])
    for ax, (control, group) in zip(axes[:, 0], groups, strict=True):
        places = range(len(group))
        ax.axvline(0, color="#333333", linewidth=1)
        for place, row in enumerate(group.itertuples()):
            fill = {} if row.p <= LEVEL else {"markerfacecolor": "white", "markeredgewidth": 1.6}
            interval_mark(ax, place, row.gain, row.gain_low, row.gain_high, ends, **fill)
        ax.set_yticks(places, [_short(row.row, control) + "*" * (row.seeds < 2) for row in group.itertuples()])
        ax.set_title(f"gain over: {control}", loc="left", fontsize=10)
        ax.set_ylim(-0.7, len(group) - 0.3)
        ax.grid(axis="y", visible=False)
    axes[-1, 0].set_xlim(ends)
    starred = "; * one seed" * bool((shown["seeds"] < 2).any())
    axes[-1, 0].set_xlabel(
        "gain in mean UAR after the last epoch (points), 95 % interval over subjects\n"
        f"filled: p ≤ .05, corrected over all rows{starred}"
    )
    figure.suptitle(message(shown), fontsize=12, fontweight="bold")
    return figure


def message(shown: pd.DataFrame) -> str:
    """The greatest gain that stands after correction, over the first control if there is one, and BRL's gain there."""
    first = shown["control"].iloc[0]
    stands = shown[(shown["gain_low"] > 0) & (shown["p"] <= LEVEL)]
    own = stands[stands["control"] == first]
    best = (own if len(own) else stands).nlargest(1, "gain")
    words = [f"{row.row}: {with_interval(row.gain, row.gain_low, row.gain_high)} points over {row.control}"
             for row in best.itertuples()] or ["No gain stands after correction for the number of rows"]  # fmt: skip
    brl = shown[(shown["control"] == first) & shown["row"].str.endswith(", BRL")].head(1)
    words += [f"BRL {with_interval(row.gain, row.gain_low, row.gain_high)}" for row in brl.itertuples()]
    return "; ".join(words)


def _short(name: str, control: str) -> str:
    """A row without the words that its control has too."""
    words = control.split(", ")
    return ", ".join(word for word in name.split(", ") if word not in words) or name
