"""Pictures of a study: confusion matrices, effects with intervals, the claims board, BRL's diagnostics by epoch."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes

from melib.corpus.index import CLASSES, print_name
from melib.figures.runs import confusion_matrix
from melib.figures.style import SERIES_COLOURS, dataset_colours

VERDICTS = {
    "holds": "#007A5A", "does not": "#C44E00", "undecided": "#6B7780", "by construction": "#7A4E9E",
    "not run": "#98A1A8",
}  # fmt: skip
BOARD = {"claim": 0.0, "paper": 0.40, "effect": 0.535, "seeds": 0.857, "verdict": 0.895}  # where a column begins


def confusions(table: pd.DataFrame, axes: Iterable[Axes]) -> None:
    """A confusion matrix a held-out dataset, counts on the share of the true class; axes in `dataset_order`.

    The table has a row a held_out, label and predicted with its count; cells that it lacks are 0.
    """
    colours = dataset_colours(table["held_out"])
    for place, (name, ax) in enumerate(zip(colours, axes, strict=True)):
        rows = table[table["held_out"] == name]
        cells = rows.pivot_table(values="count", index="label", columns="predicted", aggfunc="sum")
        counts = cells.reindex(index=CLASSES, columns=CLASSES).fillna(0).to_numpy().astype(int)
        confusion_matrix(counts, print_name(name), ax)
        ax.title.set_color(colours[name])
        short = [label[:3] for label in CLASSES]
        ax.set_xticklabels(short, rotation=0)
        ax.set_yticklabels(short if place == 0 else [""] * len(short), rotation=0)
        if place:
            ax.set_ylabel("")
        ax.tick_params(length=0)


def forest(table: pd.DataFrame, ax: Axes) -> Axes:
    """Effects with their intervals, the first row on top; one whose row has no effect says "not run".

    Columns: name, effect, low, high.
    """
    ax.axvline(0, color="#666666", linewidth=1)
    for place, row in enumerate(table.itertuples()):
        interval(row, place, VERDICTS["undecided"], ax)
        if pd.isna(row.effect):
            ax.annotate("not run", (0, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9,
                        color=VERDICTS["not run"])  # fmt: skip
    ax.set_yticks(range(len(table)), table["name"])
    ax.set(ylim=(len(table) - 0.5, -0.5), xlabel="effect (percentage points), 95 % interval")
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def interval(row, place: float, colour: str, ax: Axes) -> None:
    """One effect as a dot on the line of its interval; nothing where there is no effect."""
    ax.hlines(place, row.low, row.high, color=colour, linewidth=3, alpha=0.5)
    ax.plot(row.effect, place, "o", color=colour, markersize=5, markeredgewidth=0)


def claims_board(table: pd.DataFrame, ax: Axes, data: str = "") -> Axes:
    """Each claim of the paper, what the paper reports, our effect with its interval, and the verdict as a tag.

    Columns: claim, paper, effect, low, high, seeds, verdict (see VERDICTS). Intervals share one scale around 0, those
    of what was built in another, which would dwarf what was found. `data` says in the title what the verdicts were
    computed on.
    """
    ax.set(xlim=(0, 1), ylim=(len(table) - 0.4, -1.3))
    ax.set_axis_off()
    ax.set_title("The paper's claims" + (f" on {data}" if data else ""), loc="left")
    heads = {
        "claim": "claim",
        "paper": "the paper",
        "effect": "here: effect in points, 95 % interval",
        "seeds": "seeds",
        "verdict": "verdict",
    }
    for name, head in heads.items():
        ax.text(BOARD[name], -0.85, head, va="center", fontsize=9, color="#777777")
    start = BOARD["effect"] + 0.005
    end = BOARD["effect"] + 0.19
    built_in = table["verdict"] == "by construction"
    reach = table[["low", "high", "effect"]].abs().max(axis=1).groupby(built_in).transform("max")
    for place, (row, far) in enumerate(zip(table.itertuples(), reach, strict=True)):
        ax.axhline(place - 0.5, color="#E6E6E6", linewidth=0.8)
        ax.text(BOARD["claim"], place, row.claim, va="center", fontsize=10)
        ax.text(BOARD["paper"], place, row.paper, va="center", fontsize=9, color="#555555")
        if pd.notna(row.effect):
            scale = (end - start) / 2 / far if far else 0
            middle = (start + end) / 2
            drawn = pd.Series({key: middle + scale * getattr(row, key) for key in ("effect", "low", "high")})
            ax.plot([middle, middle], [place - 0.42, place + 0.42], color="#BBBBBB", linewidth=1)
            interval(drawn, place, VERDICTS[row.verdict], ax)
            text = f"{row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f})".replace("-", "−")
            ax.text(end + 0.012, place, text, va="center", fontsize=8.5)
            ax.text(BOARD["seeds"], place, row.seeds, va="center", fontsize=8.5, color="#777777")
        tag = dict(boxstyle="round,pad=0.35", facecolor=VERDICTS[row.verdict], edgecolor="none")
        ax.text((BOARD["verdict"] + 1) / 2, place, row.verdict, ha="center", va="center", fontsize=9, color="white",
                fontweight="bold", bbox=tag)  # fmt: skip
    return ax


def attention(table: pd.DataFrame, axes: Iterable[Axes]) -> None:
    """Mean attention of each source dataset by epoch, with its 10 to 90 % band; a panel a value of `setting`.

    Columns: setting, epoch, domain, mean_a, q10, q90.
    """
    for place, (ax, (setting, rows)) in enumerate(zip(axes, table.groupby("setting", sort=False), strict=True)):
        for name, colour in dataset_colours(rows["domain"]).items():
            source = rows[rows["domain"] == name].sort_values("epoch")
            ax.fill_between(source["epoch"], source["q10"], source["q90"], color=colour, alpha=0.15, linewidth=0)
            ax.plot(source["epoch"], source["mean_a"], color=colour, linewidth=2, label=print_name(name))
        ax.set(xlabel="epoch", ylim=(0, 1), title=setting, ylabel="" if place else "attention $a$: mean, 10 to 90 %")
        if not place:
            ax.legend(ncols=2)


def gradients(table: pd.DataFrame, ax: Axes) -> Axes:
    """Norm of each loss's gradient at the features by epoch, log scale. Columns: epoch, gradient_ce, gradient_brl."""
    for colour, name, label in ((SERIES_COLOURS[1], "gradient_ce", "CE"), (SERIES_COLOURS[2], "gradient_brl", "BRL")):
        ax.plot(table["epoch"], table[name], color=colour, linewidth=2, label=label)
    _start(table, ax)
    ax.set(yscale="log", xlabel="epoch", ylabel="norm of the gradient")
    ax.legend()
    return ax


