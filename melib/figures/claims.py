"""The board of the paper's claims: effects with intervals and verdicts, by topic."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.figures.style import limits, with_interval

VERDICTS = {"holds": "#007A5A", "does not": "#C44E00", "undecided": "#6B7780", "by construction": "#7A4E9E"}
PLACES = {
    "effect (95 %)": 0,
    "p": 0.33,
    "verdict": 0.42,
    "the paper": 0.67,
}  # of the words beside a panel, of its width


def claims(table: pd.DataFrame) -> Figure:
    """Each claim that was tested with its effect, 95 % interval and verdict, a panel a topic; of `study.claims.judge`.

    All panels share one scale, on which most intervals lie whole; an arrow stands where one goes on.
    """
    shown = table.dropna(subset=["effect"])
    groups = list(shown.groupby("topic", sort=False))
    heights = [len(rows) + 0.9 for _, rows in groups]
    size = (12.5, 0.27 * sum(heights) + 1.4)
    figure, axes = plt.subplots(len(groups), 2, figsize=size, sharex="col", squeeze=False, height_ratios=heights,
                                width_ratios=(1, 1.6), layout="constrained")  # fmt: skip
    far = scale(shown)
    for (ax, beside), (topic, rows) in zip(axes, groups, strict=True):
        _panel(rows, far, ax)
        _words(rows, beside)
        ax.set_title(topic, loc="left", fontsize=11)
        if beside is axes[0, 1]:
            for name, left in PLACES.items():
                beside.text(left, -1.2, name, va="center", fontsize=10, color="#666666")
        ax.set(xlim=(-far, far), ylim=(len(rows) - 0.5, -0.5))
    starred = "; * one seed" * bool((shown["seeds"] < 2).any())
    axes[-1, 0].set_xlabel(
        f"effect (points), 95 % over subjects; p corrected\nover all; none where not two settings are compared{starred}"
    )
    figure.suptitle(message(table), fontsize=14, fontweight="bold")
    return figure


def scale(table: pd.DataFrame) -> float:
    """How far the axis goes from 0 to either side."""
    return max(abs(end) for end in limits(table["low"], table["high"]))


def _panel(rows: pd.DataFrame, far: float, ax: Axes) -> None:
    ax.axvline(0, color="#333333", linewidth=1)
    for place, row in enumerate(rows.itertuples()):
        colour = VERDICTS[row.verdict]
        ax.hlines(place, max(row.low, -far), min(row.high, far), color=colour, linewidth=3.5, alpha=0.55)
        ax.plot(row.effect, place, "o", color=colour, markersize=6)
        for end, marker in ((row.low < -far, "<"), (row.high > far, ">")):
            if end:
                ax.plot(far if marker == ">" else -far, place, marker, color=colour, markersize=8, clip_on=False)
    ax.set_yticks(range(len(rows)), rows["claim"])
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)


def _words(rows: pd.DataFrame, ax: Axes) -> None:
    """Each effect and its verdict in words, on the lines of `_panel`, and what the paper states."""
    for place, row in enumerate(rows.itertuples()):
        words = {
            "effect (95 %)": with_interval(row.effect, row.low, row.high) + "*" * (row.seeds < 2),
            "p": "" if pd.isna(row.p) else f"{row.p:.2f}",
            "verdict": row.verdict,
            "the paper": row.paper,
        }
        for name, left in PLACES.items():
            look = {"color": VERDICTS[row.verdict], "fontweight": "bold"} if name == "verdict" else {}
            ax.text(left, place, words[name], va="center", fontsize=9.5, **look)
    ax.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
    ax.set_axis_off()


def message(table: pd.DataFrame) -> str:
    """How many of the claims that were tested have each verdict."""
    tested = table.dropna(subset=["effect"])
    counts = tested["verdict"].value_counts()
    words = {"holds": "hold" if counts.get("holds", 0) > 1 else "holds",
             "does not": "do not hold" if counts.get("does not", 0) > 1 else "does not hold"}  # fmt: skip
    parts = [f"{counts[verdict]} {words.get(verdict, verdict)}" for verdict in VERDICTS if verdict in counts]
    none = "" if "holds" in counts else "none holds, "
    absent = f" ({len(table) - len(tested)} not run)" if len(table) > len(tested) else ""
    return f"Of {len(tested)} claims tested {none}{', '.join(parts)}{absent}"
