"""Peers under one protocol: honest results, what choosing on the test set makes of them, and what was printed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from melib.figures.style import SERIES_COLOURS
from melib.study.peers import PEER_TABLES
from melib.study.tables import printed

HONEST = SERIES_COLOURS[1]
TRANSDUCTIVE = SERIES_COLOURS[4]
PRINTED = SERIES_COLOURS[5]
QUIET = "#98A1A8"


def peers(rows: pd.DataFrame) -> Figure:
    """Every method of the tables that `study.peers.measure` gives, a panel a table, best on top.

    Filled dots are results of the last epoch with 95 % intervals over subjects, hollow ones the epoch chosen on the
    test set; diamonds are printed figures, hollow where their epoch or setting was chosen on the test set. Printed
    methods that were not re-run stand below.
    """
    shown = [(name, part) for name, part in rows.groupby("table", sort=False)]
    lines = [layout(part) for _, part in shown]
    heights = [len(one) + 1.5 for one in lines]
    figure, axes = plt.subplots(len(shown), 1, figsize=(9.5, 0.27 * sum(heights) + 1.6), squeeze=False,
                                height_ratios=heights, layout="constrained")  # fmt: skip
    for ax, (name, _), one in zip(axes[:, 0], shown, lines, strict=True):
        table = PEER_TABLES[name]
        _draw(one, ax)
        ax.set_title(table.title, loc="left", fontsize=10)
        ax.set_xlabel(f"{printed(table.metric)}, {table.main} (%)")
    figure.legend(handles=_legend(), loc="outside lower center", ncols=3, fontsize=9)
    figure.suptitle(message(rows), fontsize=12, fontweight="bold")
    return figure


def layout(rows: pd.DataFrame) -> pd.DataFrame:
    """A line a method of one table: name, kind, value, low, high, oracle, printed_last and printed_test, best first.

    The printed figures of a method stand on the line of its best result; printed methods that were not re-run follow.
    """
    table = PEER_TABLES[rows["table"].iloc[0]]
    cells = rows[(rows["column"] == table.main) & (rows["metric"] == table.metric)]
    own = cells[cells["selection"].isin(["last", "no training"]) & (cells["kind"] != "printed")]
    own = own.set_index("row")[["key", "kind", "value", "low", "high"]].sort_values("value", ascending=False)
    own["oracle"] = cells[(cells["selection"] == "oracle") & (cells["parameters"] > 0)].set_index("row")["value"]
    figures = cells[cells["kind"] == "printed"]
    for column, chosen in (("printed_last", False), ("printed_test", True)):
        part = figures[(figures["selection"] == "test set") == chosen].drop_duplicates("key").set_index("key")
        first = ~own["key"].duplicated()
        own[column] = own["key"].map(part["value"]).where(first)
    others = figures[~figures["key"].isin(own["key"])].drop_duplicates(["row", "selection"])
    rest = pd.DataFrame({
        "row": others["row"], "key": others["key"], "kind": "printed",
        "printed_last": others["value"].where(others["selection"] != "test set"),
        "printed_test": others["value"].where(others["selection"] == "test set"), "order": others["value"],
    }).sort_values("order", ascending=False)  # fmt: skip
    return pd.concat([own.reset_index(), rest.drop(columns="order")], ignore_index=True)


def message(rows: pd.DataFrame) -> str:
    """What the tables say: on how many networks choosing the epoch on the test set adds how much, at the median."""
    prices = []
    for name, part in rows.groupby("table", sort=False):
        lines = layout(part).dropna(subset=["oracle", "value"])
        price = lines["oracle"] - lines["value"]
        if len(price):
            table = PEER_TABLES[name]
            prices.append(f"{price.median():+.1f} {printed(table.metric)} in {table.title.split(' ')[0]}")
    if not prices:
        return "No method was run"
    return "Choosing the epoch on the test set, at the median: " + ", ".join(prices)


def _draw(lines: pd.DataFrame, ax: Axes) -> None:
    """One panel of `layout`."""
    for place, line in enumerate(lines.itertuples()):
        colour = {"transductive": TRANSDUCTIVE, "floor": QUIET}.get(line.kind, HONEST)
        ax.hlines(place, line.low, line.high, color=colour, linewidth=3, alpha=0.35)
        ax.plot(line.value, place, "o", color=colour, markersize=6)
        ax.plot(line.oracle, place, "o", markerfacecolor="white", markeredgecolor=colour, markersize=6)
        ax.plot(line.printed_last, place, "D", color=PRINTED, markersize=5.5)
        ax.plot(line.printed_test, place, "D", markerfacecolor="white", markeredgecolor=PRINTED, markersize=5.5)
    ax.set_yticks(range(len(lines)), lines["row"])
    ax.set_ylim(len(lines) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


def _legend() -> list[Line2D]:
    def mark(shape: str, colour: str, filled: bool, text: str) -> Line2D:
        return Line2D([], [], marker=shape, linestyle="", markeredgecolor=colour, markersize=6, label=text,
                      markerfacecolor=colour if filled else "white")  # fmt: skip

    return [
        mark("o", HONEST, True, "last epoch, 95 % interval"),
        mark("o", HONEST, False, "epoch chosen on the test set"),
        mark("o", TRANSDUCTIVE, True, "transductive"),
        mark("D", PRINTED, True, "printed by others"),
        mark("D", PRINTED, False, "printed, chosen on the test set"),
        mark("o", QUIET, True, "no training"),
    ]
