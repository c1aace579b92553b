"""Pictures of the datasets: the protocols (Figure 1), samples (Figure 2), feature maps (Figure 3), probes."""

from __future__ import annotations

from itertools import product, zip_longest

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from melib.corpus.index import CLASSES, DATASETS, PRINT_NAMES, print_name
from melib.figures.style import (
    CLASS_COLOURS,
    CLASS_MARKERS,
    DATASET_COLOURS,
    SERIES_COLOURS,
    dataset_colours,
    dataset_markers,
)
from melib.learning.probes import NAME_ALONE
from melib.prepare.samples import Samples

ROLES = {"train": "#A9C9DE", "test": "#0B3C5D", "unused": "#F0F0F0"}
TILES = 4  # subjects drawn a dataset: a sketch, not a count
PROTOCOLS = {  # the question each asks, and how its folds go on
    "CDE": ("Composite (CDE)\na new person, known datasets", "… one fold per subject"),
    "HDE": ("Holdout (HDE)\na new dataset, one known", "both ways, as MEGC 2018; others train on two datasets"),
    "LODO": ("Leave one dataset out\na new dataset, all others known", ""),
}
PROBED = {  # what a probe reads: its name, colour, place within the line, marker
    "dataset": ("dataset", SERIES_COLOURS[5], 0.14, "o"),
    "label": ("emotion", SERIES_COLOURS[1], -0.14, "s"),
}


def protocols_table() -> pd.DataFrame:
    """Who is trained and tested on in each protocol: protocol, fold, dataset, tile (a subject of the sketch), role.

    CDE pools SMIC, CASME II and SAMM and leaves one subject out (MEGC 2018, 2019), HDE trains on one dataset and tests
    on another (MEGC 2018), the third leaves out each of the five in turn (the paper's).
    """
    pooled = ("SMIC", "CASME2", "SAMM")
    tiles = range(TILES)
    folds = {
        "CDE": [(pooled, {person}) for person in (("SMIC", 0), ("SMIC", 1), ("SAMM", TILES - 1))],
        "HDE": [(pooled[1:], {(test, tile) for tile in tiles}) for test in ("SAMM", "CASME2")],
        "LODO": [(DATASETS, {(test, tile) for tile in tiles}) for test in DATASETS],
    }
    rows = [
        (name, fold, dataset, tile, "unused" if dataset not in used else "test" if (dataset, tile) in test else "train")
        for name, parts in folds.items()
        for fold, (used, test) in enumerate(parts, start=1)
        for dataset, tile in product(DATASETS, tiles)
    ]
    return pd.DataFrame(rows, columns=["protocol", "fold", "dataset", "tile", "role"])


