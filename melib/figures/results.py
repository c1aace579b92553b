"""Pictures of a study: confusion matrices, what BRL adds, and what the choice of the epoch is worth."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.corpus.index import CLASSES, print_name
from melib.figures.runs import confusion_matrix
from melib.figures.style import SERIES_COLOURS, dataset_colours, signed, with_interval
from melib.study.tables import HONEST

CONTRASTS = {  # of `study.claims.effects`: colour and marker
    "over CE": (SERIES_COLOURS[1], "o"),
    "over CE scaled": (SERIES_COLOURS[2], "s"),
    "over placebo groups": (SERIES_COLOURS[3], "D"),
}
RULES = {"source_val": "epoch chosen on training subjects", "last": "last epoch"}
RESULT, ORACLE = SERIES_COLOURS[1], SERIES_COLOURS[5]


def confusions(table: pd.DataFrame) -> Figure:
    """Confusion matrices of one setting, a held-out dataset each: counts of all seeds on the share of the true class.

    The table has a row a held_out, label and predicted with its count; cells that it lacks are 0.
    """
    names = dataset_colours(table["held_out"])
    size = (2.3 * max(2, len(names)) + 0.6, 3.6)
    figure, axes = plt.subplots(1, len(names), figsize=size, layout="constrained", squeeze=False)
    short = [label[:3] for label in CLASSES]
    for ax, name in zip(axes[0], names, strict=True):
        rows = table[table["held_out"] == name]
        cells = rows.pivot_table(values="count", index="label", columns="predicted", aggfunc="sum")
        counts = cells.reindex(index=CLASSES, columns=CLASSES).fillna(0).to_numpy().astype(int)
        confusion_matrix(counts, print_name(name), ax)
        first = ax is axes[0, 0]
        ax.set_xticklabels(short, rotation=0)
        ax.set_yticklabels(short if first else [""] * len(short), rotation=0)
        ax.set_ylabel("true" if first else "")
        ax.tick_params(length=0)
    figure.suptitle(confusions_message(table), fontsize=13, fontweight="bold")
    figure.supxlabel(f"{table['setting'].iloc[0]}; a clip counts once per seed", fontsize=10)
    return figure


def confusions_message(table: pd.DataFrame) -> str:
    """The class that is most often taken for another, as a share of its clips over all datasets."""
    counts = table.pivot_table(values="count", index="label", columns="predicted", aggfunc="sum").fillna(0)
    shares = counts.div(counts.sum(axis=1), axis=0).stack()
    wrong = shares[shares.index.get_level_values("label") != shares.index.get_level_values("predicted")]
    if wrong.empty:
        return "No clip is taken for another class"
    true, taken = wrong.idxmax()
    return f"Highest error rate, datasets pooled: {wrong.max():.0%} of {true} clips are taken for {taken}"


def effects(table: pd.DataFrame) -> Figure:
    """What BRL adds to the CNN's UAR by held-out dataset, over each control that was run; a panel an input."""
    table = table[(table["name"] != "pooled")].dropna(subset=["effect"])
    kinds = list(table["inputs"].unique())
    names = list(dict.fromkeys(table["name"]))
    contrasts = [contrast for contrast in CONTRASTS if contrast in set(table["contrast"])]
    size = (4.6 * max(1.5, len(kinds)), 0.62 * len(names) + 1.7)
    figure, axes = plt.subplots(
        1, len(kinds), figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for ax, kind in zip(axes[0], kinds, strict=True):
        ax.axvline(0, color="#333333", linewidth=1)
        for number, contrast in enumerate(contrasts):
            colour, mark = CONTRASTS[contrast]
            shift = 0.24 * (number - (len(contrasts) - 1) / 2)
            rows = table[(table["inputs"] == kind) & (table["contrast"] == contrast)]
            places = [names.index(name) + shift for name in rows["name"]]
            ax.hlines(places, rows["low"], rows["high"], color=colour, linewidth=3, alpha=0.55)
            ax.plot(rows["effect"], places, mark, color=colour, markersize=6, label=_contrast(table, contrast))
        ax.axhline(len(names) - 1.5, color="#BBBBBB", linewidth=1)
        ax.set_title(kind)
        ax.set_xlabel("gain in UAR (points), 95 % over subjects")
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set(ylim=(len(names) - 0.5, -0.5), ylabel="held-out dataset")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), title=f"BRL; {RULES[table['selection'].iloc[0]]}",
                  loc="outside lower left", ncols=3, alignment="left")  # fmt: skip
    figure.suptitle(effects_message(table), fontsize=14, fontweight="bold")
    return figure


