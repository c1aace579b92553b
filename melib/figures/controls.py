"""What each method adds on corpora with a known answer."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from melib.figures.style import verdict_colour
from melib.study.controls import SHUFFLED


def controls(table: pd.DataFrame) -> Figure:
    """Gain over cross-entropy with 95 % intervals, a line a method and a panel a corpus.

    `table` is of `study.controls.side_by_side`; methods that were run on one corpus alone are not drawn.
    """
    table = table.dropna(subset=["gain"])
    corpora = list(table["corpus"].unique())
    whole = table[~table["corpus"].str.endswith(SHUFFLED)]
    methods = [name for name in whole["row"].unique() if (whole["row"] == name).sum() > 1]
    size = (2.6 * len(corpora) + 2.6, 0.3 * len(methods) + 1.6)
    figure, axes = plt.subplots(
        1, len(corpora), figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained",
        width_ratios=[0.6 if name.endswith(SHUFFLED) else 1 for name in corpora],
    )  # fmt: skip
    for ax, corpus in zip(axes[0], corpora, strict=True):
        rows = table[table["corpus"] == corpus].set_index("row").reindex(methods)
        for place, row in enumerate(rows.itertuples()):
            colour = verdict_colour(row.gain_low, row.gain_high)
            ax.hlines(place, row.gain_low, row.gain_high, color=colour, linewidth=3, alpha=0.5)
            ax.scatter(row.gain, place, color=colour, s=26, zorder=3)
        ax.axvline(0, color="#333333", linewidth=1)
        ax.set_title(corpus.replace(SHUFFLED, ":\ntrue less shuffled labels"), fontsize=10)
        ax.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(methods)), methods)
    axes[0, 0].set_ylim(len(methods) - 0.5, -0.5)
    figure.supxlabel("gain in mean UAR over the same without it (points), 95 % interval over subjects", fontsize=10)
    sure = (whole["gain_low"] > 0).groupby(whole["row"]).sum().reindex(methods)
    every = [name for name in methods if sure[name] == whole["corpus"].nunique()]
    title = f"Surely above 0 on all {whole['corpus'].nunique()}: {', '.join(every) or 'nothing'}"
    figure.suptitle(title, fontweight="bold")
    return figure
