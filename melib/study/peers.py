"""Peers' tables: published methods re-run under one protocol, beside the figures that they were printed with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from melib.learning.metrics import METRICS, rates
from melib.learning.registry import METHODS, NETWORKS
from melib.learning.settings import RunSettings
from melib.study.claims import LEVEL, SEEDS
from melib.study.compare import Entry, by_fold, difference, entries, scores, tuned
from melib.study.outcomes import FLOW, POOLS, Outcomes
from melib.study.plan import read_grid
from melib.study.rows import INPUTS, distinct, label, row_of
from melib.study.statistics import holm
from melib.study.table9 import TARGETS, published
from melib.study.tables import floors
from melib.study.tuning import tunes

OF_PAPER = "CNN, BRL"  # the row, on flow, that each peer is compared with


@dataclass(frozen=True)
class PeerTable:
    """One table: its title, the grid that makes it, the protocol of the printed figures beside it, and what it shows.

    `main` is the column that intervals and comparisons are of (mean over datasets, or pooled), `metric` what the figure
    shows.
    """

    title: str
    grid: str
    printed: str
    main: str
    metric: str


PEER_TABLES = {
    "demo": PeerTable("(a) Table 9 anew: one dataset held out, four sources, demo corpus",
                      "notebooks/grids/peers_demo.yaml", "table9", "mean", "uar"),
    "composite": PeerTable("(b) MEGC2019's composite evaluation: one subject held out, counts pooled, 442 real clips",
                           "notebooks/grids/peers_composite.yaml", "cde2019", "pooled", "uf1"),
    "holdout": PeerTable("(c) Holdout evaluation: one dataset held out, two sources, 442 real clips",
                         "notebooks/grids/peers_holdout.yaml", "hde", "mean", "uar"),
    "features": PeerTable("(d) Holdout evaluation on LBP-TOP and HOOF of real clips, as ATNet's authors published them",
                          "notebooks/grids/peers_features.yaml", "hde", "mean", "uar"),
}  # fmt: skip


def measure(outcomes: Outcomes, name: str) -> pd.DataFrame:
    """Tidy rows in percent of every method of a table under every selection rule, with floors and printed figures.

    Columns: table, row, key (of the registry), kind (result, transductive, floor, printed), selection, column, metric,
    value, sd over seeds, seeds, the 95 % interval over subjects from low to high, parameters, seconds and memory (MB)
    of a run, terms and source of printed figures, `drawn` (whether the figure shows the row: no part of it is turned
    off, no row chooses among it and others, and a printed figure is of the same clips and sources), and under `last`
    the `gain` of CNN + BRL over the row with its interval, how many seeds were `compared`, `p_single` of the paired
    test, and what `judged` makes of it.
    """
    table = PEER_TABLES[name]
    single = entries(outcomes)
    names = row_names(name)
    for row in single:
        row.label = names.get(row.settings, row.label)
    choosing = _choosing(outcomes, single)
    rows = [*single, *choosing]
    scored = pd.concat([*(_scores(row, choosing) for row in rows), _floors(outcomes, table)])
    paper = next((row for row in single if label(row.settings) == OF_PAPER and row.settings.inputs in FLOW), None)
    others = [row for row in rows if paper and row is not paper]
    if others:
        gains = pd.concat([difference(paper, row).assign(row=row.label, **_runs(paper, row)) for row in others])
        gains = gains.rename(columns={"p": "p_single"})
        scored = scored.merge(gains, "left", ["row", "selection", "column", "metric"])
    parts = [scored.assign(synthetic=outcomes.synthetic), _printed(table, outcomes.synthetic)]
    rows = pd.concat(parts, ignore_index=True).drop(columns="transductive").assign(table=name)
    return judged(rows)


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one table with `p`, corrected (Holm) over them for one column and metric, and the `verdict`.

    By the rule of the board of claims: holds, does not, undecided. Where nothing was compared, as they are.
    """
    if "p_single" not in rows:
        return rows
    p = rows.groupby(["column", "metric"])["p_single"].transform(lambda p: holm(p.to_numpy()))
    sure = (p <= LEVEL) & (rows["compared"] >= SEEDS)
    signs = [(rows["gain_low"] > 0) & sure, (rows["gain_high"] < 0) & sure]
    verdicts = pd.Series(np.select(signs, ["holds", "does not"], "undecided"), rows.index)
    return rows.assign(p=p, verdict=verdicts.where(rows["gain"].notna()))


