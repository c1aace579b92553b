"""The figures of `figures/`, each redrawn from the CSV beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from melib.figures import architecture, aus, boundaries, controls, datasets, difficulty, gan, main_job, motion, results
from melib.figures.style import save, use_style


def claims(table: pd.DataFrame) -> Figure:
    """The board of the paper's claims, of the table that `study.claims.judge` gives."""
    figure, ax = plt.subplots(figsize=(13, 0.42 * len(table) + 1), layout="constrained")
    data = "the synthetic demo corpus" if table["synthetic"].any() else "these runs"
    results.claims_board(table, ax, f"{data} ({table['selection'].iloc[0]})")
    return figure


def effects(table: pd.DataFrame) -> Figure:
    """What BRL adds, by held-out dataset, over plain and scaled cross-entropy and over placebo groups."""
    inputs = table["inputs"].unique()
    contrasts = table["contrast"].unique()
    figure, axes = plt.subplots(len(inputs), len(contrasts), figsize=(13, 3.1 * len(inputs)), layout="constrained",
                                sharex="row", squeeze=False)  # fmt: skip
    for row, kind in zip(axes, inputs, strict=True):
        for ax, contrast in zip(row, contrasts, strict=True):
            rows = table[(table["inputs"] == kind) & (table["contrast"] == contrast)]
            results.forest(rows, ax)
            count = int(rows["n"].max())
            ax.set_title(f"{kind}: BRL {contrast} ({count} seed{'s' * (count != 1)})")
            ax.set_xlabel("UAR, points; 95 % over subjects")
        if table.loc[table["inputs"] == kind, "effect"].isna().all():  # zero alone has no scale
            row[0].set_xlim(-10, 10)
    figure.suptitle(f"What BRL adds to the CNN ({table['selection'].iloc[0]})")
    return figure


def tables(rows: pd.DataFrame) -> Figure:
    """UAR of each setting of the ablation, Table 8, under every selection rule, over what needs no training."""
    figure, ax = plt.subplots(figsize=(9, 4.4), layout="constrained")
    results.selection_gap(
        rows[(rows["table"] == "table8") & (rows["metric"] == "uar") & (rows["column"] == "mean")], ax
    )
    return figure


def confusions(table: pd.DataFrame) -> Figure:
    """Confusion matrices of one setting, a held-out dataset each."""
    names = table["held_out"].unique()
    figure, axes = plt.subplots(1, len(names), figsize=(2.6 * len(names), 3), layout="constrained", squeeze=False)
    results.confusions(table, axes[0])
    figure.suptitle(f"{table['setting'].iloc[0]}; epoch by {table['selection'].iloc[0]}; clips of all seeds")
    return figure


def brl_epochs(table: pd.DataFrame) -> Figure:
    """What BRL does epoch by epoch: gradients, the weights W, and what probes read from the features."""
    figure, axes = plt.subplots(2, 3, figsize=(12, 6.4), layout="constrained", sharex=True)
    for row, (inputs, rows) in zip(axes, table.groupby("inputs", sort=False), strict=False):
        results.gradients(rows[rows["lam"] > 0], row[0])
        results.steering(rows, row[1])
        results.probes(rows, row[2])
        row[0].set_title(f"{inputs}: gradients at the features")
    return figure


def brl_attention(table: pd.DataFrame) -> Figure:
    """The attention that each source dataset gets, epoch by epoch, without and with BRL."""
    table = table.assign(setting=table["inputs"] + ", λ = " + table["lam"].map("{:g}".format))
    count = table["setting"].nunique()
    figure, axes = plt.subplots(1, count, figsize=(13, 3.4), layout="constrained", sharey=True, squeeze=False)
    results.attention(table.rename(columns={"dataset": "domain", "mean": "mean_a"}), axes[0])
    return figure


GALLERY: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "main_job": main_job.main_job,
    "calibration": difficulty.calibration,
    "likeness": difficulty.likeness,
    "controls": controls.controls,
    "fig1_protocols": datasets.protocols,
    "fig3_tsne": datasets.feature_maps,
    "domain_probes": datasets.probes,
    "au_centroids": aus.centroids,
    "au_identity": aus.identity,
    "flow_accuracy": motion.flow_accuracy,
    "apex_accuracy": motion.apex_accuracy,
    "gan_plan": gan.plan_bars,
    "gan_quality": gan.quality,
    "gan_quality_paper": gan.quality,
    "fig6_backbones": architecture.backbones,
    "fig7_boundaries": boundaries.boundaries,
    "claims": claims,
    "effects": effects,
    "tables": tables,
    "confusions": confusions,
    "brl_epochs": brl_epochs,
    "brl_attention": brl_attention,
}


def redraw(folder: Path) -> Iterator[Path]:
    """Draw every figure of the gallery whose CSV lies in `folder`; yields the pictures' paths.

    Raises ValueError where there is none.
    """
    import matplotlib

    stored = {name: folder / f"{name}.csv" for name in GALLERY if (folder / f"{name}.csv").is_file()}
    if not stored:
        what = "holds none of the CSVs that figures are drawn from" if folder.is_dir() else "is no folder"
        raise ValueError(f"{folder} {what}, such as {next(iter(GALLERY))}.csv. Give a folder like figures/.")

    matplotlib.use("Agg")
    use_style()
    for name, source in stored.items():
        table = pd.read_csv(source)
        if len(table):  # else the grid had no such run
            yield save(GALLERY[name](table), folder, name, table, synthetic=bool(table["synthetic"].any()))
