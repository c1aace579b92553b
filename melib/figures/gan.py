"""Pictures of top-up: its plan (Tables 2 and 3), the training of a generator, and the faces it makes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.corpus.index import CLASSES, dataset_order, print_name
from melib.figures.style import CLASS_COLOURS, SERIES_COLOURS

SCHEMES = {"even": "each class gets the same share", "balance": "towards equal classes"}
CURVES = {  # of a training's history, by panel
    "Critic": {"critic": "Wasserstein gap", "penalty": "gradient penalty"},
    "AUs, mean squared error": {"aus_real": "read from real faces", "aus": "read from generated faces"},
    "Image, mean absolute error": {"cycle": "cycle (identity)", "truth": "to the true apex"},
    "Attention": {"kept": "mean: the share that is copied"},
}
MAGNIFIED = 5  # times that the sheet shows a change


def plan_bars(table: pd.DataFrame) -> Figure:
    """Table 2: what each dataset holds and gets, by class; columns scheme, dataset, label, present, added."""
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.7), sharey=True, layout="constrained")
    for ax, (scheme, title) in zip(axes, SCHEMES.items(), strict=True):
        rows = table[table["scheme"] == scheme]
        names = dataset_order(rows["dataset"])
        for shift, label in zip((-0.27, 0, 0.27), CLASSES, strict=True):
            bars = rows[rows["label"] == label].set_index("dataset").loc[names]
            positions = np.arange(len(names)) + shift
            colour = CLASS_COLOURS[label]
            ax.bar(positions, bars["present"], 0.25, color=colour, label=label)
            ax.bar(
                positions,
                bars["added"],
                0.25,
                bars["present"],
                facecolor="none",
                edgecolor=colour,
                hatch="////",
            )
            for x, row in zip(positions, bars.itertuples(), strict=True):
                if row.added:
                    ax.annotate(f"{row.added}", (x, row.present + row.added), (0, 2), textcoords="offset points",
                                ha="center", fontsize=9, color="#444444")  # fmt: skip
        ax.set_xticks(range(len(names)), list(map(print_name, names)))
        ax.set_title(title, pad=12)
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("clips; numbers: added")
    figure.suptitle(plan_message(table), fontsize=14, fontweight="bold")
    axes[1].bar(0, 0, facecolor="none", edgecolor="#666666", hatch="////", label="added")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside right upper")
    return figure


def plan_message(table: pd.DataFrame) -> str:
    """How many clips top-up adds, the same under every scheme."""
    first = table[table["scheme"] == table["scheme"].iloc[0]]
    most = first.groupby("dataset")[["present", "added"]].sum().sum(axis=1).max()
    return f"Filling each dataset up to {most} clips adds {first['added'].sum()} generated to {first['present'].sum()}"


def curves(history: pd.DataFrame) -> Figure:
    """The losses of a training by step of the generator, smoothed over a fiftieth of it."""
    figure, axes = plt.subplots(1, len(CURVES), figsize=(14, 3.2), layout="constrained")
    window = max(1, len(history) // 50)
    for ax, (title, lines) in zip(axes, CURVES.items(), strict=True):
        for colour, (name, label) in zip(SERIES_COLOURS[1:], lines.items(), strict=False):
            smooth = history[name].rolling(window, min_periods=1).mean()
            ax.plot(history["step"], smooth, color=colour, label=label)
        ax.set(title=title, xlabel="step")
        ax.legend()
    axes[-1].set_ylim(0, 1)
    return figure


def sheet(faces: dict[tuple[str, str], tuple[np.ndarray, ...]]) -> Figure:
    """What generated faces change, by dataset and class: the neutral face, and the change from it, magnified, as a face
    and as a map, red where lighter and blue where darker.

    `faces` holds source, colour, attention and result, (S, S, 3) uint8 and attention (S, S) in [0, 1].
    """
    datasets = dataset_order(dataset for dataset, _ in faces)
    changes = {key: result.astype(float) - source for key, (source, _, _, result) in faces.items()}
    far = max(1.0, max(np.percentile(np.abs(change.mean(2)), 99.5) for change in changes.values()))
    columns = 1 + 2 * len(CLASSES)
    size = (1.5 * columns + 0.6, 1.5 * len(datasets) + 1.3)
    figure, axes = plt.subplots(len(datasets), columns, figsize=size, squeeze=False, layout="constrained")
    for line, dataset in zip(axes, datasets, strict=True):
        line[0].imshow(faces[dataset, CLASSES[0]][0])
        line[0].set_ylabel(print_name(dataset), fontsize=11, fontweight="bold")
        for place, label in enumerate(CLASSES):
            source, change = faces[dataset, label][0], changes[dataset, label]
            line[1 + 2 * place].imshow(np.clip(source + MAGNIFIED * change, 0, 255).astype(np.uint8))
            line[2 + 2 * place].imshow(change.mean(2), cmap="RdBu_r", vmin=-far, vmax=far)
    titles = ["neutral face", *(text for label in CLASSES for text in (f"{label}, × {MAGNIFIED}", "where"))]
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=11)
    for ax in figure.axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    kept = [attention.mean() for _, _, attention, _ in faces.values()]
    note = f"map: up to ±{far:.0f} grey levels of 255; attention keeps {min(kept):.0%} to {max(kept):.0%} of a face"
    figure.supxlabel(note, fontsize=10, color="#666666")
    figure.suptitle(sheet_message(faces), fontsize=14, fontweight="bold")
    return figure


def sheet_message(faces: dict[tuple[str, str], tuple[np.ndarray, ...]]) -> str:
    """How much of a face is changed, in grey levels."""
    change = np.mean([np.abs(result.astype(float) - source).mean() for source, _, _, result in faces.values()])
    return f"Generated faces differ from the neutral ones by {change:.1f} grey levels of 255 on average"


def strip(images: np.ndarray, titles: Sequence[str], ax: Axes) -> Axes:
    """Faces (N, S, S, 3) in a row, each under its title."""
    size = images.shape[1]
    ax.imshow(np.concatenate(list(images), axis=1))
    for place, title in enumerate(titles):
        ax.text((place + 0.5) * size, -0.06 * size, title, ha="center", va="bottom", fontsize=9)
    ax.axis("off")
    return ax


def strips(rows: dict[tuple[str, ...], np.ndarray]) -> Figure:
    """A `strip` of faces (N, S, S, 3) a row, by their titles."""
    figure, axes = plt.subplots(len(rows), 1, figsize=(11, 1.5 * len(rows)), layout="constrained", squeeze=False)
    for ax, (titles, images) in zip(axes[:, 0], rows.items(), strict=True):
        strip(images, titles, ax)
    return figure


MEASURES = {  # of `gap_table`; its error is a ratio to what hardly moves, too unsure to draw
    "aus": "way of the AUs to\nthe real face's",
    "place": "where it moves\n(correlation)",
}
KINDS = {
    "generated": ("generated", SERIES_COLOURS[5], "o"),
    "untrained": ("before training", SERIES_COLOURS[0], "^"),
    "shuffled": ("another class' centroid", "#666666", "s"),
}
READ = {
    "neutral": ("neutral face", SERIES_COLOURS[2]),
    "generated": ("generated", SERIES_COLOURS[5]),
    "shuffled": ("another class' centroid", "#666666"),
    "real": ("real face", SERIES_COLOURS[1]),
}


def quality(table: pd.DataFrame) -> Figure:
    """`gap_table`, a measure a panel, and `au_table` on the right; of one table with both sets of columns, and
    `held_out`."""
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 4.6), layout="constrained", width_ratios=(1, 1, 2.2))
    for ax, (measure, title) in zip(axes, MEASURES.items(), strict=False):
        _measure(table[table["measure"] == measure], ax)
        ax.set_title(title, fontsize=11)
    _errors(table.dropna(subset=["au"]), axes[2])
    axes[0].set_ylabel("0: a neutral face, 1: as the real one")
    tested = print_name(table["held_out"].iloc[0])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=3, title=f"{tested} held out",
                  alignment="left")  # fmt: skip
    figure.suptitle(quality_message(table), fontsize=13, fontweight="bold")
    return figure


def _measure(rows: pd.DataFrame, ax: Axes) -> None:
    """One measure of each kind of face with its interval, by how far the centroids are magnified."""
    factors = sorted(rows["magnify"].unique())
    _kinds(rows.set_index("magnify"), factors, ax)
    ax.set_xticks(range(len(factors)), [f"AUs × {factor:g}" for factor in factors])


def _kinds(rows: pd.DataFrame, names: Sequence, ax: Axes) -> None:
    """The value of each kind of face with its interval, at each of `names`, which the rows' index holds."""
    for shift, (kind, (label, colour, marker)) in zip((-0.22, 0, 0.22), KINDS.items(), strict=True):
        part = rows[rows["kind"] == kind].loc[list(names)]
        places = np.arange(len(names)) + shift
        ax.vlines(places, part["low"], part["high"], color=colour, linewidth=3, alpha=0.6)
        ax.plot(places, part["value"], marker, color=colour, label=label, linestyle="", markersize=8)
    ax.axhline(0, color="#666666", linewidth=1)
    ax.set_ylim(min(1.15 * rows["low"].min(), 0), 1.15 * rows["high"].max())
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.grid(axis="x", visible=False)


