"""A study's plan: a grid multiplied out into runs, each checked before anything starts."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from melib.home import resolve
from melib.learning.settings import FIELDS, RunSettings, SettingsError

STATES = ("planned", "failed", "done")


def read_grid(path: str | Path, **changes: object) -> list[RunSettings]:
    """The runs of a grid file: YAML with one grid, or a list of them.

    A grid maps settings to values; a list of values is multiplied out (`sources` takes a list of lists). Runs that
    two grids share are planned once; `changes` replace what the file says. Raises SettingsError naming the file, the
    grid and the row.
    """
    path = resolve(path)
    if not path.is_file():
        raise SettingsError(f"No grid file {path}. Grids of the workbook lie in notebooks/grids/.")
    content = yaml.safe_load(path.read_text())
    grids = content if isinstance(content, list) else [content]
    runs: dict[RunSettings, None] = {}
    for number, grid in enumerate(grids, 1):
        if not isinstance(grid, dict):
            raise SettingsError(f"{path.name}: grid {number} is {grid!r}; expected settings and their values.")
        try:
            runs |= dict.fromkeys(expand(grid | changes))
        except SettingsError as error:
            raise SettingsError(f"{path.name}: grid {number}, {error}") from None
    return list(runs)


def expand(grid: dict) -> list[RunSettings]:
    """Every combination of a grid's values as checked settings. Raises SettingsError naming the row."""
    names = list(grid)
    values = [value if isinstance(value, list) else [value] for value in grid.values()]
    runs = []
    for row, combination in enumerate(itertools.product(*values), 1):
        parameters = dict(zip(names, combination, strict=True))
        try:
            runs.append(RunSettings.from_parameters(parameters))
        except SettingsError as error:
            raise SettingsError(f"row {row} {parameters}: {error}") from None
    return runs


def make_plan(runs: list[RunSettings], name_data: Callable[[RunSettings], str]) -> pd.DataFrame:
    """The plan: a row a run with its settings, its folder's name `run` and its `state`, read from disk.

    `name_data` gives the fingerprint of a run's corpus; it is asked once a corpus.
    """
    known: dict[str, str] = {}
    rows = []
    for settings in runs:
        if settings.corpus not in known:
            known[settings.corpus] = name_data(settings)
        name = settings.run_name(known[settings.corpus])
        rows.append({**asdict(settings), "run": name, "state": state(settings, name)})
    return pd.DataFrame(rows, columns=[*FIELDS, "run", "state"])


def state(settings: RunSettings, name: str) -> str:
    """What the disk says of a run: done, failed (its executed notebook lies beside the runs), or planned."""
    out = resolve(settings.out)
    if (out / name / "done").is_file():
        return "done"
    return "failed" if executed_notebook(out, name).is_file() else "planned"


def executed_notebook(out: Path, name: str) -> Path:
    """Where papermill writes a run's notebook while it runs; a finished run takes it into its folder."""
    return out / ".notebooks" / f"{name}.ipynb"
