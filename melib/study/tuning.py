"""`tuned`: for each held-out dataset the setting of a grid that its sources choose among themselves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from melib.learning.metrics import scores
from melib.learning.record import Run
from melib.learning.selection import chosen_predictions, counts_of
from melib.learning.settings import RunSettings
from melib.study.outcomes import Outcomes
from melib.study.rows import row_of


def tunes(settings: RunSettings) -> bool:
    """Whether runs of a setting serve tuning alone: leave-one-dataset-out with its sources named."""
    return settings.protocol == "lodo" and bool(settings.sources)


def is_inner(run: Run) -> bool:
    """Whether a run serves tuning alone."""
    return tunes(run.settings)


def inner_scores(runs: Iterable[Run]) -> dict[tuple[RunSettings, frozenset, str], float]:
    """UAR after the last epoch, seeds averaged, of the runs that serve tuning, by setting, sources and held-out one."""
    values: dict[tuple, list[float]] = {}
    for run in runs:
        if is_inner(run):
            key = row_of(run.settings), frozenset(run.settings.sources), run.settings.held_out
            table = chosen_predictions(run.history, run.predictions, "last", run.settings.first_selected)["uar"]
            values.setdefault(key, []).append(scores(counts_of(table))["uar"])
    return {key: float(np.mean(each)) for key, each in values.items()}


def source_scores(outcomes: Outcomes, settings: Iterable[RunSettings]) -> dict[str, dict[RunSettings, float]]:
    """For each held-out dataset the settings that can be chosen, in their order, and their mean UAR on its sources.

    Each source is left out in turn and the setting trained on the rest. A setting that lacks one of these runs cannot
    be chosen. The held-out dataset has no part in any of them.
    """
    inner = inner_scores(outcomes.runs)
    table = {}
    for held_out in outcomes.datasets:
        sources = {*outcomes.datasets} - {held_out}
        table[held_out] = {}
        for setting in settings:
            keys = [(setting, frozenset(sources - {source}), source) for source in sorted(sources)]
            if keys and all(key in inner for key in keys):
                table[held_out][setting] = float(np.mean([inner[key] for key in keys]))
    return table


def tune(outcomes: Outcomes, settings: Iterable[RunSettings]) -> dict[str, RunSettings]:
    """For each held-out dataset the first setting of greatest `source_scores`; empty where one has none to choose."""
    table = source_scores(outcomes, list(settings))
    if not all(table.values()):
        return {}
    return {held_out: max(values, key=values.get) for held_out, values in table.items()}
