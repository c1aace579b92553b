"""Peers under one protocol: honest results, what choosing on the test set makes of them, and what was printed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from melib.figures.style import SERIES_COLOURS, signed
from melib.study.peers import PEER_TABLES
from melib.study.tables import printed

HONEST = SERIES_COLOURS[1]
TRANSDUCTIVE = SERIES_COLOURS[4]
PRINTED = SERIES_COLOURS[5]
QUIET = "#98A1A8"
PRINTED_AS = {  # columns of `layout`: how the epoch of a printed figure was chosen, its mark's filling, and in words
    "printed_last": (("last", "no epochs"), "full", "nothing chosen on the test set"),
    "printed_unknown": (("not known",), "left", "not known how chosen"),
    "printed_test": (("test set",), "none", "chosen on the test set"),
}


def peers(rows: pd.DataFrame) -> Figure:
    """Every method of one table that `study.peers.measure` gives, best on top; its parts turned off, and settings that
    another row chooses among, are in the table alone.

    Filled dots are results of the last epoch with 95 % intervals over subjects, hollow ones the epoch chosen on the
    test set; diamonds are printed figures, on their own terms, hollow where chosen on the test set. Printed
    methods that were not re-run stand below a line.
    """
    table = PEER_TABLES[rows["table"].iloc[0]]
    lines = layout(rows)
    figure, ax = plt.subplots(figsize=(9.5, 0.29 * len(lines) + 1.9), layout="constrained")
    _draw(lines, ax)
    ax.set_xlabel(f"{printed(table.metric)}, {table.main} (%)")
    figure.legend(handles=_legend(lines), loc="outside lower center", ncols=3, fontsize=10)
    figure.suptitle(f"{message(rows)}\n", fontsize=13, fontweight="bold")
    ax.set_title(table.title, loc="center", x=0.3, fontsize=9.5, fontweight="normal", color="#555555")
    return figure


def layout(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per method of one table: name, kind, value, low, high, oracle and the columns of PRINTED_AS, best first.

    The printed figures of a method stand on the line of its best result; printed methods that were not re-run follow.
    """
    table = PEER_TABLES[rows["table"].iloc[0]]
    cells = rows[(rows["column"] == table.main) & (rows["metric"] == table.metric) & rows["drawn"].astype(bool)]
    own = cells[cells["selection"].isin(["last", "no training"]) & (cells["kind"] != "printed")]
    own = own.set_index("row")[["key", "kind", "value", "low", "high"]].sort_values("value", ascending=False)
    own["oracle"] = cells[cells["selection"] == "oracle"].set_index("row")["value"]
    figures = cells[cells["kind"] == "printed"]
    for column, (rules, *_) in PRINTED_AS.items():
        part = figures[figures["selection"].isin(rules)].drop_duplicates("key").set_index("key")
        first = ~own["key"].duplicated()
        own[column] = own["key"].map(part["value"]).where(first)
    others = figures[~figures["key"].isin(own["key"])].drop_duplicates(["row", "selection"])
    rest = pd.DataFrame({
        "row": others["row"], "key": others["key"], "kind": "printed",
        **{column: others["value"].where(others["selection"].isin(rules))
           for column, (rules, *_) in PRINTED_AS.items()},
        "order": others["value"],
    }).sort_values("order", ascending=False)  # fmt: skip
    return pd.concat([own.reset_index(), rest.drop(columns="order")], ignore_index=True)


def message(rows: pd.DataFrame) -> str:
    """What one table says: how many networks choosing the epoch on the test set lifts, and by how much at the median;
    where no network was run, the best result."""
    metric = printed(PEER_TABLES[rows["table"].iloc[0]].metric)
    lines = layout(rows)
    price = (lines["oracle"] - lines["value"])[lines["kind"] == "result"].dropna()
    if len(price):
        lifted = f"{(price > 0).sum()} of {len(price)} networks"
        return f"Choosing the epoch on the test set lifts {lifted}: {signed(price.median())} {metric} at the median"
    results = lines[lines["kind"] == "result"]
    if results.empty:
        return "No method was run"
    best = results.loc[results["value"].idxmax()]
    return f"Best of {len(results)} that were run: {best['row']}, {best['value']:.1f} {metric}"


def _draw(lines: pd.DataFrame, ax: Axes) -> None:
    """One panel of `layout`."""
    for place, line in enumerate(lines.itertuples()):
        colour = {"transductive": TRANSDUCTIVE, "floor": QUIET}.get(line.kind, HONEST)
        ax.hlines(place, line.low, line.high, color=colour, linewidth=3, alpha=0.35)
        ax.plot(line.value, place, "o", color=colour, markersize=6)
        ax.plot(line.oracle, place, "o", markerfacecolor="white", markeredgecolor=colour, markersize=6)
        for column, (_, fill, _) in PRINTED_AS.items():
            ax.plot(getattr(line, column), place, "D", color=PRINTED, fillstyle=fill, markersize=5.5)
    own = lines["value"].notna().sum()
    if own < len(lines):
        ax.axhline(own - 0.5, color="#BBBBBB", linewidth=1)
    ax.set_yticks(range(len(lines)), lines["row"])
    ax.set_ylim(len(lines) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


def _legend(lines: pd.DataFrame) -> list[Line2D]:
    """A handle for each kind of mark that is drawn."""

    def mark(shape: str, colour: str, fill: str, text: str) -> Line2D:
        return Line2D([], [], marker=shape, linestyle="", color=colour, fillstyle=fill, markersize=6, label=text)

    kinds = set(lines["kind"])
    handles = [
        ("result" in kinds, mark("o", HONEST, "full", "last epoch (if any), 95 % interval")),
        (lines["oracle"].notna().any(), mark("o", HONEST, "none", "best accuracy on the test set")),
        ("transductive" in kinds, mark("o", TRANSDUCTIVE, "full", "transductive")),
        *(
            (lines[column].notna().any(), mark("D", PRINTED, fill, f"printed, {words}"))
            for column, (_, fill, words) in PRINTED_AS.items()
        ),
        ("floor" in kinds, mark("o", QUIET, "full", "no training")),
    ]
    return [handle for drawn, handle in handles if drawn]
