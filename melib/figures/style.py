"""The look of every figure: one colour a dataset, one colour a setting, picture and table saved together."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart under the common colour blindnesses.
DATASET_COLOURS = {
    "SMIC": "#0072B2", "CASME": "#E69F00", "CASME2": "#009E73", "SAMM": "#CC79A7", "MMEW": "#D55E00",
}  # fmt: skip
CLASS_COLOURS = {"positive": "#E69F00", "negative": "#0072B2", "surprise": "#009E73"}
SERIES_COLOURS = ("#56B4E9", "#0B3C5D", "#E69F00", "#009E73", "#CC79A7", "#D55E00")
SYNTHETIC = "synthetic demo corpus"

STYLE = {
    "figure.dpi": 110, "savefig.dpi": 160, "figure.facecolor": "white", "font.size": 10, "axes.titlesize": 11,
    "axes.titleweight": "bold", "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.axisbelow": True, "grid.color": "#E6E6E6", "grid.linewidth": 0.8, "legend.frameon": False,
    "axes.edgecolor": "#666666", "xtick.color": "#444444", "ytick.color": "#444444",
}  # fmt: skip


def use_style() -> None:
    """Set the workbook's matplotlib defaults for this process."""
    plt.rcParams.update(STYLE)


def mark_synthetic(figure: Figure) -> None:
    """Write under the figure, clear of what is drawn, that its data are synthetic; a tight bounding box takes it in."""
    figure.text(0.995, 0, SYNTHETIC, ha="right", va="top", fontsize=8, color="#B00020", style="italic")


def save(figure: Figure, folder: str | Path, name: str, table: pd.DataFrame, synthetic: bool) -> Path:
    """Write `<name>.png` and the table that made it, `<name>.csv`; close the figure; return the picture's path."""
    if synthetic:
        mark_synthetic(figure)
    path = save_drawing(figure, folder, name)
    table.to_csv(path.with_suffix(".csv"), index=False, float_format="%.6g")
    return path


def save_drawing(figure: Figure, folder: str | Path, name: str) -> Path:
    """Write `<name>.png` of a figure that shows no data; close the figure; return the picture's path."""
    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return path
