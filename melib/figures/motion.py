"""Pictures of motion: what flow methods and apex rules reach, and one clip from its frames to what a network sees."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from melib.corpus.index import print_name
from melib.figures.datasets import bare, flow_colours
from melib.figures.faces import draw_box
from melib.figures.style import dataset_colours
from melib.prepare.encode import encode, strain
from melib.prepare.samples import Samples

# Motion by its size, in px: the bins of `tests.benchmarks.accuracy`.
BINS = {"under 0.5 px": (0, 0.5), "0.5-1 px": (0.5, 1), "1-2 px": (1, 2), "over 2 px": (2, float("inf"))}
SIZE_COLOURS = dict(zip(BINS, ("#9ECAE1", "#4292C6", "#08519C", "#08204A"), strict=True))
SOURCES = {"photo": "photograph, moved", "demo": "demo clips (synthetic)"}
SMALL = ("under 0.5 px", "0.5-1 px")  # the motion that methods are ranked by
FLOW_NAMES = {"lk": "Lucas-Kanade", "DIS": "DIS", "Farneback": "Farnebäck"}
FLOW_DEFAULT = "lk, window 6 px"
NO_FLOW = "no flow"
DEFAULT_COLOUR = "#0B3C5D"


def flow_accuracy(table: pd.DataFrame) -> Figure:
    """End-point error of each flow method by source and size of motion, and its time, best on top (`flow_accuracy`)."""
    methods = list(small_errors(table).index[::-1])
    figure, axes = plt.subplots(1, 3, figsize=(11, 0.42 * len(methods) + 2), sharey=True, layout="constrained",
                                width_ratios=[1, 1, 0.6])  # fmt: skip
    for ax, (source, title) in zip(axes, SOURCES.items(), strict=False):
        rows = table[(table["source"] == source) & table["motion"].isin(BINS)]
        errors = rows.pivot(index="method", columns="motion", values="epe").reindex(methods)
        ax.hlines(range(len(methods)), errors.min(axis=1), errors.max(axis=1), color="#CCCCCC", linewidth=2)
        for motion, colour in SIZE_COLOURS.items():
            if motion in errors:
                ax.plot(errors[motion], range(len(methods)), "o", color=colour, label=motion, markersize=7)
        ax.set(xscale="log", xlabel="error (px of a face 224 px wide)", title=title)
        ax.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2])
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_locator(NullLocator())
    ms = table[table["method"] != NO_FLOW].groupby("method")["ms"].mean().reindex(methods)
    axes[-1].plot(ms, range(len(methods)), "D", color="#666666")
    axes[-1].set(xscale="log", xlabel="time a pair (ms)", title="time")
    axes[-1].set_xticks([10, 100, 1000])
    axes[-1].xaxis.set_major_formatter("{x:g}")
    axes[-1].xaxis.set_minor_locator(NullLocator())
    axes[0].set_yticks(range(len(methods)), [flow_name(method) for method in methods])
    _emphasise(axes[0], methods, FLOW_DEFAULT)
    legend = axes[1].get_legend_handles_labels()
    figure.legend(*legend, title="true motion", ncols=4, loc="outside lower left", alignment="left")
    figure.suptitle(flow_message(table), fontsize=13, fontweight="bold")
    return figure


def flow_name(method: str) -> str:
    """A method of `flow_accuracy` in words."""
    name, _, setting = method.partition(", ")
    words = FLOW_NAMES.get(name, name) + (f", {setting}" if setting else "")
    return words + (" (default)" if method == FLOW_DEFAULT else "")


def _emphasise(ax: plt.Axes, names: list[str], default: str) -> None:
    """Set the tick label of the default apart."""
    for name, label in zip(names, ax.get_yticklabels(), strict=True):
        if name == default:
            label.set(fontweight="bold", color=DEFAULT_COLOUR)


def small_errors(table: pd.DataFrame) -> pd.Series:
    """Mean end-point error of each method over the bins of SMALL motion and the sources, least first."""
    return table[table["motion"].isin(SMALL)].groupby("method")["epe"].mean().sort_values()


def flow_message(table: pd.DataFrame) -> str:
    """The default's mean error on each source where the face moves by up to 1 px, beside no flow and the best."""
    words = []
    for source, name in SOURCES.items():
        errors = small_errors(table[table["source"] == source])
        if errors.empty:
            continue
        named = {"default": FLOW_DEFAULT, "no flow": NO_FLOW}
        values = [f"{text} {errors[method]:.2f}" for text, method in named.items() if method in errors]
        best = "" if errors.index[0] == FLOW_DEFAULT else f", least {errors.iloc[0]:.2f} ({flow_name(errors.index[0])})"
        words.append(f"{name}: {', '.join(values)}{best}")
    return "\n".join(["Mean error (px) where the face moves by up to 1 px", *words])


APEX_RULES = {
    "motion": "greatest motion,\nblinks left out (default)",
    "unguarded": "greatest motion,\nblinks counted",
    "midpoint": "middle frame",
    "dcrois": "change of texture by\nregion (D&C-RoIs)",
}
APEX_DEFAULT = "motion"


