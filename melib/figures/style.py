"""The look of every figure: one colour per dataset, one colour per setting, picture and table saved together."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.corpus.index import CLASSES, DATASETS, dataset_order
from melib.home import resolve
from melib.study.claims import LEVEL

# Datasets and classes never share a colour, and all differ under the common colour blindnesses (a test measures it):
# the paper's five datasets in Okabe and Ito's colours, other datasets and the classes in what these leave free.
DATASET_COLOURS = dict(zip(DATASETS, ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00"), strict=True))
OTHER_COLOURS = ("#225522", "#40004B", "#A5D6A7", "#8C6D31")
CLASS_COLOURS = {"positive": "#BDB76B", "negative": "#333333", "surprise": "#88CCEE"}
DATASET_MARKERS = dict(zip(DATASETS, "os^Dv", strict=True))
OTHER_MARKERS = ("P", "X", "<", ">")
CLASS_MARKERS = dict(zip(CLASSES, "osD", strict=True))
SERIES_COLOURS = ("#56B4E9", "#0B3C5D", "#B8860B", "#3F7F5F", "#7B5EA7", "#A4243B")  # no dataset's
ABOVE, BELOW, OPEN = "#009E73", "#D55E00", "#777777"  # an effect that stands after correction, and any other
SYNTHETIC = "synthetic demo corpus"
MIXED = {  # figures that show real data too, and what of them is synthetic
    "controls": "demo corpus and misleading cue are synthetic",
    "likeness": "the demo corpus is synthetic",
    "flow_accuracy": "demo clips are synthetic",
}

log = logging.getLogger(__name__)

STYLE = {
    "figure.dpi": 110, "savefig.dpi": 160, "figure.facecolor": "white", "font.size": 10, "axes.titlesize": 11,
    "axes.titleweight": "bold", "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.axisbelow": True, "grid.color": "#E6E6E6", "grid.linewidth": 0.8, "legend.frameon": False,
    "axes.edgecolor": "#666666", "xtick.color": "#444444", "ytick.color": "#444444",
}  # fmt: skip


def dataset_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each dataset name, in `dataset_order`: the paper's five have theirs, others keep one by name.

    Of others shown together whose names lead to one colour, the later takes the next free one; colours repeat where
    more than four others are shown together.
    """
    return _looks(names, DATASET_COLOURS, OTHER_COLOURS)


def dataset_markers(names: Iterable[str]) -> dict[str, str]:
    """A marker for each dataset name, chosen as `dataset_colours` chooses colours."""
    return _looks(names, DATASET_MARKERS, OTHER_MARKERS)


def _looks(names: Iterable[str], known: dict[str, str], others: Sequence[str]) -> dict[str, str]:
    looks: dict[str, str] = {}
    for name in dataset_order(names):
        start = crc32(name.encode()) % len(others)
        turns = [*others[start:], *others[:start]]
        free = [look for look in turns if look not in looks.values()]
        looks[name] = known.get(name) or (free or turns)[0]
    return looks


def use_style(windows: bool = True) -> None:
    """Set the workbook's matplotlib defaults for this process; without `windows`, pictures are drawn to files alone."""
    plt.rcParams.update(STYLE)
    if not windows:
        plt.switch_backend("Agg")


def signed(value: float) -> str:
    """A number with its sign and one decimal: +1.2, −0.3, 0.0."""
    text = f"{value:+.1f}".replace("-", "−")
    return text[1:] if text[1:] == "0.0" else text


def with_interval(value: float, low: float, high: float) -> str:
    """An effect and its interval in words.

    >>> with_interval(0.2, -1.5, 1.8)
    '+0.2 (−1.5 to +1.8)'
    """
    return f"{signed(value)} ({signed(low)} to {signed(high)})"


def verdict_colour(low: float, high: float, p: float) -> str:
    """Green for an interval above 0, orange for one below; grey where it holds 0, where p is above LEVEL or unknown."""
    if not p <= LEVEL:
        return OPEN
    return ABOVE if low > 0 else BELOW if high < 0 else OPEN


def limits(low: pd.Series, high: pd.Series) -> tuple[float, float]:
    """The ends of an axis for intervals, without those that reach five times as far from 0 as the middle one."""
    reach = np.maximum(low.abs(), high.abs())
    near = reach <= 5 * reach.median()
    ends = min(low[near].min(), 0), max(high[near].max(), 0)
    margin = 0.05 * (ends[1] - ends[0])
    return ends[0] - margin, ends[1] + margin


def gain_mark(ax: Axes, place: float, row: NamedTuple, ends: tuple[float, float]) -> None:
    """A gain and its interval on an axis with these `ends`, in `verdict_colour`, hollow where a network has one seed;
    where it lies outside, an arrow with all three numbers. `row` has gain, gain_low, gain_high, p, seeds, parameters.
    """
    colour = verdict_colour(row.gain_low, row.gain_high, row.p)
    ax.hlines(place, max(row.gain_low, ends[0]), min(row.gain_high, ends[1]), color=colour, linewidth=3.5, alpha=0.5)
    if ends[0] <= row.gain <= ends[1]:
        hollow = {"markerfacecolor": "white", "markeredgewidth": 1.6} if row.seeds < 2 and row.parameters else {}
        ax.plot(row.gain, place, "o", color=colour, markersize=5.5, zorder=3, **hollow)
        return
    left = row.gain < ends[0]
    ax.plot(ends[not left], place, "<" if left else ">", color=colour, markersize=7, clip_on=False)
    ax.annotate(with_interval(row.gain, row.gain_low, row.gain_high), (ends[not left], place), (8 if left else -8, 0),
                textcoords="offset points", va="center", ha="left" if left else "right", fontsize=8.5,
                color=colour)  # fmt: skip


def mark_synthetic(figure: Figure, text: str = SYNTHETIC) -> None:
    """Write under the figure, clear of what is drawn, that its data are synthetic; a tight bounding box takes it in."""
    figure.text(0.995, 0, text, ha="right", va="top", fontsize=8, color="#B00020", style="italic")


def save(figure: Figure, folder: str | Path, name: str, table: pd.DataFrame, synthetic: bool) -> Path:
    """Write `<name>.png` and the table that made it, `<name>.csv`; close the figure; return the picture's path."""
    path = save_drawing(figure, folder, name, synthetic)
    table.to_csv(path.with_suffix(".csv"), index=False, float_format="%.6g")
    return path


def show(
    figure: Figure,
    name: str = "",
    table: pd.DataFrame | None = None,
    *,
    out: str | Path | None = None,
    synthetic: bool = False,
    faces: bool = False,
) -> None:
    """Display a figure in a notebook, marked where its data are synthetic, and close it.

    Where `out` names a folder and the figure has a `name`, it is saved there, with the `table` that made it; one that
    shows `faces` only if they are synthetic: faces of licensed datasets are never saved.
    """
    from IPython.display import display

    if synthetic:
        mark_synthetic(figure)
    if out and name and faces and not synthetic:
        log.warning("%s shows faces of a licensed dataset, which must not be published: it is not saved.", name)
    elif out and name:
        path = save_drawing(figure, resolve(out), name)
        if table is not None:
            table.assign(synthetic=synthetic).to_csv(path.with_suffix(".csv"), index=False, float_format="%.6g")
    display(figure)
    plt.close(figure)


def save_drawing(figure: Figure, folder: str | Path, name: str, synthetic: bool = False) -> Path:
    """Write `<name>.png` alone, marked where its data are synthetic; close the figure; return the picture's path."""
    if synthetic:
        mark_synthetic(figure, MIXED.get(name, SYNTHETIC))
    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return path
