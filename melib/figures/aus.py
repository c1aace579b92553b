"""Pictures of action units: intensities by class and dataset, clusters, centroids, clusters against labels."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from melib.aus.face import DrawnFace
from melib.aus.identity import AGREEMENT, VECTOR_TITLES
from melib.aus.table import NAMES
from melib.corpus.index import CLASSES, dataset_order, print_name
from melib.figures.style import CLASS_COLOURS, SERIES_COLOURS, dataset_colours

STRONGEST = 5  # the highest intensity of an AU
MEASURES = {  # panel title and unit, and what is drawn in it
    "Agreement of clusters\n(adjusted mutual information)": {
        "ami_label": (AGREEMENT["ami_label"], SERIES_COLOURS[5], "o"),
        "ami_dataset": (AGREEMENT["ami_dataset"], SERIES_COLOURS[1], "s"),
        "ami_subject": (AGREEMENT["ami_subject"], SERIES_COLOURS[0], "D")},
    "Distance to EMFACS prototypes\n(1 − cosine)": {
        "emfacs_own": ("of the class", SERIES_COLOURS[5], "o"), "emfacs_other": ("of other classes", "#666666", "s")},
    "Variation of centroids\n(1: as far as classes lie apart)": {
        "stray_folds": ("over datasets left out", SERIES_COLOURS[1], "o"),
        "stray_subjects": ("over draws of subjects", SERIES_COLOURS[0], "s")},
}  # fmt: skip


def heat_map(table: pd.DataFrame, ax: Axes, highest: float | None = None, bar: bool = True) -> Axes:
    """Mean AU intensities, a line per row of the table, a column per AU; blue where they fall well below 0."""
    highest = highest or float(table.abs().to_numpy().max())
    falls = bool((table < -0.2 * highest).any(axis=None))
    units = [int(name[2:]) for name in NAMES]
    label = {"label": "intensity"} if bar else None
    sns.heatmap(table[list(NAMES)], ax=ax, cmap="vlag" if falls else "OrRd", vmin=-highest * falls, vmax=highest,
                cbar=bar, cbar_kws=label, linewidths=0.5, xticklabels=units)  # fmt: skip
    ax.tick_params(length=0, labelrotation=0)
    ax.set(xlabel="action unit", ylabel="")
    return ax


def heat_maps(vectors: pd.DataFrame, rows: pd.DataFrame) -> Figure:
    """Mean AU intensities by class, a panel per dataset, on one scale; `rows` (by clip_id) has dataset and label."""
    means = vectors.join(rows[["dataset", "label"]], how="inner").groupby(["dataset", "label"]).mean()
    names = dataset_order(means.index.get_level_values("dataset"))
    size = (8.5, 1.2 * len(names) + 0.7)
    figure, axes = plt.subplots(len(names), 1, figsize=size, sharex=True, squeeze=False, layout="constrained")
    highest = float(means.abs().to_numpy().max())
    for name, ax in zip(names, axes[:, 0], strict=True):
        heat_map(means.loc[name].reindex(CLASSES), ax, highest, bar=False)
        ax.set_title(print_name(name), loc="left")
        ax.set_xlabel("action unit" if name == names[-1] else "")
    figure.colorbar(axes[0, 0].collections[0], ax=axes, label="mean intensity", shrink=0.5)
    return figure


def distributions(vectors: pd.DataFrame, rows: pd.DataFrame, ax: Axes) -> Axes:
    """Each AU's intensities by class: the middle half as a box, whiskers to 5 and 95 %."""
    table = vectors.join(rows[["label"]], how="inner").melt("label", var_name="au", value_name="intensity")
    sns.boxplot(table.assign(au=table["au"].str[2:].astype(int)), x="au", y="intensity", hue="label", hue_order=CLASSES,
                palette=CLASS_COLOURS, whis=(5, 95), showfliers=False, linewidth=0.8, gap=0.15, ax=ax)  # fmt: skip
    ax.grid(axis="x", visible=False)
    ax.set(xlabel="action unit", ylabel="intensity")
    ax.legend(ncols=len(CLASSES), loc="upper right")
    return ax


