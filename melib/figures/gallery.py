"""The figures of `figures/`, each redrawn from the CSV beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from melib.figures import (
    architecture,
    aus,
    boundaries,
    claims,
    controls,
    datasets,
    diagnosis,
    difficulty,
    gan,
    main_job,
    motion,
    results,
    style,
)
from melib.figures.style import save, use_style

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
    "gan_folds": gan.folds,
    "fig6_backbones": architecture.backbones,
    "house": architecture.house,
    "fig7_boundaries": boundaries.boundaries,
    "claims": claims.claims,
    "effects": results.effects,
    "tables": results.tables,
    "confusions": results.confusions,
    "brl_epochs": diagnosis.brl_epochs,
    "brl_attention": diagnosis.brl_attention,
}


def show(results: Mapping[str, pd.DataFrame], name: str) -> None:
    """Display the figure `name` in a notebook, of tables by the name of their CSV; nothing where they hold no row."""
    table = results.get(name)
    if table is not None and len(table):
        style.show(GALLERY[name](table), synthetic=bool(table["synthetic"].any()))


def redraw(folder: Path, names: Collection[str] = ()) -> Iterator[Path]:
    """Draw the figures `names`, else every one of the gallery whose CSV lies in `folder`; yields the pictures' paths.

    Raises ValueError where one is unknown or its CSV is not there and, once the others are drawn, for those that cannot
    be.
    """
    if unknown := set(names) - set(GALLERY):
        raise ValueError(f"There is no figure {', '.join(sorted(unknown))}. There are {', '.join(GALLERY)}.")
    stored = {name: folder / f"{name}.csv" for name in names or GALLERY if (folder / f"{name}.csv").is_file()}
    if absent := set(names) - set(stored):
        raise ValueError(f"{folder} does not hold {', '.join(f'{name}.csv' for name in sorted(absent))}.")
    if not stored:
        what = "holds none of the CSVs that figures are drawn from" if folder.is_dir() else "is no folder"
        raise ValueError(f"{folder} {what}, such as {next(iter(GALLERY))}.csv. Give a folder like figures/.")

    use_style(windows=False)
    problems = []
    for name, source in stored.items():
        table = pd.read_csv(source)
        if not len(table):  # the grid had no such run
            continue
        try:
            figure = GALLERY[name](table)
        except (ValueError, KeyError) as error:
            problems.append(f"{name}: {error}")
            continue
        yield save(figure, folder, name, table, synthetic=bool(table["synthetic"].any()))
    if problems:
        raise ValueError(f"Not drawn: {' '.join(problems)}")
