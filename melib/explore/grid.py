"""A live table of a study: a cell per run, which fills in as the runs do."""

from __future__ import annotations

import asyncio
import html
import itertools
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import ipywidgets as widgets
import pandas as pd
import traitlets

from melib.corpus.index import dataset_order, print_name
from melib.explore.table import ClickTable, distinguishing, rows_table, sentence
from melib.learning.metrics import METRICS, scores
from melib.learning.record import read_run
from melib.learning.selection import honest_confusion, select
from melib.learning.settings import RunSettings
from melib.study.plan import table
from melib.study.unit import Unit, read_state

COLOURS = {"planned": "#999999", "running": "#0072B2", "failed": "#D55E00", "damaged": "#CC79A7", "done": "#009E73"}
# In what no two rows may differ.
NO_SETTING = ("run", "notebook", "state", "note", "part", "uar", "held_out", "seed")
NO_VALUE = ("", "nan", "None")
USUAL = 0.7  # the share of a notebook's runs from which on a value is said once, under the table


class GridPanel(widgets.VBox):
    """The units of a study as a heat map: a row per setting, a column per held-out dataset and seed.

    A cell fills up as its run goes on; its colour shows the state, its tooltip epoch, time left or error. A run that is
    done has the colour of its UAR, at the epoch of an honest rule. A click opens the run, or its error, below: `opened`
    is its name. `rows` is the table it shows (`plan.table`, and `uar`), read from disk by `refresh`; `watch` does so
    every `seconds` until all is done.

    >>> GridPanel(read_plan("notebooks/grids/main_job.yaml")).watch()  # doctest: +SKIP
    """

    rows = traitlets.Instance(pd.DataFrame)
    opened = traitlets.Unicode()

    def __init__(self, units: Iterable[Unit]):
        self.units = list(units)
        self._uar = lru_cache(None)(honest_uar)
        self.counts, self.map, self.detail = widgets.HTML(), ClickTable(), widgets.HTML()
        super().__init__([self.counts, self.map, self.detail])
        self.observe(self._draw, "rows")
        self.observe(self._open, "opened")
        traitlets.dlink((self.map, "clicked"), (self, "opened"))
        self.refresh()

    def refresh(self) -> None:
        """Read all states from disk and draw them."""
        rows = table(self.units)
        done = rows["state"] == "done"
        values = [self._uar(unit.folder) if ready else float("nan")
                  for unit, ready in zip(self.units, done, strict=True)]  # fmt: skip
        self.rows = rows.assign(uar=values)

    def watch(self, seconds: float = 2.0) -> GridPanel:
        """Refresh every `seconds` in the notebook's event loop, beside whatever else runs there; returns the panel."""

        async def repeat() -> None:
            while not self.rows["state"].isin(["done", "failed", "damaged"]).all():
                await asyncio.sleep(seconds)
                self.refresh()

        self.task = asyncio.get_event_loop().create_task(repeat())
        return self

    def _draw(self, _=None) -> None:
        counts = self.rows["state"].value_counts()
        rated = self.rows["uar"].notna().any()
        words = [f"<b>{counts.get(state, 0)}</b> {_swatch(state)} {state}" for state in COLOURS]
        whole = self.rows["part"].sum() / max(1, len(self.rows))
        self.counts.value = f"{len(self.rows)} runs, {whole:.0%}: " + " &emsp; ".join(words)
        if rated:
            self.counts.value += (
                "<div>Done: UAR (%) on the held-out clips, the darker the higher. A click opens a run.</div>"
            )
        self.map.html = heat_map(self.rows)

    def _open(self, _=None) -> None:
        """Show what the disk says of the opened unit: metrics under every rule, or the error and where its log is."""
        unit = next((unit for unit in self.units if unit.name == self.opened), None)
        if unit is None:
            self.detail.value = sentence(f"This grid has no unit {self.opened}.") if self.opened else ""
            return
        state = read_state(unit)
        text = f"<b>{html.escape(unit.name)}</b>: {state.state}. {html.escape(state.note)}"
        if state.state == "failed":
            text += f"<div>Its notebook: <code>{html.escape(str(unit.work / 'notebook.ipynb'))}</code></div>"
        if (unit.folder / "predictions.parquet").is_file():
            text += _scores(unit)
        self.detail.value = text


def honest_uar(folder: Path) -> float:
    """UAR of a run at the epoch of an honest rule; NaN for a folder that holds no run, or no whole one."""
    try:
        run = read_run(folder)
        counts = honest_confusion(run.history, run.predictions, run.settings.first_selected)[1]
    except (OSError, ValueError):
        return float("nan")
    return scores(counts)["uar"]


