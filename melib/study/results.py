"""Result rows and tables, made from run folders alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from melib.corpus.index import dataset_order, print_name
from melib.learning.metrics import METRICS
from melib.learning.record import read_run
from melib.learning.selection import ORACLES, RULES, select
from melib.learning.settings import RunSettings
from melib.study.compare import compare
from melib.study.outcomes import corpus_of, read_outcomes
from melib.study.report import markdown
from melib.study.tables import printed


def collect(folders: Iterable[str | Path]) -> pd.DataFrame:
    """Result rows of finished runs: settings, run, synthetic, clips skipped, selection, Acc, UAR and UF1 in [0, 1].

    One row per run and selection rule; the rules are applied here, to the records, and nowhere earlier. Options that a
    run's method does not have are missing in its row.
    """
    parts = []
    for folder in folders:
        run = read_run(folder)
        rows = select(run.history, run.predictions, run.settings.first_selected)
        facts = {
            **run.settings.values(),
            "run": run.folder.name,
            **{name: run.facts[name] for name in ("synthetic", "skipped")},
        }
        parts.append(pd.concat([pd.DataFrame([facts] * len(rows)), rows], axis=1))
    if not parts:
        raise ValueError(
            "No finished run to collect. `melib run GRID` makes them; `melib status GRID` shows where it is."
        )
    return pd.concat(parts, ignore_index=True)


def side_by_side(folders: Iterable[str | Path]) -> pd.DataFrame:
    """`compare` of finished runs, with the column `corpus`: each corpus' settings stand beside one another."""
    by_corpus: dict[str, list[Path]] = {}
    for folder in map(Path, folders):
        by_corpus.setdefault(corpus_of(read_run(folder)), []).append(folder)
    tables = [compare(read_outcomes(runs, alike=False)).assign(corpus=corpus) for corpus, runs in by_corpus.items()]
    return pd.concat(tables, ignore_index=True)


def varied(rows: pd.DataFrame) -> list[str]:
    """The settings in which the rows differ, other than what is held out: what a table has to show.

    An option counts among the rows whose method has it.
    """
    quiet = {"held_out", *RunSettings.having(role=("place", "bookkeeping"))}
    names = [*RunSettings.names(), *RunSettings.foreign_options()]
    return [name for name in names if name in rows and name not in quiet and rows[name].dropna().map(str).nunique() > 1]


def results_table(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One metric in percent: a row per setting and selection rule, a column per held-out dataset, and their mean.

    Seeds are averaged. The mean over datasets is missing where one of the columns is.
    """
    table = 100 * _by_held_out(rows, metric, "mean")
    table["mean"] = table.mean(axis=1, skipna=False)
    return table


def seed_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """How many seeds each cell of `results_table` rests on; its mean on the least of its row."""
    counts = _by_held_out(rows, "seed", "nunique").fillna(0).astype(int)
    counts["mean"] = counts.min(axis=1)
    return counts


def _by_held_out(rows: pd.DataFrame, column: str, how: str) -> pd.DataFrame:
    keys = [name for name in varied(rows) if name != "seed"]
    present = dataset_order(rows["held_out"])
    shown = rows.assign(**{name: rows[name].map(_word) for name in keys})
    table = shown.pivot_table(values=column, index=[*keys, "selection"], columns="held_out", aggfunc=how)
    order = sorted(table.index, key=lambda key: (list(RULES).index(key[-1]), key) if keys else list(RULES).index(key))
    return table.reindex(columns=present).loc[order].rename(columns=print_name).rename_axis(columns=None)


def _word(value: object) -> str:
    """A setting's value in a table; empty where the method does not have the option."""
    if isinstance(value, tuple):
        return "+".join(value)
    if pd.isna(value):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def to_markdown(rows: pd.DataFrame, title: str) -> str:
    """The three metrics as Markdown tables; says what is synthetic and which rules look at the held-out labels."""
    lines = [f"# {title}", ""]
    if rows["synthetic"].any():
        lines += [
            "Made on the **synthetic demo corpus**: the numbers show that the chain runs, nothing about faces.",
            "",
        ]
    if rows["skipped"].any():
        lines += [f"Preparation left out {rows['skipped'].max()} clips: `melib prepare` lists them with reasons.", ""]
    lines += [
        "Percent, by held-out dataset. `last` and `source_val` are results; "
        f"{' and '.join(f'`{name}`' for name in ORACLES)} choose the epoch on the held-out labels: optimistic, and no "
        "results. "
        "Intervals, floors and the controls that BRL is read beside: `melib tables`.",
        "",
    ]
    seeds = seed_counts(rows)
    most = seeds.max(axis=None)
    fewer = seeds.lt(most) & seeds.gt(0)
    if fewer.any(axis=None):
        lines += [f"\\* of fewer seeds than the {most} of other cells: their difference is less certain.", ""]
    for metric in METRICS:
        text = results_table(rows, metric).map("{:.1f}".format) + fewer.replace({True: "\\*", False: ""})
        lines += [f"## {printed(metric)}", "", markdown(text.reset_index())]
        lines.append("")
    return "\n".join(lines)