def silhouette_curves(scores: dict[str, dict[int, float]], ax: Axes) -> Axes:
    """Mean silhouette over K, a line per class of enough vectors to be clustered; the greatest is filled."""
    scores = {label: by_k for label, by_k in scores.items() if by_k}
    for label, by_k in scores.items():
        best = max(by_k, key=by_k.get)
        ax.plot(
            list(by_k),
            list(by_k.values()),
            color=CLASS_COLOURS[label],
            marker="o",
            markerfacecolor="white",
            label=label,
        )
        ax.plot(best, by_k[best], "o", color=CLASS_COLOURS[label])
    ax.set(
        xlabel="clusters K",
        ylabel="mean silhouette",
        title="Silhouette over K",
        ylim=(0, 1.15 * max((max(by_k.values()) for by_k in scores.values()), default=1)),
    )
    if scores:
        ax.legend()
    else:
        ax.text(0.5, 0.5, "too few clips to be clustered", ha="center", transform=ax.transAxes)
    return ax


def cluster_points(vectors: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Each class' vectors on their own two principal components: clip_id, dataset, label, cluster, x, y, and the shares
    of the variance, in %, that the components hold (share_x, share_y)."""
    tables = []
    for label, group in members.groupby("label", sort=False):
        points = vectors.loc[group.index].to_numpy()
        points = points - points.mean(0)
        rows = points if len(points) > 1 else np.zeros((2, points.shape[1]))  # one clip has no direction
        flat = points @ np.linalg.svd(rows, full_matrices=False)[2][:2].T
        share_x, share_y = 100 * flat.var(0) / (points.var(0).sum() or 1.0)
        table = group[["dataset", "cluster"]].rename_axis("clip_id").reset_index()
        tables.append(table.assign(label=label, x=flat[:, 0], y=flat[:, 1], share_x=share_x, share_y=share_y))
    return pd.concat(tables, ignore_index=True)


def cluster_maps(vectors: pd.DataFrame, members: pd.DataFrame) -> Figure:
    """Each class' vectors on their own two principal components: filled in the dominant cluster, hollow elsewhere,
    coloured by dataset; the cross is the class' centroid."""
    figure, axes = plt.subplots(1, len(CLASSES), figsize=(11, 3.9), layout="constrained")
    palette = dataset_colours(members["dataset"])
    points = cluster_points(vectors, members)
    for label, ax in zip(CLASSES, axes, strict=True):
        clips = points[points["label"] == label]
        flat = clips[["x", "y"]].to_numpy()
        first = (clips["cluster"] == 0).to_numpy()
        colours = clips["dataset"].map(palette).to_numpy()
        ax.scatter(*flat[first].T, s=18, c=colours[first], linewidths=0)
        ax.scatter(*flat[~first].T, s=18, facecolors="none", edgecolors=colours[~first], linewidths=0.8)
        ax.plot(*flat[first].mean(0), "kX", markersize=11, markeredgecolor="white")
        share_x, share_y = clips[["share_x", "share_y"]].iloc[0]
        ax.set(title=f"{label}: {first.sum()} of {len(clips)} clips", xlabel=f"component 1 ({share_x:.0f} %)")
        ax.set_ylabel(f"component 2 ({share_y:.0f} %)")
        ax.set_aspect("equal", "datalim")
    marks = [plt.Line2D([], [], marker="o", linestyle="", color=colour) for colour in palette.values()]
    figure.legend(marks, list(map(print_name, palette)), loc="outside lower center", ncols=len(palette))
    return figure


def centroids(table: pd.DataFrame) -> Figure:
    """The centroids (columns vectors, label, AU01 ..), a line per kind of vector: a heat map, and the faces they make,
    magnified until the strongest AU is at STRONGEST."""
    groups = list(table.groupby("vectors", sort=False))
    figure = plt.figure(figsize=(12, 2.9 * len(groups) + 1), layout="constrained")
    grid = figure.add_gridspec(len(groups), 4, width_ratios=(2.1, 1, 1, 1))
    for line, (kind, rows) in enumerate(groups):
        rows = rows.set_index("label")[list(NAMES)]
        magnify = round(STRONGEST / rows.abs().max(axis=None))
        ax = heat_map(rows, figure.add_subplot(grid[line, 0]))
        ax.set_title(f"{VECTOR_TITLES.get(kind, kind)} (faces: × {magnify})", loc="left", fontsize=12)
        ax.tick_params(labelsize=8)
        for column, (name, vector) in enumerate(rows.iterrows(), start=1):
            _moved_face(vector, magnify, figure.add_subplot(grid[line, column]))
            figure.axes[-1].set_title(name if line == 0 else "")
    figure.supxlabel("arrows: how the skin of the drawn faces moves", fontsize=10, color="#666666")
    figure.suptitle(centroids_message(table), fontsize=14, fontweight="bold")
    return figure


def _moved_face(vector: pd.Series, magnify: float, ax: Axes) -> None:
    """A drawn face that shows an AU vector, with arrows where its skin moves."""
    face = DrawnFace(300)
    ax.imshow(face.draw(vector, magnify))
    skin_arrows(face.moves(vector, magnify), ax)
    ax.axis("off")


def skin_arrows(moves: np.ndarray, ax: Axes) -> None:
    """Arrows on a drawn face where its skin moves by more than .004 of the picture; `moves` is of `DrawnFace.moves`."""
    size = moves.shape[-1]
    (y, x) = np.mgrid[size // 50 : size : size // 18, size // 50 : size : size // 18]
    to = moves[:, y, x]
    far = np.hypot(*to) > 0.004 * size
    ax.quiver(x[far], y[far], *to[:, far], angles="xy", scale_units="xy", scale=0.6, width=0.008,
              headwidth=4, headlength=4, headaxislength=4, color="#0050FF")  # fmt: skip


def centroids_message(table: pd.DataFrame) -> str:
    """How alike the classes' centroids are, by kind of vector: the mean cosine between two classes."""
    alike = []
    for kind, rows in table.groupby("vectors", sort=False):
        unit = rows[list(NAMES)].to_numpy()
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        cosine = (unit @ unit.T)[np.triu_indices(len(unit), 1)].mean()
        alike.append(f"{cosine:.2f} at {VECTOR_TITLES.get(kind, kind)}".replace("-0.", "−0."))
    return f"Mean cosine between the classes' AU centroids: {', '.join(alike)}"


def identity(table: pd.DataFrame) -> Figure:
    """Agreement of clusters and distances of centroids: columns vectors and those of `melib.aus.identity.identity`.

    Lines are 95 % intervals; grey bands are where the control with shuffled classes lies. A variation is a spread
    itself and has none.
    """
    kinds = [name for name in VECTOR_TITLES if name in set(table["vectors"])]
    figure, axes = plt.subplots(1, len(MEASURES), figsize=(11.5, 4.6), layout="constrained")
    for ax, (title, shown) in zip(axes, MEASURES.items(), strict=True):
        shifts = np.linspace(-0.22, 0.22, len(shown))
        for shift, (measure, (name, colour, marker)) in zip(shifts, shown.items(), strict=True):
            rows = table[table["measure"] == measure].set_index("vectors").loc[kinds]
            positions = np.arange(len(kinds)) + shift
            height = rows["shuffled_high"] - rows["shuffled_low"]
            ax.bar(positions, height, 0.17, rows["shuffled_low"], color="#CCCCCC", zorder=0)
            ax.vlines(positions, rows["low"], rows["high"], color=colour, linewidth=3, alpha=0.6)
            ax.plot(positions, rows["value"], marker, color=colour, label=name, linestyle="", markersize=8)
        ax.set_xticks(range(len(kinds)), [VECTOR_TITLES[name].replace(", ", ",\n") for name in kinds])
        ax.set_title(title)
        ax.set_ylim(min(0, ax.get_ylim()[0]), 1.03 * ax.get_ylim()[1])
        ax.grid(axis="x", visible=False)
        ax.legend(loc="upper left", bbox_to_anchor=(0, -0.16))
    axes[-1].axhline(1, color="#666666", linewidth=1, linestyle="--")
    axes[0].bar(0, 0, color="#CCCCCC", label="classes shuffled")
    axes[0].legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2)
    figure.suptitle(identity_message(table), fontsize=14, fontweight="bold")
    return figure


def identity_message(table: pd.DataFrame) -> str:
    """What the clusters of each kind of AU vector agree with most; kinds that agree with the same thing together."""
    leads: dict[str, list[str]] = {}
    for kind, rows in table[table["measure"].isin(AGREEMENT)].groupby("vectors", sort=False):
        lead = rows.loc[rows["value"].idxmax()]
        leads.setdefault(AGREEMENT[lead["measure"]], []).append(f"{VECTOR_TITLES[kind]}: {lead['value']:.2f}")
    return "AU clusters follow the " + ", the ".join(f"{lead} ({'; '.join(kinds)})" for lead, kinds in leads.items())