def protocols(table: pd.DataFrame) -> Figure:
    """Figure 1: the folds of each protocol (`protocols_table`), a line per fold; blocks: datasets, tiles: subjects."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    for ax, (name, (title, more)) in zip(axes, PROTOCOLS.items(), strict=True):
        rows = table[table["protocol"] == name]
        left = rows["dataset"].map(DATASETS.index) + 0.06 + rows["tile"] * 0.88 / TILES
        ax.bar(left, 0.64, 0.7 / TILES, rows["fold"] - 0.32, align="edge", color=rows["role"].map(ROLES))
        for place, dataset in enumerate(DATASETS):
            ax.text(place + 0.47, 0.5, PRINT_NAMES[dataset], ha="center", fontsize=9, fontweight="bold",
                    color=DATASET_COLOURS[dataset])  # fmt: skip
        folds = sorted(rows["fold"].unique())
        ax.set_yticks(folds, [f"fold {fold}" for fold in folds])
        ax.text(0.06, folds[-1] + 0.65, more, fontsize=9, color="#666666")
        ax.set(xlim=(0, len(DATASETS)), ylim=(5.5, 0.1), xticks=[], title=title)
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines[:].set_visible(False)
    key = [Patch(color=colour, label=role) for role, colour in ROLES.items()]
    figure.legend(handles=key, loc="outside lower center", ncols=3, title="a tile: a subject")
    figure.suptitle("Only leaving a dataset out trains on all others and tests on one never seen", fontsize=14,
                    fontweight="bold")  # fmt: skip
    return figure


def sample_columns(samples: Samples) -> Figure:
    """Figure 2: a column per clip with its onset, its apex, and the flow between them as colours and arrows."""
    flow = np.asarray(samples.arrays["flow"], np.float32) / samples.arrays["flow"].shape[-1]
    rim = np.ceil(1000 * np.percentile(np.linalg.norm(flow, axis=1), 99)) / 1000
    rows = {"onset": samples.arrays["onset"], "apex": samples.arrays["apex"], "flow": flow_colours(flow / rim)}
    columns = len(samples)
    figure, axes = plt.subplots(3, columns + 1, figsize=(1.4 * columns + 1.6, 4.6), squeeze=False, layout="constrained",
                                width_ratios=[*[1] * columns, 0.8])  # fmt: skip
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(line, [*images, None], strict=True):
            bare(ax, image)
        line[0].set_ylabel(name)
    datasets = samples.index["dataset"]
    colours = dataset_colours(datasets)
    for top, low, dataset, label, (u, v) in zip(axes[0], axes[2], datasets, samples.index["label"], flow, strict=False):
        top.set_title(f"{print_name(dataset)}\n{label}", color=colours[dataset])
        steps = np.linspace(0, len(u), 12, endpoint=False)[1:].astype(int)
        arrows = (part[np.ix_(steps, steps)] / rim for part in (u, v))
        low.quiver(
            steps, steps, *arrows, angles="xy", scale_units="xy", scale=12 / len(u), width=0.006, color="#333333"
        )
    y, x = np.mgrid[-1:1:201j, -1:1:201j]
    key = np.where((x**2 + y**2 <= 1)[..., None], flow_colours(np.array([[x, y]]))[0], 1)
    bare(wheel := axes[1, -1], key)
    legend = f"direction of motion\nrim: {100 * rim:.1f} % of face width\n({224 * rim:.1f} px at 224)"
    wheel.text(0.5, -0.08, legend, transform=wheel.transAxes, ha="center", va="top", fontsize=7, in_layout=False)
    figure.suptitle(columns_message(flow), fontsize=11, fontweight="bold")
    return figure


def columns_message(flow: np.ndarray) -> str:
    """How much of the flow (N, 2, S, S) the whole face has in common: the length of its mean over its mean length."""
    common = np.linalg.norm(flow.mean((2, 3)), axis=1) / np.linalg.norm(flow, axis=1).mean((1, 2))
    return (
        f"In these {len(flow)} clips {common.min():.0%} to {common.max():.0%} of the flow is common to the whole face"
    )


def flow_colours(flow: np.ndarray) -> np.ndarray:
    """Colours (N, S, S, 3) in [0, 1] of flow (N, 2, S, S): hue is the direction, saturation the length up to 1.

    The hues of the `wheel` encoding on white instead of black, which reads better on a page.
    """
    hue = np.arctan2(flow[:, 1], flow[:, 0]) / (2 * np.pi) % 1
    return hsv_to_rgb(np.stack([hue, np.linalg.norm(flow, axis=1).clip(max=1), np.ones_like(hue)], axis=-1))


def contact_sheet(samples: Samples) -> Figure:
    """The apex frames of the samples, a line per dataset."""
    groups = samples.index.reset_index(drop=True).groupby("dataset").groups
    colours = dataset_colours(groups)
    names = list(colours)
    columns = max(map(len, groups.values()))
    size = (0.8 * columns + 0.4, 0.8 * len(names) + 0.3)
    figure, axes = plt.subplots(len(names), columns, figsize=size, squeeze=False, layout="constrained")
    for line, name in zip(axes, names, strict=True):
        for ax, row in zip_longest(line, groups[name]):
            bare(ax, None if row is None else samples.arrays["apex"][row])
        line[0].set_ylabel(print_name(name), color=colours[name], fontweight="bold")
    figure.suptitle("Apex frames: each dataset has its own camera, light and people", fontsize=12, fontweight="bold")
    return figure


def bare(ax: Axes, image: np.ndarray | None) -> None:
    """Show `image` without ticks or frame; None leaves the place empty."""
    if image is None:
        ax.set_axis_off()
    else:
        ax.imshow(image)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)


def feature_map(rows: pd.DataFrame, colour: str, ax: Axes) -> Axes:
    """One t-SNE map (rows of `tsne_map`), coloured by "dataset" or "label", with the silhouette by that column."""
    palette, markers = _looks(rows, colour)
    rows = rows.sample(frac=1, random_state=0)  # no group always on top
    sns.scatterplot(rows, x="x", y="y", hue=colour, palette=palette, style=colour, markers=markers, s=22, linewidth=0.3,
                    alpha=0.85, legend=False, ax=ax)  # fmt: skip
    ax.set(xticks=[], yticks=[], ylabel="")
    silhouette = f"silhouette {rows[f'silhouette_{colour}'].iloc[0]:.2f}".replace("-", "−")
    ax.set_xlabel(f"{silhouette}, {len(rows)} clips", fontsize=9)
    ax.grid(False)
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color("#CCCCCC")
    return ax


def _looks(rows: pd.DataFrame, column: str) -> tuple[dict[str, str], dict[str, str]]:
    """Colours and markers of the datasets, or of the classes, that are among the rows."""
    if column == "dataset":
        return dataset_colours(rows["dataset"]), dataset_markers(rows["dataset"])
    present = [label for label in CLASSES if label in set(rows["label"])]
    return {label: CLASS_COLOURS[label] for label in present}, {label: CLASS_MARKERS[label] for label in present}


def feature_maps(table: pd.DataFrame) -> Figure:
    """Figure 3: one map of all clips by dataset leads; beside it, small, the same by class, and other features.

    The table holds rows of `tsne_map` with the columns `features` (a title) and `clips` (happiness, all), of which
    "all" are drawn. The first features lead.
    """
    first, *others = table["features"].unique()
    figure = plt.figure(figsize=(10.5, 5.4), layout="constrained")
    rows = (len(others) + 2) // 2
    grid = figure.add_gridspec(rows, 4)
    maps = [(grid[:, :2], first, "dataset"), (grid[0, 2], first, "label")]
    maps += [(grid[place // 2, 2 + place % 2], kind, "dataset") for place, kind in enumerate(others, start=1)]
    for place, kind, colour in maps:
        ax = figure.add_subplot(place)
        feature_map(table[(table["features"] == kind) & (table["clips"] == "all")], colour, ax)
        lead = ax is figure.axes[0]
        name, _, note = kind.partition(": ")
        title = (name if lead else name.replace(", ", ",\n")) + f"\n({note})" * bool(note)
        words = "the same,\nby class" if colour == "label" else title + ", by dataset" * lead
        ax.set_title(words, fontsize=12 if lead else 10)
    handles = []
    for palette, markers in (_looks(table, "dataset"), _looks(table, "label")):
        handles += [Line2D([], [], color=palette[level], marker=markers[level], linestyle="", label=print_name(level))
                    for level in palette]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), columnspacing=0.9, handletextpad=0.1)
    figure.suptitle(maps_message(table), fontsize=14, fontweight="bold")
    return figure


def maps_message(table: pd.DataFrame) -> str:
    """Whether the first features group clips by dataset or by class, of their silhouettes over all clips."""
    first = table[(table["features"] == table["features"].iloc[0]) & (table["clips"] == "all")].iloc[0]
    by_dataset, by_class = first["silhouette_dataset"], first["silhouette_label"]
    more = "dataset, not by class" if by_dataset > by_class else "class, not by dataset"
    values = f"{by_dataset:.2f} against {by_class:.2f}".replace("-", "−").replace("−0.00", "0.00")
    kind = table["features"].iloc[0].split(",")[0]
    return f"Features of {kind} frames group by {more} (silhouette {values})"


def probes(table: pd.DataFrame) -> Figure:
    """What linear probes read of the dataset and of the emotion: accuracy against chance, and bits against H(Y).

    Rows hold features, target (dataset, label), accuracy, accuracy_low, accuracy_high, chance, bits, bits_low,
    bits_high, entropy.
    """
    names = list(table["features"].unique())[::-1]
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.5 * len(names) + 1.7), sharey=True, layout="constrained")
    for ax, value, limit in zip(axes, ("accuracy", "bits"), ("chance", "entropy"), strict=True):
        for target, (what, colour, shift, marker) in PROBED.items():
            rows = table[table["target"] == target].set_index("features").reindex(names)
            place = np.arange(len(names)) + shift
            end = rows[limit].max()
            ax.hlines(place, rows[f"{value}_low"], rows[f"{value}_high"], color=colour, linewidth=2.5, alpha=0.5)
            ax.plot(rows[value], place, marker, color=colour, label=f"the {what}", clip_on=False, zorder=3)
            ax.axvline(end, color=colour, linewidth=1, linestyle="--")
            sign = "chance" if limit == "chance" else f"H({what})"
            ax.annotate(sign, (end, 1), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
                        ha="center", fontsize=8, color=colour)  # fmt: skip
    axes[0].set(xlim=(0, 1.02), xlabel="class-balanced accuracy", yticks=range(len(names)), yticklabels=names)
    axes[1].set(xlim=(0, None), xlabel="mutual information, lower bound (bits); H: its maximum")
    figure.legend(*axes[0].get_legend_handles_labels(), title="read from the features:", ncols=2,
                  loc="outside lower left", alignment="left")  # fmt: skip
    figure.suptitle(probes_message(table), fontsize=14, fontweight="bold")
    for ax in axes:
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
    return figure


def probes_message(table: pd.DataFrame) -> str:
    """From which features dataset and emotion are read best, and how well the dataset is where the emotion is."""
    accuracy = table[table["features"] != NAME_ALONE].pivot(index="features", columns="target", values="accuracy")
    accuracy = accuracy.loc[[name for name in table["features"].unique() if name in accuracy.index]]
    dataset, emotion = accuracy["dataset"].idxmax(), accuracy["label"].idxmax()
    kind = "flow" if "flow" in emotion else "apex"
    raw = accuracy["dataset"].get(f"{kind}, raw")
    before = "" if raw is None or emotion.endswith(", raw") else f", from raw {kind} {raw:.2f}"
    return (
        f"At best the dataset is read with accuracy {accuracy.loc[dataset, 'dataset']:.2f} from {dataset},\n"
        f"the emotion with {accuracy.loc[emotion, 'label']:.2f} from {emotion} "
        f"(there the dataset: {accuracy.loc[emotion, 'dataset']:.2f}{before})"
    )