def _errors(rows: pd.DataFrame, ax: Axes) -> None:
    """The error of each AU, the greatest of the neutral face first; AUs that never move are left out.

    The title says how far the reader of AUs can be trusted: for how many it errs on the real face by as much as if
    nothing had moved.
    """
    floor = rows[rows["kind"] == "neutral"].set_index("au")["error"].sort_values(ascending=False)
    names = list(floor.index[floor > 0])
    real = rows[rows["kind"] == "real"].set_index("au").loc[names, "error"]
    lost = f"for {(real >= floor[names]).sum()} of {len(names)} the reader errs"
    for shift, (kind, (label, colour)) in zip((-0.24, -0.08, 0.08, 0.24), READ.items(), strict=True):
        errors = rows[rows["kind"] == kind].set_index("au").loc[names, "error"]
        ax.plot(np.arange(len(names)) + shift, errors, "o", color=colour, label=label, markersize=6)
    ax.set_xticks(range(len(names)), [int(name[2:]) for name in names])
    title = f"error of each AU, × 1 (intensity): {lost}\non the real face as much as if nothing had moved"
    ax.set(xlabel="action unit", title=title, ylim=(0, 1.35 * rows["error"].max()))
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper right", ncols=2)


def quality_message(table: pd.DataFrame) -> str:
    """How far the AUs of generated faces go to the real face's, beside before training and the control."""
    rows = table[(table["measure"] == "aus") & (table["magnify"] == table["magnify"].min())].set_index("kind")
    way, low, high = rows.loc["generated", ["value", "low", "high"]].astype(float)
    return (
        f"Generated faces go {way:.0%} ({low:.0%} to {high:.0%}) of the way to the real AUs, "
        f"before training {rows.loc['untrained', 'value']:.0%}, the control {rows.loc['shuffled', 'value']:.0%}"
    )


