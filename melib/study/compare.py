"""Every setting that grids have run, side by side: scores with intervals, and the gain over each one's control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES
from melib.learning.metrics import METRICS
from melib.learning.record import Run
from melib.learning.registry import METHODS
from melib.learning.selection import RULES
from melib.learning.settings import RunSettings
from melib.study.answers import probabilities
from melib.study.outcomes import Outcomes
from melib.study.rows import by_seed, control_of, distinct, label, row_of
from melib.study.statistics import flip_test, holm, interval, over_seeds
from melib.study.tuning import is_inner, source_scores, tune


@dataclass(eq=False)
class Entry:
    """A row: one setting, or what is made of several, and the classes it gives the held-out clips.

    `seeds` are its finished runs by seed. Predictions come from them by a rule, unless `predictions` are given: (seeds,
    N) classes by rule, with -1 where there is none.
    """

    label: str
    settings: RunSettings
    seeds: dict[int, list[Run]]
    outcomes: Outcomes
    predictions: Mapping[str, np.ndarray] | None = None

    def predicted(self, rule: str) -> dict[str, np.ndarray]:
        """The classes (seeds, N) by metric; no seed where the row has nothing under this rule."""
        if self.predictions is None:
            return self.outcomes.classes(self.seeds, rule)
        return dict.fromkeys(METRICS, self.predictions.get(rule, np.empty((0, len(self.outcomes.clips)), int)))

    @cached_property
    def seed_values(self) -> dict[str, np.ndarray]:
        """Every metric of every resample by rule, (1 + draws + S, seeds, G + 2, 3)."""
        return {rule: self.outcomes.values(self.predicted(rule), self.outcomes.weights) for rule in RULES}


def compare(outcomes: Outcomes) -> pd.DataFrame:
    """Tidy rows in percent: row, selection, column, metric, value, sd, seeds, low, high, and what the row costs.

    `sd` is over seeds (ddof 1); `low` and `high` bound the 95 % interval over subjects (BCa), seeds averaged. Under the
    honest rule `last` a row also has `control`, the `gain` over it on the same seeds with its interval, and `p` of the
    paired test, corrected (Holm) over all rows for one metric and column; and where the same was run on placebo groups,
    what it has more than that, `less_shuffled` with its interval. `transductive` rows saw the held-out clips'
    inputs. Ensembles average the probabilities of a row's seeds; `tuned` rows choose a setting on the sources alone.
    ValueError where all runs serve tuning.
    """
    single = entries(outcomes)
    if not single:
        raise ValueError("All these runs leave a dataset out and name `sources`: they serve tuning alone, and have no "
                         "row. Leave `sources` out, or use protocol hde.")  # fmt: skip
    estimators = [row for row in single if row.settings.is_estimator]
    networks = [row for row in single if not row.settings.is_estimator]
    made = [*ensembles(single), *tuned(networks, "networks"), *tuned(estimators, "estimators")]
    rows = pd.concat([scores(entry) for entry in [*single, *made]], ignore_index=True)
    gains = pd.concat([_gains(entry, single) for entry in single], ignore_index=True)
    shuffled = pd.concat([_less_shuffled(entry, single) for entry in single], ignore_index=True)
    for more in (gains, shuffled):
        rows = rows.merge(more, "left", ["row", "selection", "column", "metric"])
    rows["p"] = rows.groupby(["selection", "column", "metric"])["p"].transform(lambda p: holm(p.to_numpy()))
    return rows.assign(synthetic=outcomes.synthetic)


def entries(outcomes: Outcomes) -> list[Entry]:
    """A row for each setting that holds out what is asked, in the order of the runs."""
    grouped: dict[RunSettings, list[Run]] = {}
    for run in outcomes.runs:
        if not is_inner(run):
            grouped.setdefault(row_of(run.settings), []).append(run)
    rows = [Entry("", setting, by_seed(runs), outcomes) for setting, runs in grouped.items()]
    several = len({row.settings.inputs for row in rows}) > 1
    names = distinct({row.settings: label(row.settings, several) for row in rows})
    for row in rows:
        row.label = names[row.settings]
    return rows


def ensembles(rows: Iterable[Entry]) -> list[Entry]:
    """A row for each network with several complete seeds: the class of highest mean probability over the seeds."""
    made = []
    for row in rows:
        runs = row.seeds
        if row.settings.is_estimator or len(runs) < 2 or not _complete(row):
            continue
        total = sum(_probabilities(row.outcomes, runs[seed]) for seed in runs)
        classes = total.argmax(1)[None]
        name = f"{row.label}, ensemble of {len(runs)} seeds"
        made.append(replace(row, label=name, predictions={"last": classes}))
    return made


def tuned(rows: list[Entry], kind: str) -> list[Entry]:
    """A row that takes each fold's predictions from the one of `rows` that its sources chose; none where runs lack."""
    by_setting = {row.settings: row for row in rows}
    chosen = tune(rows[0].outcomes, by_setting) if rows else {}
    if not chosen:
        return []
    first = by_setting[next(iter(chosen.values()))]
    classes = by_fold(first.outcomes, {held_out: by_setting[setting] for held_out, setting in chosen.items()})
    count = max(map(len, source_scores(first.outcomes, by_setting).values()))
    return [replace(first, label=f"tuned on the sources over {count} {kind}", predictions={"last": classes})]