def apex_accuracy(table: pd.DataFrame) -> Figure:
    """Distance of each rule's apex from the true one by dataset, and how often it is a blink (`apex_accuracy`).

    Rules by their mean distance, best on top; the black bar is the mean over datasets.
    """
    blinks = table.drop_duplicates("dataset")["blinks"].sum()
    means = apex_errors(table)
    rules = list(means.index[::-1])
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.9), sharey=True, layout="constrained")
    measures = {"frames": "mean distance from the true apex (frames)",
                "taken": f"share of clips with a blink in which it is taken ({blinks} clips)"}  # fmt: skip
    for ax, (value, label) in zip(axes, measures.items(), strict=True):
        for place, (dataset, colour) in enumerate(dataset_colours(table["dataset"]).items()):
            errors = table[table["dataset"] == dataset].set_index("rule")[value].reindex(rules)
            height = np.arange(len(rules)) + 0.12 * (2 - place)
            ax.plot(errors, height, "o", color=colour, label=print_name(dataset), markersize=7)
        over_datasets = table.groupby("rule")[value].mean().reindex(rules)
        places = np.arange(len(rules))
        ax.vlines(over_datasets, places - 0.35, places + 0.35, color="black", linewidth=2.5)
        ax.set(xlim=(-0.03 if value == "taken" else 0, None), xlabel=label)
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(rules)), [APEX_RULES.get(rule, rule) for rule in rules])
    _emphasise(axes[0], rules, APEX_DEFAULT)
    axes[0].plot([], [], "|", color="black", markersize=12, markeredgewidth=2.5, label="mean of datasets")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=6)
    figure.suptitle(apex_message(table), fontsize=13, fontweight="bold")
    return figure


def apex_errors(table: pd.DataFrame) -> pd.Series:
    """Mean distance of each rule from the true apex in frames, over datasets, least first."""
    return table.groupby("rule")["frames"].mean().sort_values()


def apex_message(table: pd.DataFrame) -> str:
    """How far the default is off the true apex, beside the nearest of the other rules, and what leaving blinks out
    changes."""
    frames, taken = (table.groupby("rule")[name].mean() for name in ("frames", "taken"))
    others = frames.drop(["motion", "unguarded"]).sort_values()
    nearest = APEX_RULES[others.index[0]].replace("\n", " ")
    no = "" if frames["motion"] < others.iloc[0] else "no "
    return (
        f"The default is {frames['motion']:.2f} frames off the true apex, {no}nearer than the {nearest} "
        f"({others.iloc[0]:.2f});\nit takes a blink for the apex in {taken['motion']:.0%} of a dataset's clips with "
        f"one, in {taken['unguarded']:.0%} where blinks count"
    )


def one_clip(samples: Samples, frames: dict[int, np.ndarray], curve: np.ndarray, strip: int = 7) -> Figure:
    """One clip from its frames to what a network sees: frames with the face box, motion of each frame with the apex,
    crops, flow, strain and their encoding; of `samples` with one row, and its `frames_and_motion`."""
    import torch

    clip = samples.index.iloc[0]
    (flow,) = np.asarray(samples.arrays["flow"], np.float32)
    numbers = list(frames)
    part = 100 / flow.shape[-1]
    colour = dataset_colours([clip["dataset"]])[clip["dataset"]]
    figure = plt.figure(figsize=(12, 6.6), layout="constrained")
    top, middle, low = figure.subfigures(3, 1, height_ratios=[0.8, 1.3, 1.35])
    places = np.linspace(0, len(numbers) - 1, min(strip, len(numbers))).round().astype(int)
    apex = numbers.index(clip["apex"])
    inner = places[1:-1]  # onset and offset stay
    inner[np.abs(inner - apex).argmin()] = apex
    since = np.array(numbers) - numbers[0]
    for ax, place in zip(top.subplots(1, len(places)), places, strict=True):
        bare(ax, frames[numbers[place]])
        ax.set_title("apex" if place == apex else f"frame {since[place]}" if place else "onset", fontsize=9,
                     fontweight="bold" if place == apex else "normal")  # fmt: skip
        draw_box(ax, clip, colour)
    axes = middle.subplots(1, 3, width_ratios=[2.4, 1, 1])
    axes[0].plot(since, curve, "o-", color="#666666", markersize=4)
    axes[0].axvline(clip["apex"] - numbers[0], color=colour, linestyle="--", label=f"apex, {clip['apex_source']}")
    axes[0].legend(loc="upper left")
    axes[0].set(xlabel="frames since the onset", ylabel="% of face width", ylim=(0, None),
                title="mean motion since the onset, without the head's")  # fmt: skip
    for ax, name in zip(axes[1:], ("onset", "apex"), strict=True):
        bare(ax, samples.arrays[name][0])
        ax.set_title(f"{name}, cropped")
    field = torch.from_numpy(flow)[None]
    deform = strain(field)[0].numpy()
    strong = np.percentile(np.abs(flow), 99.5) * part
    most = np.percentile(deform, 99.5)
    maps = {"u, to the right": (flow[0] * part, "RdBu_r", -strong, strong, "% of face width"),
            "v, down": (flow[1] * part, "RdBu_r", -strong, strong, "% of face width"),
            "optical strain": (deform, "magma", 0, most, "change of length, no unit")}  # fmt: skip
    axes = low.subplots(1, 5)
    bare(axes[0], flow_colours(flow[None] * part / strong)[0])
    axes[0].set_title("flow, by direction")
    for ax, (name, (image, palette, *limits, unit)) in zip(axes[1:4], maps.items(), strict=True):
        bare(ax, image)
        ax.images[0].set(cmap=palette, clim=limits)
        low.colorbar(ax.images[0], ax=ax, location="bottom", label=unit, shrink=0.9)
        ax.set_title(name)
    bare(axes[4], (encode(field)[0].permute(1, 2, 0).numpy() + 1) / 2)
    axes[4].set_title("what a network sees")
    axes[4].set_xlabel("(u, v, strain) as red, green, blue", fontsize=9)
    moved = np.percentile(np.hypot(*flow), 99.5) * part
    figure.suptitle(
        f"At the apex 0.5 % of the skin has moved by more than {moved:.1f} % of the face's width", fontweight="bold"
    )
    return figure
