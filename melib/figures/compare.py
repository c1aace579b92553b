"""What each change to a method adds, from the table of `study.compare`."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.figures.style import gain_mark, limits, with_interval
from melib.study.claims import LEVEL
from melib.study.compare import mean_uar

LINE = 0.27  # inches


def gains(rows: pd.DataFrame) -> Figure:
    """Gain in mean UAR of each row over its control, after the last epoch, with 95 % intervals; one panel per control.

    The first control's panel is on the left, the others are on the right, one below the other. Coloured where the
    difference stands after Holm's correction over all rows, hollow where it rests on one seed.
    """
    shown = mean_uar(rows).dropna(subset=["gain"])
    first, *others = [(control, group.sort_values("gain")) for control, group in shown.groupby("control", sort=False)]
    columns = [part for part in ([first], others) if part]
    tall = max(sum(len(group) + 1.6 for _, group in part) for part in columns)
    figure = plt.figure(figsize=(6.6 * len(columns), LINE * tall + 1.5), layout="constrained")
    ends = limits(shown["gain_low"], shown["gain_high"])
    for subfigure, part in zip(figure.subfigures(1, len(columns), squeeze=False)[0], columns, strict=True):
        axes = subfigure.subplots(len(part), 1, squeeze=False, height_ratios=[len(group) + 1 for _, group in part])
        for ax, (control, group) in zip(axes[:, 0], part, strict=True):
            _panel(group, control, ends, ax)
            ax.tick_params(labelbottom=ax is axes[-1, 0])
        axes[-1, 0].set_xlabel("gain in mean UAR after the last epoch (points)")
    clips = "synthetic" if rows["synthetic"].any() else "real"
    hollow = "; hollow: one seed" * bool(((shown["seeds"] < 2) & (shown["parameters"] > 0)).any())
    figure.supxlabel(f"95 % intervals over subjects, {clips} clips; coloured: p ≤ .05, corrected over all rows{hollow}",
                     fontsize=10)  # fmt: skip
    figure.suptitle(message(shown), fontsize=13, fontweight="bold")
    return figure


def _panel(group: pd.DataFrame, control: str, ends: tuple[float, float], ax: Axes) -> None:
    ax.axvline(0, color="#333333", linewidth=1)
    for place, row in enumerate(group.itertuples()):
        gain_mark(ax, place, row, ends)
    ax.set_yticks(range(len(group)), [_short(row, control) for row in group["row"]])
    ax.set_title(f"over: {control}", loc="left", fontsize=10)
    ax.set(xlim=ends, ylim=(-0.7, len(group) - 0.3))
    ax.grid(axis="y", visible=False)


def message(shown: pd.DataFrame) -> str:
    """How many gains stand after correction, the greatest over the first control if there is one there, BRL's, and how
    many losses stand."""
    first = shown["control"].iloc[0]
    stands = shown[(shown["gain_low"] > 0) & (shown["p"] <= LEVEL)]
    losses = shown[(shown["gain_high"] < 0) & (shown["p"] <= LEVEL)]
    own = stands[stands["control"] == first]
    best = (own if len(own) else stands).nlargest(1, "gain")
    stand = "stand" if len(stands) > 1 else "stands"
    words = [f"{len(stands) or 'No'} gain{'s' * (len(stands) > 1)} of {len(shown)} {stand} after correction"]
    words += [f"{row.row} {with_interval(row.gain, row.gain_low, row.gain_high)} over {row.control}"
              for row in best.itertuples()]  # fmt: skip
    brl = shown[(shown["control"] == first) & shown["row"].str.endswith(", BRL")].head(1)
    words += [f"BRL {with_interval(row.gain, row.gain_low, row.gain_high)}" for row in brl.itertuples()]
    words += [f"{len(losses)} loss{'es' * (len(losses) > 1)} ({', '.join(losses['row'])})"] * bool(len(losses))
    return "; ".join(words)


def _short(name: str, control: str) -> str:
    """A row without the words that its control has too."""
    words = control.split(", ")
    return ", ".join(word for word in name.split(", ") if word not in words) or name