def steering(table: pd.DataFrame, ax: Axes) -> Axes:
    """The gap that BRL sees over all training clips, and W's share in the datasets' directions, by epoch and lam.

    A gap that closes while the share falls is W turning away from the datasets, not features coming together.
    """
    for colour, (lam, rows) in zip((SERIES_COLOURS[0], SERIES_COLOURS[2]), table.groupby("lam"), strict=False):
        ax.plot(rows["epoch"], rows["gap"], color=colour, linewidth=2, label=f"gap of mean attention, λ = {lam:g}")
        ax.plot(rows["epoch"], rows["inside"], color=colour, linestyle=":", label=f"share of W in it, λ = {lam:g}")
    _start(table, ax)
    top = 1.5 * table[["gap", "inside"]].max(axis=None)  # for the legend
    ax.set(xlabel="epoch", ylim=(0, top), title="gap of attention, and W")
    ax.legend(fontsize=8, loc="upper left")
    return ax


def probes(table: pd.DataFrame, ax: Axes) -> Axes:
    """Balanced accuracy of fresh linear probes for the dataset and for the emotion, by epoch and lam."""
    lines = {"probe_dataset": "-", "probe_label": ":"}
    for colour, (lam, rows) in zip((SERIES_COLOURS[0], SERIES_COLOURS[2]), table.groupby("lam"), strict=False):
        for name, line in lines.items():
            label = f"{name.removeprefix('probe_').replace('label', 'emotion')}, λ = {lam:g}"
            ax.plot(rows["epoch"], rows[name], color=colour, linestyle=line, linewidth=2, label=label)
    _start(table, ax)
    ax.set(xlabel="epoch", ylim=(0, 1.02), title="what the features hold (linear probes)")
    ax.legend(fontsize=8, ncols=2)
    return ax


def _start(table: pd.DataFrame, ax: Axes) -> None:
    """A line where BRL begins."""
    ax.axvline(table["brl_start"].iloc[0], color="#999999", linestyle="--", linewidth=1)


def selection_gap(rows: pd.DataFrame, ax: Axes) -> Axes:
    """A metric of each setting under each selection rule; results filled, oracles hollow, floors as lines.

    Rows of `study.tables.tidy`: row, selection, value, low, high; intervals are drawn for the result.
    """
    floors = rows[rows["selection"] == "no training"]
    rows = rows[rows["selection"] != "no training"]
    labels = list(dict.fromkeys(rows["row"]))
    place = {label: number for number, label in enumerate(labels)}
    styles = {"source_val": ("o", True), "last": ("s", True), "oracle": ("o", False), "oracle_per_metric": ("D", False)}
    for (rule, (mark, solid)), shift in zip(styles.items(), (-0.21, -0.07, 0.07, 0.21), strict=True):
        points = rows[(rows["selection"] == rule) & rows["value"].notna()]
        y = points["row"].map(place).to_numpy(dtype=float) + shift
        colour = SERIES_COLOURS[1] if solid else SERIES_COLOURS[5]
        if solid:
            ax.hlines(y, points["low"], points["high"], color=colour, alpha=0.35, linewidth=2.5)
        ax.plot(points["value"], y, mark, color=colour, mfc=colour if solid else "white", markersize=6,
                label=rule + ("" if solid else ": chosen on the held-out labels"))  # fmt: skip
    absent = [label for label in labels if rows.loc[rows["row"] == label, "value"].isna().all()]
    for label in absent:
        ax.annotate("not run", (floors["value"].max(), place[label]), xytext=(6, 0), textcoords="offset points",
                    va="center", fontsize=9, color=VERDICTS["undecided"])  # fmt: skip
    for name, line in zip(floors["row"], ("--", ":"), strict=False):
        ax.axvline(floors.loc[floors["row"] == name, "value"].iloc[0], color="#999999", linestyle=line, label=name)
    ax.set_yticks(range(len(labels)), labels)
    ax.set(ylim=(len(labels) - 0.5, -0.5), xlabel="UAR, mean over held-out datasets (%); bars: 95 % over subjects")
    ax.grid(axis="y", visible=False)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    return ax