def joined(kept: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table with those of `measured` that it lacks, in the order of its grid.

    Rows that choose among others stay: they would choose among fewer.
    """
    name = kept["table"].iloc[0]
    names = list(row_names(name).values())
    new = set(lacking(kept, name).values()) - set(lacking(measured, name).values())
    partial = kept["row"].isin(new) & (kept["kind"] != "printed")
    added = measured["row"].isin(new) & (measured["kind"] == "result")
    rows = pd.concat([kept[~partial], measured[added]])
    place = rows["row"].map({row: i for i, row in enumerate(names)}).where(rows["kind"] != "printed")
    return judged(rows.iloc[place.fillna(len(names)).argsort(kind="stable")].reset_index(drop=True))


def needs_frames() -> list[str]:
    """What the table on the demo corpus holds and no array of the real clips gives: it needs frames."""
    demo, *real = (read_grid(table.grid) for table in PEER_TABLES.values())
    given = {*FLOW, *(settings.inputs for grid in real for settings in grid)}
    left_out = {}
    for settings in demo:
        if settings.inputs not in given:
            left_out[f"{title_of(settings)} on {INPUTS.get(settings.inputs, settings.inputs)}"] = None
    return list(left_out)


def title_of(settings: RunSettings) -> str:
    """What a method is called whatever its settings: its network's title, or its estimator's."""
    return METHODS[settings.method].title if settings.is_estimator else NETWORKS[settings.network].title


def row_names(name: str) -> dict[RunSettings, str]:
    """The rows that the grid of a table plans, and what they are called: a network that has one row by its title."""
    planned = read_grid(PEER_TABLES[name].grid)
    several = len({settings.inputs for settings in planned}) > 1
    rows = list(dict.fromkeys(row_of(settings) for settings in planned if not tunes(settings)))
    counts = Counter(row.network for row in rows if not row.is_estimator)
    names = {
        row: title_of(row) if not row.is_estimator and counts[row.network] == 1 else label(row, several) for row in rows
    }
    return distinct(names)


def lacking(rows: pd.DataFrame, name: str) -> dict[RunSettings, str]:
    """The rows that a table plans and that `rows` of `measure` do not hold, or not whole, with their names."""
    main = PEER_TABLES[name].main
    own = rows[(rows["kind"] != "printed") & (rows["selection"] == "last")]
    whole = set(own.loc[own["column"] == main, "row"])
    return {row: text for row, text in row_names(name).items() if text not in whole}


def _choosing(outcomes: Outcomes, single: list[Entry]) -> list[Entry]:
    """For each transductive method of several settings, the one that the sources choose; by `oracle`, the one of best
    accuracy on each held-out dataset."""
    methods: dict[str, list[Entry]] = {}
    for row in single:
        if METHODS[row.settings.method].uses_target:
            methods.setdefault(row.settings.method, []).append(row)
    rows = []
    for name, group in methods.items():
        for row in tuned(group, "settings"):
            best = {held_out: max(group, key=lambda one, held_out=held_out: _hits(one, held_out))
                    for held_out in outcomes.datasets}  # fmt: skip
            predictions = {**row.predictions, "oracle": by_fold(outcomes, best)}
            rows.append(replace(row, label=f"{METHODS[name].title}, {row.label}", predictions=predictions))
    return rows


def _hits(row: Entry, held_out: str) -> int:
    """How many clips of a held-out dataset a row classifies rightly after the last epoch."""
    here = (row.outcomes.clips["dataset"] == held_out).to_numpy()
    true = row.outcomes.clips["true"].to_numpy()[here]
    return int((row.predicted("last")["uar"][0, here] == true).sum())


def _scores(row: Entry, choosing: list[Entry]) -> pd.DataFrame:
    """The rows of one method; an estimator has no epochs to choose among."""
    made = row in choosing
    cells = scores(row).assign(**_facts(row))
    part_off = any(value is False for _, value in row.settings.options)
    chosen_from = not made and any(row.settings.method == other.settings.method for other in choosing)
    cells = cells.assign(drawn=not part_off and not chosen_from)
    if made:
        return cells.assign(seconds=np.nan)  # of many runs
    return cells[cells["selection"] == "last"] if row.settings.is_estimator else cells


def _facts(row: Entry) -> dict[str, object]:
    """What all cells of a row share: its name in the registry, its kind, and the most memory of its runs."""
    settings = row.settings
    memory = [run.facts["memory"] for runs in row.seeds.values() for run in runs if "memory" in run.facts]
    if not settings.is_estimator:
        key = settings.network
    else:
        key = settings.method if settings.spec.uses_target or settings.inputs in FLOW else settings.inputs
    kind = "transductive" if METHODS[settings.method].uses_target else "result"
    return {"key": key, "kind": kind, "memory": max(memory, default=np.nan)}


def _floors(outcomes: Outcomes, table: PeerTable) -> pd.DataFrame:
    """What needs no training; class shares of the sources are known where whole datasets are held out."""
    columns = outcomes.columns
    cells = []
    for name, counts in floors(outcomes.clips, table.main == "mean" and outcomes.complete).items():
        values = 100 * np.concatenate([rates(counts), rates(counts).mean(0)[None], rates(counts.sum(0))[None]])
        cells += [
            {"row": name, "kind": "floor", "selection": "no training", "column": columns[c], "metric": METRICS[m],
             "value": values[c, m], "seeds": 0}
            for c, m in np.ndindex(values.shape)
        ]  # fmt: skip
    return pd.DataFrame(cells).assign(drawn=True)


def _printed(table: PeerTable, synthetic: bool) -> pd.DataFrame:
    """The printed figures of a table, tidy, with their mean over the three datasets where all are printed.

    Those beside synthetic results, and the paper's of four sources beside results of two, are not drawn.
    """
    wide = published(table.printed).rename(columns={"method": "row"}).assign(kind="printed", synthetic=False)
    wide["drawn"] = (wide["key"] != "paper") & (not synthetic)
    wide["mean"] = wide[list(TARGETS)].mean(axis=1, skipna=False)
    names = [name for name in wide.columns if name not in (*TARGETS, *POOLS)]
    return wide.melt(names, var_name="column", value_name="value").dropna(subset=["value"])


def _runs(paper: Entry, row: Entry) -> dict[str, int]:
    """How many seeds a comparison rests on: those of networks, since estimators have none."""
    counts = [len(one.seeds) for one in (paper, row) if not one.settings.is_estimator]
    return {"compared": min(counts)}