def by_fold(outcomes: Outcomes, chosen: Mapping[str, Entry]) -> np.ndarray:
    """The classes (seeds, N) after the last epoch, each held-out dataset's by the row that was chosen for it."""
    parts = {held_out: row.predicted("last")["uar"] for held_out, row in chosen.items()}
    seeds = min(map(len, parts.values()))
    classes = np.full((seeds, len(outcomes.clips)), -1)
    for held_out, part in parts.items():
        here = (outcomes.clips["dataset"] == held_out).to_numpy()
        classes[:, here] = part[:seeds, here]
    return classes


def _complete(row: Entry) -> bool:
    return bool((row.predicted("last")["uar"] >= 0).all())


def _probabilities(outcomes: Outcomes, runs: list[Run]) -> np.ndarray:
    """Probabilities (N, 3) of the held-out clips after the last epoch, of the runs of one seed."""
    place = pd.Series(np.arange(len(outcomes.clips)), index=outcomes.clips["clip_id"])
    table = np.full((len(place), len(CLASSES)), np.nan)
    for run in runs:
        rows = run.predictions[run.predictions["split"] == "held_out"]
        rows = rows[rows["epoch"] == rows["epoch"].max()]
        table[place[rows["clip_id"]]] = probabilities(rows)
    return table


def scores(entry: Entry) -> pd.DataFrame:
    """The tidy rows of one entry, without gains."""
    columns = entry.outcomes.columns
    spec = METHODS[entry.settings.method]
    runs = [run for runs in entry.seeds.values() for run in runs]
    facts = {
        "row": entry.label,
        "transductive": spec.uses_target,
        "parameters": runs[0].facts["parameters"],
        "seconds": float(np.mean([run.facts["seconds"] for run in runs])),
    }
    cells = []
    for rule, values in entry.seed_values.items():
        if not values.shape[1]:
            continue
        low, high = interval(over_seeds(values))
        seeds = values[0]
        for c, m in np.ndindex(seeds.shape[1:]):
            present = seeds[:, c, m][~np.isnan(seeds[:, c, m])]
            if len(present):
                cells.append({
                    **facts, "selection": rule, "column": columns[c], "metric": METRICS[m], "seeds": len(present),
                    "value": 100 * present.mean(), "sd": 100 * present.std(ddof=1) if len(present) > 1 else np.nan,
                    "low": 100 * low[c, m], "high": 100 * high[c, m],
                })  # fmt: skip
    return pd.DataFrame(cells)


def difference(first: Entry, second: Entry) -> pd.DataFrame:
    """How far a row lies above another under `last`, in points.

    Columns selection, column, metric, gain, gain_low, gain_high, p. Over the seeds that both have; an estimator has
    none, and its one result stands beside every seed of a network. The interval is over subjects (BCa), p of the paired
    test. No rows where there is nothing to compare.
    """
    shared = sorted(set(first.seeds) & set(second.seeds))
    places = [[list(row.seeds).index(seed) for seed in shared] for row in (first, second)]
    if second.settings.is_estimator and not first.settings.is_estimator:
        places = list(range(len(first.seeds))), [0] * len(first.seeds)
    if not places[0]:
        return pd.DataFrame(columns=["selection", "column", "metric", "gain", "gain_low", "gain_high", "p"])
    pairs = list(zip((first, second), places, strict=True))
    ours, theirs = (row.seed_values["last"][:, seeds] for row, seeds in pairs)
    gain = over_seeds(ours) - over_seeds(theirs)
    low, high = interval(gain)
    our_classes, their_classes = (row.predicted("last")["uar"][seeds] for row, seeds in pairs)
    p = flip_test(our_classes, their_classes, first.outcomes.clips)
    columns = first.outcomes.columns
    cells = [
        {"selection": "last", "column": columns[c], "metric": METRICS[m], "gain": 100 * gain[0, c, m],
         "gain_low": 100 * low[c, m], "gain_high": 100 * high[c, m], "p": p[c, m]}
        for c, m in np.ndindex(gain.shape[1:])
    ]  # fmt: skip
    return pd.DataFrame(cells)


def _gains(entry: Entry, rows: list[Entry]) -> pd.DataFrame:
    """The gain of a row over its control, where that was run."""
    wanted = control_of(entry.settings)
    control = next((row for row in rows if row.settings == wanted), None)
    if control is None:
        return pd.DataFrame(columns=["row", "selection", "column", "metric", "control", "gain", "gain_low",
                                     "gain_high", "p"])  # fmt: skip
    return difference(entry, control).assign(row=entry.label, control=control.label)


def _less_shuffled(entry: Entry, rows: list[Entry]) -> pd.DataFrame:
    """How far a row lies above the same on placebo groups, dataset labels drawn at random, where that was run."""
    wanted = replace(entry.settings, groups="placebo")
    twin = next((row for row in rows if row.settings == wanted and row is not entry), None)
    names = {"gain": "less_shuffled", "gain_low": "less_shuffled_low", "gain_high": "less_shuffled_high"}
    if twin is None:
        return pd.DataFrame(columns=["row", "selection", "column", "metric", *names.values()])
    return difference(entry, twin).drop(columns="p").rename(columns=names).assign(row=entry.label)


def mean_uar(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `compare` in mean UAR over the held-out datasets, after the last epoch."""
    return rows[(rows["selection"] == "last") & (rows["metric"] == "uar") & (rows["column"] == "mean")]
