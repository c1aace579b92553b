"""A prediction for a clip of one's own: probabilities, the regions they rest on, and the training clips' ranges."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.corpus.index import CLASSES, print_name
from melib.figures.datasets import bare
from melib.figures.style import CLASS_COLOURS, SYNTHETIC, mark_synthetic
from melib.learning.calibration import calibration_error, last_logits, probabilities, reliability
from melib.study.models import Model
from melib.study.predict import DRAWN, Prediction
from melib.study.ranges import MEASURES

GREY = "#BBBBBB"
OUTSIDE = "#B00020"
INSIDE = "#0B3C5D"


def verdict(prediction: Prediction, regions: np.ndarray | None = None) -> Figure:
    """The probabilities, grey where there are doubts; the `regions` (G, G) of `predict.occlusion` on the apex, if any;
    and where the clip lies among the training clips."""
    figure = plt.figure(figsize=(12, 5.4), layout="constrained")
    top, low = figure.subfigures(2, 1, height_ratios=[1.6, 1])
    axes = top.subplots(1, 3, width_ratios=[1, 1.15, 1.5])
    bare(axes[0], prediction.samples.arrays["apex"][0])
    axes[0].set_title("apex")
    _regions(prediction, regions, axes[1])
    _bars(prediction, axes[2])
    for ax, name in zip(low.subplots(1, len(MEASURES)), MEASURES, strict=True):
        _range(prediction, name, ax)
    if DRAWN in prediction.doubts:
        mark_synthetic(figure, f"learned from the {SYNTHETIC}")  # the clip itself may be anyone's
    return figure


def _bars(prediction: Prediction, ax: Axes) -> None:
    doubted = bool(prediction.doubts)
    colours = [GREY if doubted else CLASS_COLOURS[name] for name in CLASSES]
    values = prediction.probability[list(CLASSES)].to_numpy()
    bars = ax.barh(range(len(CLASSES)), values, color=colours, hatch="//" if doubted else None, edgecolor="white")
    for row in prediction.by_run.to_dict("records"):
        ax.plot([row[name] for name in CLASSES], range(len(CLASSES)), "|", color="#333333", markersize=14)
    ax.bar_label(bars, [f"{value:.2f}" for value in values], padding=6, color="#888888" if doubted else "#222222")
    ax.set(yticks=range(len(CLASSES)), yticklabels=CLASSES, xlim=(0, 1.15), xticks=np.linspace(0, 1, 6),
           xlabel=f"probability ({len(prediction.by_run)} run{'s' * (len(prediction.by_run) > 1)})")  # fmt: skip
    ax.invert_yaxis()
    if doubted:
        ax.set_title("not to be relied on", color=OUTSIDE)
    else:
        ax.set_title(f"{prediction.label}")


def _regions(prediction: Prediction, regions: np.ndarray | None, ax: Axes) -> None:
    """The onset's face under a map of how much each region's motion adds to the predicted class."""
    bare(ax, None if regions is None else prediction.samples.arrays["onset"][0])
    if regions is None:
        return
    most = max(np.abs(regions).max(), 1e-6)
    side = prediction.samples.arrays["onset"].shape[1] - 0.5
    shown = ax.imshow(regions, cmap="RdBu_r", clim=(-most, most), alpha=0.55, extent=(-0.5, side, side, -0.5),
                      interpolation="bicubic")  # fmt: skip
    ax.figure.colorbar(shown, ax=ax, shrink=0.85, label="fall where held still")
    ax.set_title(f"what '{prediction.label}' rests on")


def _range(prediction: Prediction, name: str, ax: Axes) -> None:
    """The training clips' distribution of one measure, and where the clip lies."""
    row = prediction.ranges.loc[name]
    values = prediction.training[name].dropna()
    what, _, unit = MEASURES[name].partition(" (")
    ax.set(yticks=[], xlabel=unit.rstrip(")"))
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    if row["within"] == "unknown":
        ax.set_title(f"{what}: unknown", color=OUTSIDE, fontsize=9)
        ax.set_xticks([])
        return
    ax.hist(values, bins=30, color="#D5D5D5")
    ax.axvspan(row["low"], row["high"], color=INSIDE, alpha=0.08)
    colour = INSIDE if row["within"] == "yes" else OUTSIDE
    ax.axvline(row["value"], color=colour, linewidth=2)
    verdict_word = "as in training" if row["within"] == "yes" else "not as in training"
    ax.set_title(f"{what}: {row['value']:.3g}\n{verdict_word}", color=colour, fontsize=9)


def calibration(models: Sequence[Model]) -> Figure:
    """How often each run was right on what it never saw, by the probability that it gave, before and after its
    temperature: on the diagonal a probability is worth what it says."""
    figure, axes = plt.subplots(1, len(models), figsize=(4 * len(models), 3.8), layout="constrained", squeeze=False)
    for ax, model in zip(axes[0], models, strict=True):
        logits, true = last_logits(model.run.predictions, "held_out")
        ax.plot([1 / 3, 1], [1 / 3, 1], color="#999999", linewidth=1, linestyle="--")
        looks = {"before": (1.0, GREY), "after": (model.temperature, INSIDE)}
        for word, (temperature, colour) in looks.items():
            if temperature:
                chances = probabilities(logits, temperature)
                table = reliability(chances, true)
                label = f"{word}: error {100 * calibration_error(chances, true):.1f} %"
                ax.plot(table["probability"], table["accuracy"], color=colour, linewidth=1, label=label)
                ax.scatter(table["probability"], table["accuracy"], 4 * table["clips"], color=colour)
        name = print_name(model.run.settings.held_out)
        ax.set(xlim=(0.3, 1.03), ylim=(0, 1.05), title=f"{name}, never seen ({len(true)} clips)")
        ax.set(xlabel="probability of the class it named", ylabel="share that was right")
        ax.legend(loc="lower right")
    if any(model.synthetic for model in models):
        mark_synthetic(figure, f"learned from the {SYNTHETIC}")  # the clip itself may be anyone's
    return figure


def curves(candidates: pd.DataFrame, ax: Axes) -> Axes:
    """The candidates of a long recording in time (`spot.find_candidates`): contrast by second, with their numbers."""
    ax.vlines(candidates["seconds"], 0, candidates["contrast"], color=INSIDE, linewidth=2)
    ax.plot(candidates["seconds"], candidates["contrast"], "o", color=INSIDE)
    for number, row in enumerate(candidates.itertuples(), start=1):
        ax.annotate(f"{number}", (row.seconds, row.contrast), xytext=(4, 4), textcoords="offset points", fontsize=9)
    ax.set(xlabel="time of the apex (s)", ylabel="contrast (% of face width)", ylim=(0, None),
           title="Where the face moves and comes back within half a second")  # fmt: skip
    return ax