def _contrast(table: pd.DataFrame, contrast: str) -> str:
    """A contrast with the number of its seeds."""
    seeds = int(table.loc[table["contrast"] == contrast, "n"].max())
    return f"{contrast} ({seeds} seed{'s' * (seeds > 1)})"


def effects_message(table: pd.DataFrame) -> str:
    """What BRL adds to plain cross-entropy in the mean over datasets, on each input, and whether any of it is sure."""
    means = table[(table["contrast"] == "over CE") & (table["name"] == "mean")].dropna(subset=["effect"])
    if means.empty:
        return "What BRL adds, by held-out dataset"
    parts = [f"{with_interval(row.effect, row.low, row.high)} on {row.inputs}" for row in means.itertuples()]
    unsure = "" if (means["low"] > 0).any() else ": no sure gain"
    return f"BRL over cross-entropy: {', '.join(parts)}{unsure}"


def tables(table: pd.DataFrame) -> Figure:
    """UAR of each setting of the ablation (Table 8) with the epoch chosen on training subjects, and on the test set;
    settings by their input, each panel on the scale of its own values. Rows of `study.tables.tidy`."""
    rows = ablation(table)
    kinds = [kind for kind in ("apex", "flow") if rows["row"].str.contains(kind).any()]
    parts = [rows[rows["row"].str.contains(kind)] for kind in kinds]
    heights = [len(part) + 1 for part in parts]
    size = (8.8, 0.42 * sum(heights) + 1.8)
    figure, axes = plt.subplots(len(kinds), 1, figsize=size, layout="constrained", height_ratios=heights, squeeze=False)
    for ax, kind, part in zip(axes[:, 0], kinds, parts, strict=True):
        selection(
            part.assign(row=part["row"].str.removeprefix(kind).str.lstrip(" +,").replace("", "cross-entropy")), ax
        )
        ax.set_title(f"{kind} frames" if kind == "apex" else "optical flow", loc="left", fontsize=11)
    axes[-1, 0].set_xlabel("UAR, mean over held-out datasets (%); lines: 95 % over subjects")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower left", ncols=3)
    figure.suptitle(selection_message(rows), fontsize=14, fontweight="bold")
    return figure


def ablation(table: pd.DataFrame) -> pd.DataFrame:
    """Table 8 in UAR: row, value, low and high under the rule that is a result, and the oracle's value where there are
    epochs to choose among."""
    rows = table[(table["table"] == "table8") & (table["metric"] == "uar") & table["column"].isin(["mean"])]
    rows = rows.dropna(subset=["value"])
    chosen = (rows["selection"] == "oracle") & ~rows["row"].str.startswith("linear")
    oracle = rows[chosen].set_index("row")["value"]
    honest = rows[rows["selection"].isin(HONEST)].copy()
    honest["order"] = honest["selection"].map(HONEST.index)
    first = honest.sort_values("order", kind="stable").drop_duplicates("row").sort_index()
    return first.assign(oracle=first["row"].map(oracle))[["row", "value", "low", "high", "oracle"]]


def selection(rows: pd.DataFrame, ax: Axes) -> Axes:
    """Results with intervals, filled, and what choosing the epoch on the test set makes of them, hollow."""
    places = range(len(rows))
    ax.hlines(places, rows["low"], rows["high"], color=RESULT, alpha=0.45, linewidth=4)
    ax.plot(rows["value"], places, "o", color=RESULT, markersize=8, label=RULES["source_val"])
    hollow = dict(color=ORACLE, markerfacecolor="white", markeredgewidth=2, markersize=8)
    ax.plot(rows["oracle"], places, "o", **hollow, label="by accuracy on the test set")
    chance = 100 / len(CLASSES)
    if ax.get_xlim()[0] < chance:
        ax.axvline(chance, color="#666666", linestyle=":", linewidth=1.2, label="chance")
    ax.set_yticks(places, rows["row"])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    return ax


def selection_message(rows: pd.DataFrame) -> str:
    """How many settings of `ablation` that have epochs gain by choosing theirs on the test set, and how much."""
    gain = (rows["oracle"] - rows["value"]).dropna()
    lifted = f"lifts {(gain > 0).sum()} of {len(gain)} settings"
    return f"Choosing the epoch on the test set {lifted}: {signed(gain.mean())} points on average"
