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


def flow_accuracy(table: pd.DataFrame) -> Figure:
    """End-point and angular error and time of each flow method, by source and size of motion (`flow_accuracy`)."""
    methods = list(table["method"].unique())[::-1]
    figure, axes = plt.subplots(1, 5, figsize=(15, 0.42 * len(methods) + 1.6), sharey=True, layout="constrained",
                                width_ratios=[1, 1, 1, 1, 0.7])  # fmt: skip
    panels = [(source, value) for value in ("epe", "angle") for source in SOURCES]
    for ax, (source, value) in zip(axes, panels, strict=False):
        rows = table[(table["source"] == source) & table["motion"].isin(BINS)]
        errors = rows.pivot(index="method", columns="motion", values=value).reindex(methods)
        ax.hlines(range(len(methods)), errors.min(axis=1), errors.max(axis=1), color="#CCCCCC", linewidth=2)
        for motion, colour in SIZE_COLOURS.items():
            if motion in errors:
                ax.plot(errors[motion], range(len(methods)), "o", color=colour, label=motion)
        unit = "end-point error (px at 224)" if value == "epe" else "angular error (degrees)"
        ax.set(xscale="log", xlabel=unit, title=SOURCES[source])
        ax.set_xticks([0.05, 0.1, 0.2, 0.5, 1, 2] if value == "epe" else [2, 5, 10, 20, 50])
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_locator(NullLocator())
    axes[0].set_yticks(range(len(methods)), methods)
    ms = table.groupby("method")["ms"].mean().reindex(methods)
    axes[-1].plot(ms.clip(lower=0.1), range(len(methods)), "D", color="#666666")
    axes[-1].set(xscale="log", xlabel="processor time a pair (ms)", title="time")
    figure.legend(*axes[1].get_legend_handles_labels(), title="true motion", ncols=4, loc="outside upper center")
    return figure


APEX_RULES = {"motion": "motion, without blinks", "unguarded": "motion, blinks among it"}


def apex_accuracy(table: pd.DataFrame) -> Figure:
    """Mean absolute error of each apex rule by dataset, and how often it takes a blink (rows of `apex_accuracy`)."""
    rules = list(table["rule"].unique())[::-1]
    figure, axes = plt.subplots(1, 3, figsize=(12, 2.8), sharey=True, layout="constrained")
    measures = {
        "frames": "mean distance from the true apex (frames)",
        "ms": "mean distance from the true apex (ms)",
        "taken": "clips with a blink in which it is taken (share)",
    }
    for ax, (value, label) in zip(axes, measures.items(), strict=True):
        for place, (dataset, colour) in enumerate(dataset_colours(table["dataset"]).items()):
            errors = table[table["dataset"] == dataset].set_index("rule")[value].reindex(rules)
            height = np.arange(len(rules)) + 0.12 * (2 - place)
            ax.plot(errors, height, "o", color=colour, label=print_name(dataset))
        ax.set(xlim=(-0.03 if value == "taken" else 0, None), xlabel=label)
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(rules)), [APEX_RULES.get(rule, rule) for rule in rules])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center")
    return figure


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
    shown = [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, min(strip, len(numbers)))]
    for ax, number in zip(top.subplots(1, len(shown)), shown, strict=True):
        bare(ax, frames[number])
        ax.set_title(f"frame {number}", fontsize=9, fontweight="normal")
        draw_box(ax, clip, colour)
    axes = middle.subplots(1, 3, width_ratios=[2.4, 1, 1])
    since = np.array(numbers) - numbers[0]
    axes[0].plot(since, curve, "o-", color="#666666", markersize=4)
    axes[0].axvline(clip["apex"] - numbers[0], color=colour, linestyle="--", label=f"apex, {clip['apex_source']}")
    axes[0].legend(loc="upper left")
    axes[0].set(xlabel="frames since the onset", ylabel="% of face width", ylim=(0, None),
                title="motion since the onset, without the head's")  # fmt: skip
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
    return figure
