"""A browser of runs: two of those on disk side by side."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import ipywidgets as widgets
import pandas as pd
import traitlets
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from melib.corpus.index import dataset_order, print_name
from melib.explore.clip import figure_png
from melib.explore.table import ClickTable, confusion_table, distinguishing, mark, rows_table, sentence
from melib.figures.style import SERIES_COLOURS
from melib.learning.record import Run, read_run
from melib.learning.selection import ORACLES, RULES, pooled_by_epoch
from melib.learning.settings import RunSettings
from melib.study.answers import answers, compared, counts, flipped, run_table

FIRST = ("held_out", "method", "network", "inputs", "seed")  # menus that are always there
SIDES = ("first", "second")
RULE_WORDS = {"last": "last epoch", "source_val": "best on source validation",
              "oracle": "oracle: best accuracy on the held-out clips",
              "oracle_per_metric": "oracle: best UAR on the held-out clips"}  # fmt: skip


class RunBrowser(widgets.VBox):
    """Menus for fold, method, network, inputs, seed and whatever else differs, twice; two runs under one rule compared.

    It opens on the run whose folder has the name `first`, by default the first one, and another of its fold and seed.

    Shown are UAR by epoch, both confusion matrices and their difference, the paired test over subjects, and the clips
    whose class changed. Its state is traits: `first` and `second`, the names of the run folders, `rule`, and `clip_id`,
    the clip that was clicked.

    >>> RunBrowser(folders_in("runs"))  # doctest: +SKIP
    """

    first = traitlets.Unicode()
    second = traitlets.Unicode()
    rule = traitlets.Unicode("last")
    clip_id = traitlets.Unicode()

    def __init__(self, folders: Iterable[str | Path], first: str | None = None):
        self.table = run_table(folders)
        self.message = widgets.HTML()
        self._filling = False
        self._said = ""
        if self.table.empty:
            self.message.value = sentence("There is no finished run to show: notebook 04, or `melib run`, makes them.")
            super().__init__([self.message])
            return
        self.by_name = {folder.name: folder for folder in self.table["folder"]}
        self.read = lru_cache(32)(self._read)
        self.answers = lru_cache(64)(self._answers)
        self.menus = {side: self._build_menus(side) for side in SIDES}
        self.rules = widgets.Dropdown(description="epoch by", options=[(RULE_WORDS[r], r) for r in RULES],
                                      layout=widgets.Layout(width="420px"))  # fmt: skip
        self.curves = widgets.Image()
        self.matrices = [widgets.HTML() for _ in range(3)]
        self.scores, self.flips = widgets.HTML(), ClickTable()
        menus = [widgets.HBox([widgets.HTML(f"<b>{side}</b>", layout=widgets.Layout(width="60px")),
                               *self.menus[side].values()], layout=widgets.Layout(flex_flow="row wrap"))
                 for side in SIDES]  # fmt: skip
        matrices = widgets.HBox(self.matrices, layout=widgets.Layout(flex_flow="row wrap", grid_gap="24px"))
        super().__init__([*menus, self.rules, self.message, self.curves, matrices, self.scores, self.flips])
        traitlets.link((self, "rule"), (self.rules, "value"))
        traitlets.dlink((self.flips, "clicked"), (self, "clip_id"))
        self._start(first)
        self.observe(self._follow, list(SIDES))
        self.observe(self._draw, [*SIDES, "rule"])
        self._draw()

    def _build_menus(self, side: str) -> dict[str, widgets.Dropdown]:
        quiet = ("folder", "synthetic", "data", *RunSettings.having(role=("place", "bookkeeping")))
        words = self.table.drop(columns=list(quiet), errors="ignore").map(_word)
        self.words = words
        menus = {}
        for name in distinguishing(words, FIRST):
            values = words[name].unique()
            values = dataset_order(values) if name == "held_out" else sorted(values)
            options = [(print_name(value) if name == "held_out" else value or "—", value) for value in values]
            menus[name] = widgets.Dropdown(
                description=name, options=options, layout=widgets.Layout(width="auto"),
                style={"description_width": "initial"},
            )  # fmt: skip
            menus[name].observe(lambda change, side=side: self._choose(side, change["owner"].description), "value")
        return menus

    def _start(self, first: str | None) -> None:
        """Open a run and, where there is one, another of the same fold and seed."""
        names = list(self.by_name)
        self.first = first if first in names else names[0]
        words = self.words[["held_out", "seed"]]
        same = (words == words.iloc[names.index(self.first)]).all(axis=1).to_numpy()
        others = [name for name, alike in zip(names, same, strict=True) if alike and name != self.first]
        self.second = others[-1] if others else self.first
        self._follow()

    def _choose(self, side: str, changed: str) -> None:
        """Open the run that a side's menus name; of several menus that do not meet, the nearest to them."""
        if self._filling:
            return
        wanted = {name: menu.value for name, menu in self.menus[side].items()}
        fits = pd.DataFrame({name: self.words[name] == value for name, value in wanted.items()})
        fits = fits[fits[changed]]
        nearest = fits.sum(axis=1).idxmax()
        other = [name for name in wanted if not fits.loc[nearest, name]]
        self._said = "" if not other else (
            f"No finished run has {', '.join(f'{name} {wanted[name]}' for name in wanted)}; the nearest one is shown, "
            f"with another {', '.join(other)}."
        )  # fmt: skip
        name = self.table.loc[nearest, "folder"].name
        if name == getattr(self, side):
            self._follow()
            self._draw()
        self.set_trait(side, name)

    def _follow(self, _=None) -> None:
        """Set the menus to the open runs."""
        self._filling = True
        names = list(self.by_name)
        for side in SIDES:
            name = getattr(self, side)
            if name in names:
                row = self.words.iloc[names.index(name)]
                for field, menu in self.menus[side].items():
                    menu.value = row[field]
        self._filling = False

    def _draw(self, _=None) -> None:
        if self._filling:
            return
        said, self._said = self._said, ""
        try:
            runs, courses = zip(*(self.read(getattr(self, side)) for side in SIDES), strict=True)
            tables = [self.answers(getattr(self, side), self.rule) for side in SIDES]
        except KeyError as error:
            self.message.value = sentence(f"There is no finished run {error} among those of this browser.")
            return
        except (ValueError, OSError) as error:
            self.message.value = sentence(str(error))
            return
        synthetic = any(run.facts["synthetic"] for run in runs)
        self.message.value = mark(synthetic) + sentence(said) + _warning(self.rule)
        self.curves.value = _curves(runs, courses, tables)
        both = [counts(table) for table in tables]
        for view, one, title in zip(self.matrices, both, SIDES, strict=False):
            view.value = confusion_table(one, title)
        self.matrices[2].value = confusion_table(both[1] - both[0], "second less first", signed=True)
        self._show_comparison(tables)

    def _read(self, name: str) -> tuple[Run, pd.Series]:
        """A run, and its UAR on the held-out clips by epoch."""
        run = read_run(self.by_name[name])
        return run, pooled_by_epoch(run.predictions).set_index("epoch")["held_out_uar"]

    def _answers(self, name: str, rule: str) -> pd.DataFrame:
        return answers(self.read(name)[0], rule)

    def _show_comparison(self, tables: list[pd.DataFrame]) -> None:
        try:
            rows = compared(*tables)
        except ValueError as error:
            self.scores.value, self.flips.html = sentence(str(error)), ""
            return
        lines = [(row.metric.upper(), *(f"{value:.1f}" for value in (row.first, row.second)),
                  f"{row.difference:+.1f}", f"{row.p:.3f}") for row in rows.itertuples()]  # fmt: skip
        header = ("", "first (%)", "second (%)", "difference (points)", "p, whole subjects swapped")
        self.scores.value = rows_table(header, lines)
        changed = flipped(*tables)
        tally = ", ".join(f"{count} {name}" for name, count in changed["change"].value_counts(sort=False).items())
        lines = changed[["clip_id", "true", "first", "second", "change"]].to_numpy().tolist()
        table = rows_table(("clip", "true", "first says", "second says", ""), lines, changed["clip_id"].to_list())
        self.flips.html = (
            f"<details><summary>{len(changed)} of {len(tables[0])} clips flipped: {tally}</summary>{table}</details>"
        )


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return "+".join(map(str, value))
    return "" if value is None or value != value else f"{value:g}" if isinstance(value, float) else str(value)


