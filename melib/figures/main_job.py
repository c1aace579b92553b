"""The first ten runs: cross-entropy and BRL on each held-out dataset, and what BRL adds."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.corpus.index import CLASSES
from melib.figures.style import ABOVE, BELOW, OPEN, SERIES_COLOURS, verdict_colour, with_interval
from melib.study.compare import mean_uar
from melib.study.tables import printed

LOOKS = ((SERIES_COLOURS[0], "o"), (SERIES_COLOURS[1], "s"))


def main_job(table: pd.DataFrame) -> Figure:
    """UAR of a setting and of its control by held-out dataset on the left, the gain on the right, each with its 95 %
    interval over subjects; after the last epoch. Rows of `study.compare.compare`.

    Of several settings with a control, the first is drawn.
    """
    rows = table.query("selection == 'last' and metric == 'uar' and column != 'pooled'")
    setting = first_setting(rows)
    columns = list(setting["column"])
    figure, axes = plt.subplots(1, 2, figsize=(8.8, 4.2), layout="constrained", sharey=True, width_ratios=(1.5, 1))
    names = (setting["control"].iloc[0], setting["row"].iloc[0])
    for shift, name, (colour, mark) in zip((-0.13, 0.13), names, LOOKS, strict=True):
        values = rows[rows["row"] == name].set_index("column").loc[columns]
        places = [place + shift for place in range(len(columns))]
        axes[0].hlines(places, values["low"], values["high"], color=colour, linewidth=3, alpha=0.6)
        label = f"{name}, cross-entropy" if shift < 0 else name
        axes[0].plot(values["value"], places, mark, color=colour, markersize=7, label=label)
    axes[0].axvline(100 / len(CLASSES), color="#666666", linestyle=":", linewidth=1.2)
    axes[0].annotate("chance", (100 / len(CLASSES), len(columns) - 0.5), (4, 5), textcoords="offset points",
                     fontsize=9, color="#666666")  # fmt: skip
    seeds = int(setting["seeds"].min())
    axes[0].set_xlabel(f"UAR after the last epoch (%); {seeds} seed{'s' * (seeds > 1)}, lines: 95 % over subjects")
    axes[0].set_yticks(range(len(columns)), [printed(column) for column in columns])
    axes[0].set(ylabel="held-out dataset", ylim=(len(columns) - 0.5, -0.5))
    _gains(setting, axes[1])
    for ax in axes:
        ax.axhline(columns.index("mean") - 0.5, color="#BBBBBB", linewidth=1)
        ax.grid(axis="y", visible=False)
    figure.suptitle(message(table), fontsize=14, fontweight="bold")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _gains(setting: pd.DataFrame, ax: Axes) -> None:
    colours = [verdict_colour(row.gain_low, row.gain_high, row.p) for row in setting.itertuples()]
    places = range(len(setting))
    ax.axvline(0, color="#333333", linewidth=1)
    ax.hlines(places, setting["gain_low"], setting["gain_high"], color=colours, linewidth=3, alpha=0.6)
    ax.scatter(setting["gain"], places, color=colours, s=46, zorder=3)
    ax.set_xlabel("gain in UAR (points)")


def first_setting(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first setting that has a control. ValueError where there is none."""
    known = rows.dropna(subset=["gain"])
    if known.empty:
        raise ValueError("No setting here has a control that was run: a gain needs both, such as `method: [erm, brl]`.")
    return known[known["row"] == known["row"].iloc[0]]


def message(table: pd.DataFrame) -> str:
    """What the setting adds to its control in the mean over datasets, and whether that is sure."""
    setting = first_setting(mean_uar(table))
    row = setting.iloc[0]
    name = row["row"].removeprefix(f"{row['control']}, ")
    words = {ABOVE: "more than cross-entropy", BELOW: "less", OPEN: "undecided"}
    sure = words[verdict_colour(row["gain_low"], row["gain_high"], row["p"])]
    gain, bounds = with_interval(row["gain"], row["gain_low"], row["gain_high"]).split(" ", 1)
    return f"{name} adds {gain} points of UAR {bounds}: {sure}"
