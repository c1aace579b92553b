"""The figures of `figures/`, each redrawn from the CSV beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from melib.figures.runs import held_out_bars
from melib.figures.style import save, use_style

SELECTION_TITLES = {
    "source_val": "epoch chosen on training subjects",
    "oracle": "oracle: epoch chosen on the held-out labels",
}


def main_job(rows: pd.DataFrame) -> Figure:
    """UAR by held-out dataset with and without BRL, under an honest rule and under the oracle, of result rows."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), sharey=True, layout="constrained")
    for ax, (rule, title) in zip(axes, SELECTION_TITLES.items(), strict=True):
        held_out_bars(rows[rows["selection"] == rule], "uar", "lam", ax)
        ax.set_title(title)
        ax.get_legend().set_title("λ")
    axes[0].legend_.remove()
    axes[1].set_ylabel("")
    return figure


GALLERY: dict[str, Callable[[pd.DataFrame], Figure]] = {"main_job": main_job}


def redraw(folder: Path) -> Iterator[Path]:
    """Draw every figure of the gallery whose CSV lies in `folder`; yields the pictures' paths."""
    import matplotlib

    matplotlib.use("Agg")
    use_style()
    for name, draw in GALLERY.items():
        source = folder / f"{name}.csv"
        if source.is_file():
            table = pd.read_csv(source)
            yield save(draw(table), folder, name, table, synthetic=bool(table["synthetic"].any()))