def _warning(rule: str) -> str:
    if rule in ORACLES:
        return sentence("This rule chooses the epoch on the held-out labels: optimistic, and no result.")
    return ""


def _curves(runs: Iterable[Run], courses: Iterable[pd.Series], tables: list[pd.DataFrame]) -> bytes:
    """UAR on the held-out clips and loss by epoch of two runs; dots mark the chosen epochs; PNG."""
    figure = Figure((9, 2.5), dpi=100)
    axes = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.99, top=0.88, bottom=0.2)
    for run, pooled, table, side, colour in zip(runs, courses, tables, SIDES, SERIES_COLOURS, strict=False):
        axes[0].plot(pooled.index, 100 * pooled, "o-" if len(pooled) == 1 else "-", color=colour, label=side)
        epochs = table["epoch"].unique()
        axes[0].plot(epochs, 100 * pooled.reindex(epochs), "o", color=colour)
        name = next((name for name in ("ce", "loss") if name in run.history), None)
        if name:
            axes[1].plot(run.history.groupby("epoch")[name].mean(), color=colour, label=side)
    axes[0].axhline(100 / 3, color="#999999", linewidth=1, linestyle="--")
    axes[0].set(ylim=(0, 100), xlabel="epoch")
    for ax in axes:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_title("UAR on the held-out clips (%), dot: the chosen epoch", fontsize=9)
    axes[1].set(ylim=(0, 1.05 * axes[1].get_ylim()[1]), xlabel="epoch")
    axes[1].set_title("cross-entropy of the training clips", fontsize=9)
    axes[0].legend(fontsize=8, loc="lower right")
    return figure_png(figure)