def folds(table: pd.DataFrame) -> Figure:
    """`quality.folds_table`: how far generated faces go in each fold, beside before training and the control."""
    names = dataset_order(table["held_out"])
    figure, ax = plt.subplots(figsize=(8.5, 4.2), layout="constrained")
    _kinds(table.set_index("held_out"), names, ax)
    minutes = table.groupby("held_out")["seconds"].first().div(60)
    ax.set_xticks(range(len(names)), [f"{print_name(name)}\n{minutes[name]:.1f} min" for name in names])
    ax.set(
        xlabel="held-out dataset, and the time to train its generator", ylabel="share of the way to the real face's AUs"
    )
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    figure.suptitle(folds_message(table), fontsize=13, fontweight="bold")
    return figure


def folds_message(table: pd.DataFrame) -> str:
    """How far the AUs go in the worst and in the best fold, before training too, and in how many folds training adds
    what the intervals set apart."""
    values = table.pivot(index="held_out", columns="kind", values="value")
    low, high = (table.pivot(index="held_out", columns="kind", values=end) for end in ("low", "high"))
    apart = (low["generated"] > high["untrained"]).sum()
    trained, untrained = (
        f"{values[kind].min():.0%} to {values[kind].max():.0%}" for kind in ("generated", "untrained")
    )
    return (
        f"Generated faces go {trained} of the way to the real AUs, before training {untrained}:\n"
        f"the intervals are apart in {apart} of {len(values)} folds"
    )