def _scores(unit: Unit) -> str:
    """A run's metrics under every selection rule, as HTML."""
    try:
        run = read_run(unit.folder)
    except (OSError, ValueError) as error:
        return sentence(str(error))
    table = select(run.history, run.predictions, run.settings.first_selected)
    lines = [(row["selection"], *(f"{100 * row[metric]:.1f}" for metric in METRICS)) for _, row in table.iterrows()]
    where = html.escape(str(unit.folder))
    return rows_table(("epoch by", *(f"{name.upper()} (%)" for name in METRICS)), lines) + f"<code>{where}</code>"


def heat_map(rows: pd.DataFrame) -> str:
    """HTML of a table of units (`plan.table`): a cell per unit, filled as far as it is, in its state's colour."""
    rows = rows.assign(held_out=rows.get("held_out", ""), seed=rows.get("seed", 0))
    setting, usual = row_names(rows)
    cells = {key: row for key, row in zip(zip(setting, rows["held_out"], rows["seed"], strict=True),
                                          rows.itertuples(), strict=True)}  # fmt: skip
    datasets, seeds = dataset_order(rows["held_out"]), sorted(set(rows["seed"]))
    columns = list(itertools.product(datasets, seeds))
    lines = [
        "".join(
            f"<th colspan={len(seeds)} style='text-align:center'>{html.escape(print_name(d))}</th>" for d in datasets
        )
    ]
    if len(seeds) > 1:
        lines.append("".join(f"<td style='text-align:center'>seed {seed}</td>" for _, seed in columns))
    lines = [f"<tr><th></th>{line}</tr>" for line in lines]
    for name in dict.fromkeys(setting):
        line = "".join(_cell(cells.get((name, *column))) for column in columns)
        lines.append(
            f"<tr><td style='text-align:left;padding-right:1em;white-space:nowrap'>{html.escape(name)}</td>{line}</tr>"
        )
    said = f"<div>Where nothing else is said: {html.escape(usual)}.</div>" if usual else ""
    return f"<table style='border-spacing:3px;border-collapse:separate'>{''.join(lines)}</table>{said}"


def row_names(rows: pd.DataFrame) -> tuple[pd.Series, str]:
    """In what each row differs from the others of its notebook; and the usual values, which are left out of that."""
    names, usual = pd.Series("all", rows.index), {}
    notebooks = rows["notebook"].value_counts().index
    for notebook in notebooks:
        quiet = [*NO_SETTING, *RunSettings.having(role=("place", "bookkeeping"))]
        settings = rows[rows["notebook"] == notebook].drop(columns=quiet, errors="ignore")
        words = settings.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
        words = words[distinguishing(words)]
        words = words.mask(words.isin(NO_VALUE))
        for name in words:
            shares = words[name].value_counts(normalize=True)
            if shares.iloc[0] >= USUAL:
                usual[name] = shares.index[0]
                words[name] = words[name].where(words[name] != shares.index[0])
        descriptions = [
            ", ".join(f"{name} {value}" for name, value in row.dropna().items()) for _, row in words.iterrows()
        ]
        first = "" if notebook == notebooks[0] else notebook
        names[settings.index] = [" ".join(filter(None, (first, one))) or "all" for one in descriptions]
    return names, ", ".join(f"{name} {value}" for name, value in usual.items())


def _cell(row) -> str:
    if row is None:
        return "<td></td>"
    colour, percent = COLOURS[row.state], 100 if row.state in ("failed", "damaged") else round(100 * row.part)
    fill = f"linear-gradient(90deg, {colour} {percent}%, {colour}33 {percent}%)"
    value = getattr(row, "uar", float("nan"))
    rated = row.state == "done" and value == value
    if rated:  # from chance, pale, to 1, dark
        strength = min(1, max(0, (value - 1 / 3) * 1.5))
        fill = f"rgba(0, 158, 115, {0.15 + 0.85 * strength:.2f})"
        percent = 100 * strength
    sign = {
        "done": f"{100 * value:.0f}" if rated else "✓",
        "failed": "✗",
        "damaged": "!",
        "running": f"{percent} %",
    }.get(row.state, "")
    key = html.escape(row.run, quote=True)
    said = html.escape(f"{row.run}\n{row.state} {row.note}", quote=True)
    style = f"background:{fill};width:5em;height:1.6em;text-align:center;color:{'white' if percent > 50 else 'black'}"
    return f"<td data-key='{key}' title='{said}' style='{style}'>{sign}</td>"


def _swatch(state: str) -> str:
    return f"<span style='display:inline-block;width:1em;height:1em;background:{COLOURS[state]}'></span>"
