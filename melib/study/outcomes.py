"""Run folders as the statistics need them: what each setting said of each held-out clip, under each selection rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES, DATASETS, dataset_name, dataset_order
from melib.learning.metrics import METRICS
from melib.learning.record import Run, read_run
from melib.learning.registry import METHODS, NETWORKS
from melib.learning.selection import chosen_predictions, predicted_classes
from melib.learning.settings import RunSettings
from melib.study.rows import by_seed
from melib.study.statistics import evaluate, over_seeds, resamples

POOLS = ("mean", "pooled")  # over the held-out datasets; over all their clips
FLOW = ("flow", "flow_image")  # flow, as vectors or as ready-made images


@dataclass
class Outcomes:
    """The held-out clips of a study and its finished runs.

    `clips` has a row per clip with `clip_id`, `dataset`, `subject`, `true` (a number); `synthetic` says whether they
    are a demo corpus' clips, `skipped` how many clips preparation left out. `hits` gives the clips whose dataset can be
    read from a run's features (`features.dataset_hits`); without it that is not asked.
    """

    runs: list[Run]
    clips: pd.DataFrame
    synthetic: bool
    skipped: int
    hits: Callable[[Run], pd.Series] | None = None
    _known: dict = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def weights(self) -> np.ndarray:
        """`statistics.resamples` of the clips: the same draws for every setting, so that differences are paired."""
        return resamples(self.clips)

    @property
    def datasets(self) -> list[str]:
        """The held-out datasets, in the order of the columns of `evaluate`."""
        return list(self.clips["dataset"].unique())

    @property
    def columns(self) -> list[str]:
        """What scores are of: each held-out dataset, and POOLS."""
        return [*self.datasets, *POOLS]

    @cached_property
    def complete(self) -> bool:
        """Whether every training dataset is held out by some run too, so that `clips` holds all clips."""
        return all(set(run.facts["clips"]["train"]) <= set(self.datasets) for run in self.runs)

    @cached_property
    def sources(self) -> int:
        """How many datasets a run was trained on, at least."""
        return min(len(run.facts["clips"]["train"]) for run in self.runs)

    @property
    def as_in_paper(self) -> bool:
        """Whether all five datasets are held out with the other four as sources: what the paper's means are of."""
        return set(self.datasets) == set(DATASETS) and self.sources == len(DATASETS) - 1

    def seeds(self, wanted: Mapping[str, object]) -> dict[int, list[Run]]:
        """The runs of one setting by seed, one per held-out dataset."""

        def look() -> dict[int, list[Run]]:
            return by_seed(run for run in self.runs if matches(run, wanted))

        return self._once(("seeds", *sorted(wanted.items())), look)

    def tested(self, runs: Iterable[Run]) -> set[str]:
        """The datasets whose clips these runs hold out."""
        return {name for run in runs for name in run.facts["clips"]["held_out"]}

    def predicted(self, wanted: Mapping[str, object], rule: str) -> dict[str, np.ndarray]:
        """The classes (seeds, N) that a setting's runs give the clips, by metric; -1 where there is no run."""
        return self.classes(self.seeds(wanted), rule)

    def classes(self, seeds: Mapping[int, list[Run]], rule: str) -> dict[str, np.ndarray]:
        """The classes (seeds, N) that runs by seed give the clips, by metric; -1 where there is no run."""
        classes_by_metric = {metric: np.full((len(seeds), len(self.clips)), -1) for metric in METRICS}
        place = pd.Series(np.arange(len(self.clips)), index=self.clips["clip_id"])
        for row, runs in enumerate(seeds.values()):
            for run in runs:
                chosen = self._once(("chosen", run.folder, run.settings, rule), lambda run=run: _chosen(run, rule))
                for metric, (clip_ids, classes) in chosen.items():
                    classes_by_metric[metric][row, place[clip_ids]] = classes
        return classes_by_metric

    def values(self, predicted: Mapping[str, np.ndarray], weights: np.ndarray | None = None) -> np.ndarray:
        """`evaluate` of predictions by metric, (B, seeds, G + 2, 3)."""
        first = next(iter(predicted.values()))
        if all(np.array_equal(first, other) for other in predicted.values()):
            return evaluate(first, self.clips, weights)
        parts = [evaluate(predicted[name], self.clips, weights)[..., i] for i, name in enumerate(METRICS)]
        return np.stack(parts, axis=-1)

    def resampled(self, wanted: Mapping[str, object], rule: str) -> np.ndarray:
        """A setting's metrics under all resamples, seeds averaged: (1 + draws + S, G + 2, 3)."""
        key = ("resampled", *sorted(wanted.items()), rule)
        return self._once(key, lambda: over_seeds(self.values(self.predicted(wanted, rule), self.weights)))

    def _once(self, key: tuple, make: Callable[[], object]) -> object:
        """What `make` gives, asked once for each key: every claim and every table asks for the same runs."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def probed(self, wanted: Mapping[str, object]) -> np.ndarray:
        """Balanced accuracy (1 + draws + S,) of predicting the dataset from a setting's features, mean over its runs.

        Missing (NaN) where one of its runs is, since other training sets would be other questions, or where some
        dataset is trained on and never held out.
        """
        seeds = self.seeds(wanted)
        runs = [run for runs in seeds.values() for run in runs]
        if not runs or self.hits is None or not self.complete or len(runs) < len(seeds) * len(self.datasets):
            return np.full(len(self.weights), np.nan)
        place = pd.Series(np.arange(len(self.clips)), index=self.clips["clip_id"])
        probe_hits = []
        for run in runs:
            hit = self.hits(run)
            weights = self.weights[:, place[hit.index]]
            names = self.clips["dataset"].to_numpy()[place[hit.index]]
            probe_hits.append(np.mean([weights[:, names == name] @ hit[names == name] / weights[:, names == name].sum(1)
                                  for name in np.unique(names)], axis=0))  # fmt: skip
        return np.mean(probe_hits, axis=0)


def read_outcomes(
    folders: Iterable[str | Path], hits: Callable[[Run], pd.Series] | None = None, alike: bool = True
) -> Outcomes:
    """The finished runs in `folders`.

    Shift corpora, one for each held-out dataset, count as one. Raises ValueError for none, for runs of several corpora
    and, unless `alike` is false, for runs that differ in what
    the paper's tables do not distinguish.
    """
    runs = [read_run(folder) for folder in folders]
    if not runs:
        raise ValueError("No finished run to read. `melib run GRID` makes them; `melib status GRID` shows where it is.")
    corpora = {corpus_of(run) for run in runs}
    if len(corpora) > 1:
        raise ValueError(
            f"These runs are of {len(corpora)} corpora ({', '.join(sorted(corpora))}); tables compare settings on one. "
            "Give each corpus a grid and an `out` folder of its own."
        )
    if alike:
        _check_alike(runs)
    by_fold = {run.settings.held_out: run for run in runs}
    parts = []
    for run in by_fold.values():
        table = run.predictions.query("split == 'held_out'").drop_duplicates("clip_id")
        true = table["label"].map(CLASSES.index).to_numpy(dtype=int)
        parts.append(table[["clip_id", "subject", "dataset"]].assign(true=true))
    clips = pd.concat(parts, ignore_index=True)
    place = clips["dataset"].map(dataset_order(clips["dataset"]).index)
    clips = clips.iloc[np.argsort(place, kind="stable")].drop_duplicates("clip_id").reset_index(drop=True)
    first = runs[0].facts
    return Outcomes(runs, clips, bool(first["synthetic"]), int(first["skipped"]), hits)


def corpus_of(run: Run) -> str:
    """What names the corpus of a run: its fingerprint, or of a shift corpus its name without the held-out dataset."""
    name, shift, held_out = run.settings.corpus.partition("-shift-")
    if shift and dataset_name(held_out) == run.settings.held_out:
        return name + shift
    return run.facts["data"].split("+")[0]  # what follows names generated samples


def _check_alike(runs: list[Run]) -> None:
    """Raise ValueError where runs of one network differ in what no table distinguishes, or in their held-out clips."""
    alike = RunSettings.having(across="same", role=("result", "file"))
    first: dict[tuple, tuple[Run, dict]] = {}
    for run in runs:
        known = {name: getattr(run.settings, name) for name in alike}
        known["sources"] = {*run.facts["clips"]["held_out"], *run.facts["clips"]["train"]}
        trained = run.settings.method if run.settings.is_estimator else run.settings.network
        asked = {("method", trained): known}
        if run.settings.augment != "none":
            asked["target"] = {"target": run.settings.target}
        shown = run.predictions.query("split == 'held_out'")["clip_id"]
        asked["clips", run.settings.held_out] = {"held-out clips": frozenset(shown)}
        for key, values in asked.items():
            other, theirs = first.setdefault(key, (run, values))
            if differ := [name for name, value in values.items() if theirs[name] != value]:
                raise ValueError(
                    f"{other.folder.name} and {run.folder.name} differ in {', '.join(differ)}, which no table shows. "
                    "Give each of them a grid of its own."
                )


def matches(run: Run, wanted: Mapping[str, object]) -> bool:
    """Whether a run is of the setting `wanted`: whatever rows may differ in and is not named is at its default.

    A name may be a field or an option of the run. "flow" stands for flow images too, and `seed` takes a tuple of seeds.
    Raises ValueError for a name that is neither.
    """
    settings = run.settings
    known = {*RunSettings.names(), *RunSettings.foreign_options()}
    if unknown := sorted(set(wanted) - known):
        raise ValueError(f"{unknown} are no settings of a run; known are {', '.join(sorted(known))}.")
    rest = RunSettings.at_rest()
    goals = {name: rest[name] for name in RunSettings.having(across="row") if name != "options"}
    specs = (METHODS[settings.method], *(() if settings.is_estimator else (NETWORKS[settings.network],)))
    for spec in specs:
        goals |= {name: option.default for name, option in spec.options.items()}
    goals |= wanted
    values = settings.values()
    return all(_is(name, values.get(name), goal) for name, goal in goals.items())


def _is(name: str, value: object, goal: object) -> bool:
    if name == "seed":
        return value in goal
    return value == goal or (name == "inputs" and goal == "flow" and value in FLOW)


def _chosen(run: Run, rule: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Clip ids and predicted classes of a run by metric, as the rule chooses them; empty where it has none."""
    chosen = chosen_predictions(run.history, run.predictions, rule, run.settings.first_selected)
    return {metric: (rows["clip_id"].to_numpy(), predicted_classes(rows)) for metric, rows in chosen.items()}
