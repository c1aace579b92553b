"""Peers under one protocol: honest results, what choosing on the test set makes of them, and what was printed."""

from __future__ import annotations

from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from melib.figures.style import SERIES_COLOURS, signed
from melib.study.peers import OF_PAPER, PEER_TABLES
from melib.study.tables import printed

HONEST = SERIES_COLOURS[1]
TRANSDUCTIVE = SERIES_COLOURS[4]
PRINTED = SERIES_COLOURS[5]
WIDEST = 64  # characters of a name on one line
PRINTED_AS = {  # columns of `layout`: how the epoch of a printed figure was chosen, its mark's filling, and in words
    "printed_last": (("last", "no epochs"), "full", "nothing chosen on the test set"),
    "printed_unknown": (("not known",), "left", "not known how chosen"),
    "printed_test": (("test set",), "none", "chosen on the test set"),
}


def peers(rows: pd.DataFrame) -> Figure:
    """Every method of one table that `study.peers.measure` gives, best on top; its parts turned off, and settings that
    another row chooses among, are in the table alone.

    Filled dots are results of the last epoch with 95 % intervals over subjects, hollow ones the epoch chosen on the
    test set; diamonds are printed figures of the same clips and sources, hollow where chosen on the test set. Printed
    methods that were not re-run stand below a line.
    """
    table = PEER_TABLES[rows["table"].iloc[0]]
    lines = layout(rows)
    names = [
        fill(name + "*" * once, WIDEST, break_on_hyphens=False)
        for name, once in zip(lines["row"], _one_seed(lines), strict=True)
    ]
    figure, ax = plt.subplots(figsize=(11, 0.29 * len(lines) + 2.1), layout="constrained")
    _draw(lines, ax)
    ax.set_yticks(range(len(lines)), names, fontsize=9.5, linespacing=0.9)
    words = [f"{printed(table.metric)}, {table.main} (%)"]
    words += [f"without training {floor:.1f}" for floor in _floor(rows)]
    words += ["* one seed"] * any(_one_seed(lines))
    if lines["row"].str.contains("recipe").any() and not rows["synthetic"].any():
        words.append("the recipe's parts were known to help on these clips")
    ax.set_xlabel("; ".join(words))
    for floor in _floor(rows):
        if ax.get_xlim()[0] <= floor:
            ax.axvline(floor, color="#666666", linestyle=":", linewidth=1.2)
    figure.legend(handles=_legend(lines), loc="outside lower center", ncols=3, fontsize=10)
    figure.suptitle(f"{message(rows)}\n", fontsize=13, fontweight="bold")
    ax.set_title(table.title, loc="center", x=0.3, fontsize=9.5, fontweight="normal", color="#555555")
    return figure


def layout(rows: pd.DataFrame) -> pd.DataFrame:
    """A line per method of one table: name, key, kind, seeds, value, low, high, oracle and the columns of PRINTED_AS,
    best first.

    The printed figures of a method stand on the line of its best result; printed methods that were not re-run follow.
    """
    cells = _drawn(rows)
    own = cells[(cells["selection"] == "last") & cells["kind"].isin(["result", "transductive"])].set_index("row")
    own = own[["key", "kind", "seeds", "value", "low", "high"]].sort_values("value", ascending=False)
    own["oracle"] = cells[cells["selection"] == "oracle"].set_index("row")["value"]
    figures = cells[cells["kind"] == "printed"]
    for column, (rules, *_) in PRINTED_AS.items():
        part = figures[figures["selection"].isin(rules)].drop_duplicates("key").set_index("key")
        own[column] = own["key"].map(part["value"]).where(~own["key"].duplicated())
    others = figures[~figures["key"].isin(own["key"])]
    rest = others.drop_duplicates("row")[["row", "key", "kind"]].set_index("row")
    for column, (rules, *_) in PRINTED_AS.items():
        rest[column] = others[others["selection"].isin(rules)].drop_duplicates("row").set_index("row")["value"]
    best = rest[list(PRINTED_AS)].max(axis=1).sort_values(ascending=False)
    return pd.concat([own.reset_index(), rest.loc[best.index].reset_index()], ignore_index=True)


