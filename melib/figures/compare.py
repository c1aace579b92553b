"""What each change to a method adds, from the table of `study.compare`."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from melib.figures.style import verdict_colour


def gains(rows: pd.DataFrame) -> Figure:
    """Gain in mean UAR of each row over its control, after the last epoch, with 95 % intervals; one panel a control.

    Rows of a recipe with one part left out are not drawn: each part alone is.
    """
    shown = rows.query("selection == 'last' and metric == 'uar' and column == 'mean'").dropna(subset=["gain"])
    shown = shown[~shown["row"].str.contains("recipe without")]
    groups = [(control, group.sort_values("gain")) for control, group in shown.groupby("control", sort=False)]
    heights = [len(group) + 1 for _, group in groups]
    figure, axes = plt.subplots(len(groups), 1, figsize=(9, 0.27 * sum(heights) + 1.2), sharex=True, squeeze=False,
                                height_ratios=heights, layout="constrained")  # fmt: skip
    for ax, (control, group) in zip(axes[:, 0], groups, strict=True):
        colours = [verdict_colour(row.gain_low, row.gain_high) for row in group.itertuples()]
        places = range(len(group))
        ax.axvline(0, color="#333333", linewidth=1)
        ax.hlines(places, group["gain_low"], group["gain_high"], color=colours, linewidth=3, alpha=0.5)
        ax.scatter(group["gain"], places, color=colours, s=28, zorder=3)
        ax.set_yticks(places, [_short(name, control) for name in group["row"]])
        ax.set_title(f"beside: {control}", loc="left", fontsize=10)
        ax.set_ylim(-0.7, len(group) - 0.3)
        ax.grid(axis="y", visible=False)
    axes[-1, 0].set_xlabel("gain in mean UAR (points), 95 % interval over subjects, not corrected for their number")
    figure.suptitle(message(shown), fontsize=12, fontweight="bold")
    return figure


def message(shown: pd.DataFrame) -> str:
    """What the gains over the first control say: the greatest one that is surely above 0, and BRL's."""
    control = shown["control"].iloc[0]
    shown = shown[shown["control"] == control]
    sure = shown[shown["gain_low"] > 0]
    words = f"Nothing surely raises the UAR of {control}"
    if len(sure):
        best = sure.loc[sure["gain"].idxmax()]
        words = f"{best['row']}: {best['gain']:+.1f} points over {control}"
    for row in shown[shown["row"].str.endswith(", BRL")].head(1).itertuples():
        words += f"; BRL {row.gain:+.1f} ({row.gain_low:+.1f} to {row.gain_high:+.1f})"
    return words


def _short(name: str, control: str) -> str:
    """A row without the words that its control has too."""
    words = control.split(", ")
    return ", ".join(word for word in name.split(", ") if word not in words) or name