def message(rows: pd.DataFrame) -> str:
    """What one table says: the best result, a better transductive one, CNN + BRL, and what choosing the epoch on the
    test set adds to networks at the median, or what needs no training."""
    metric = printed(PEER_TABLES[rows["table"].iloc[0]].metric)
    lines = layout(rows)
    best = lines[lines["kind"] == "result"].head(1)
    if best.empty:
        return "No method was run"
    (first,) = best.itertuples()
    words = [f"Best {metric} {first.value:.1f}: {first.row}"]
    seen = lines[(lines["kind"] == "transductive") & (lines["value"] > first.value)].head(1)
    words += [f"transductive {row.value:.1f}" for row in seen.itertuples()]
    paper = lines[lines["row"].isin([OF_PAPER, f"{OF_PAPER}, on flow"])]
    words += [f"CNN + BRL {row.value:.1f}" for row in paper.itertuples()]
    price = (lines["oracle"] - lines["value"])[lines["kind"] == "result"].dropna()
    if len(price):
        lifted = f"lifts {(price > 0).sum()} of {len(price)} networks, by {signed(price.median())} at the median"
        return f"{'; '.join(words)}\nChoosing the epoch on the test set {lifted}"
    return "; ".join([*words, *(f"without training {floor:.1f}" for floor in _floor(rows))])


def _drawn(rows: pd.DataFrame) -> pd.DataFrame:
    """The cells of one table that its figure shows."""
    table = PEER_TABLES[rows["table"].iloc[0]]
    return rows[(rows["column"] == table.main) & (rows["metric"] == table.metric) & rows["drawn"].astype(bool)]


def _floor(rows: pd.DataFrame) -> list[float]:
    """The best score that needs no training, if there is one."""
    cells = _drawn(rows)
    return [*cells.loc[cells["kind"] == "floor", "value"].nlargest(1)]


def _one_seed(lines: pd.DataFrame) -> list[bool]:
    """Which of the lines are networks, which depend on a seed, and rest on one."""
    return list(lines["oracle"].notna() & (lines["kind"] == "result") & (lines["seeds"] < 2))


def _draw(lines: pd.DataFrame, ax: Axes) -> None:
    """One panel of `layout`."""
    for place, line in enumerate(lines.itertuples()):
        colour = TRANSDUCTIVE if line.kind == "transductive" else HONEST
        ax.hlines(place, line.low, line.high, color=colour, linewidth=3, alpha=0.35)
        ax.plot(line.value, place, "o", color=colour, markersize=6)
        ax.plot(line.oracle, place, "o", markerfacecolor="white", markeredgecolor=colour, markersize=6)
        for column, (_, style, _) in PRINTED_AS.items():
            ax.plot(getattr(line, column), place, "D", color=PRINTED, fillstyle=style, markersize=5.5)
    own = lines["value"].notna().sum()
    if own < len(lines):
        ax.axhline(own - 0.5, color="#BBBBBB", linewidth=1)
    ax.set_ylim(len(lines) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


def _legend(lines: pd.DataFrame) -> list[Line2D]:
    """A handle for each kind of mark that is drawn."""

    def mark(shape: str, colour: str, style: str, text: str) -> Line2D:
        return Line2D([], [], marker=shape, linestyle="", color=colour, fillstyle=style, markersize=6, label=text)

    kinds = set(lines["kind"])
    handles = [
        ("result" in kinds, mark("o", HONEST, "full", "last epoch (if any), 95 % interval")),
        (lines["oracle"].notna().any(), mark("o", HONEST, "none", "best accuracy on the test set")),
        ("transductive" in kinds, mark("o", TRANSDUCTIVE, "full", "transductive")),
        *(
            (lines[column].notna().any(), mark("D", PRINTED, style, f"published, {words}"))
            for column, (_, style, words) in PRINTED_AS.items()
        ),
    ]
    return [handle for drawn, handle in handles if drawn]
