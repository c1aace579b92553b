"""A browser of errors: a confusion matrix whose cells open the clips behind them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pandas as pd
import traitlets
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from melib.corpus.index import CLASSES
from melib.explore.clip import ClipPictures, blinking, figure_png, png
from melib.explore.runs import RULE_WORDS
from melib.explore.table import ClickTable, confusion_table, mark, rows_table, sentence
from melib.figures.style import CLASS_COLOURS
from melib.learning.record import read_run
from melib.learning.selection import RULES
from melib.learning.settings import RunSettings
from melib.prepare.samples import Samples, is_samples_folder
from melib.study.answers import answers, counts, course, run_table

SHOWN = 12  # clips of a cell, the surest first
TIMES = 8  # how much the motion of the apex is magnified


log = logging.getLogger(__name__)


class ErrorBrowser(widgets.VBox):
    """A run's confusion matrix; a cell opens its clips, the surest first; a clip its pictures and what runs say of it.

    Args:
        folders: run folders; those unfinished are left out.
        samples: the clips' arrays; without them, or with those of another corpus, there are no pictures.
        root: the data root of the clips' frames.

    Its state is traits: `run` (the name of the folder), `rule`, `cell` ("true|predicted") and `clip_id`.

    >>> ErrorBrowser(folders_in("runs"), samples, root)  # doctest: +SKIP
    """

    run = traitlets.Unicode()
    rule = traitlets.Unicode("last")
    cell = traitlets.Unicode()
    clip_id = traitlets.Unicode()

    def __init__(self, folders: Iterable[str | Path], samples: Samples | None = None, root: str | Path | None = None):
        self.samples, self.root = samples, root
        self.table = run_table(folders)
        self.message = widgets.HTML()
        if self.table.empty:
            self.message.value = sentence("There is no finished run to show: notebook 04, or `melib run`, makes them.")
            super().__init__([self.message])
            return
        self.by_name = {folder.name: folder for folder in self.table["folder"]}
        self.read = lru_cache(32)(lambda name: read_run(self.by_name[name]))
        self._answers = lru_cache(64)(lambda name, rule: answers(self.read(name), rule))
        self._build()
        traitlets.link((self, "run"), (self.run_menu, "value"))
        traitlets.link((self, "rule"), (self.rule_menu, "value"))
        self.observe(self._draw_matrix, ["run", "rule"])
        self.observe(self._draw_list, "cell")
        self.observe(self._draw_clip, "clip_id")
        self.matrix.observe(lambda change: self.set_trait("cell", change["new"]), "clicked")
        self.clips.observe(lambda change: self.set_trait("clip_id", change["new"]), "clicked")
        self._draw_matrix()

    def _build(self) -> None:
        self.run_menu = widgets.Dropdown(description="run", options=list(self.by_name),
                                         layout=widgets.Layout(width="520px"))  # fmt: skip
        self.rule_menu = widgets.Dropdown(description="epoch by", options=[(RULE_WORDS[rule], rule) for rule in RULES],
                                          layout=widgets.Layout(width="420px"))  # fmt: skip
        self.run = self.run_menu.value
        self.matrix, self.clips = ClickTable(), ClickTable()
        self.face, self.flow, self.plot = widgets.Image(), widgets.Image(), widgets.Image()
        self.heading, self.others = widgets.HTML(), widgets.HTML()
        pictures = widgets.HBox([self.face, self.flow, self.plot], layout=widgets.Layout(flex_flow="row wrap"))
        top = widgets.HBox([self.matrix, self.clips], layout=widgets.Layout(flex_flow="row wrap", grid_gap="24px"))
        menus = widgets.HBox([self.run_menu, self.rule_menu], layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__([menus, self.message, top, self.heading, pictures, self.others])

    def _draw_matrix(self, _=None) -> None:
        """Show the run's confusions, and open the most frequent one."""
        try:
            run = self.read(self.run)
            self.rows = self._answers(self.run, self.rule)
        except KeyError:
            self.message.value = sentence(f"There is no finished run {self.run!r} among those of this browser.")
            return
        except (ValueError, OSError) as error:
            self.message.value = sentence(str(error))
            return
        self.message.value = mark(run.facts["synthetic"])
        self.counts = counts(self.rows)
        wrong = self.counts - np.diag(np.diag(self.counts))
        true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
        cell = f"{CLASSES[true]}|{CLASSES[predicted]}"
        if cell == self.cell:
            self._draw_list()
        self.cell = cell

    def _draw_list(self, _=None) -> None:
        """List the clips of the open cell, the surest first, and open the first."""
        true, predicted = self.cell.split("|")
        self.matrix.html = confusion_table(self.counts, "Click a cell to open its clips", (true, predicted))
        rows = self.rows[(self.rows["true"] == true) & (self.rows["predicted"] == predicted)]
        if rows.empty:
            self.clips.html = sentence(f"No clip of class {true} is called {predicted}.")
            return
        lines = [(row.clip_id, f"{row.sure:.2f}", f"{getattr(row, true):.2f}") for row in rows[:SHOWN].itertuples()]
        table = rows_table(
            ("clip", f"p({predicted}), said", f"p({true}), true"), lines, rows["clip_id"][:SHOWN].to_list()
        )
        kind = "right" if true == predicted else "mistakes"
        more = f", the surest {SHOWN} of" if len(rows) > SHOWN else ""
        self.clips.html = f"<b>{true} called {predicted}</b>: {kind}{more} {len(rows)}, surest first{table}"
        if self.clip_id == rows["clip_id"].iloc[0]:
            self._draw_clip()
        self.clip_id = rows["clip_id"].iloc[0]

    def _draw_clip(self, _=None) -> None:
        rows = self.rows[self.rows["clip_id"] == self.clip_id]
        if rows.empty:
            self.heading.value = sentence(f"{self.clip_id} is not held out by this run; click a clip of the list.")
            return
        row = rows.iloc[0]
        self.heading.value = (
            f"<b>{self.clip_id}</b>: true {row['true']}, said {row['predicted']} with p = {row['sure']:.2f} at epoch "
            f"{row['epoch']}. {self._draw_pictures()}"
        )
        self.plot.value = _course(course(self.read(self.run), self.clip_id), int(row["epoch"]))
        self.others.value = self._others()

    def _draw_pictures(self) -> str:
        """Draw face and flow; return what the pictures are, or why there are none."""
        self.face.value = self.flow.value = b""
        if self.samples is None:
            return "No samples were given: no pictures."
        place = np.flatnonzero(self.samples.index["clip_id"] == self.clip_id)
        if not len(place):
            return sentence("These samples hold no clip of that name: the run is of another corpus. No pictures.")
        pictures = ClipPictures(self.samples, place[0], self.root)
        flow = pictures.flow()
        self.flow.value = png(flow[0]) if flow else b""
        if not pictures.numbers:
            return sentence(pictures.note)
        self.face.value = blinking(pictures.crop(pictures.numbers[0]), pictures.face(pictures.apex, TIMES))
        return f"Onset and apex in turn, motion × {TIMES}; flow by direction."

    def _others(self) -> str:
        """What the other runs say of the clip, under the same rule."""
        lines = []
        for name in self.by_name:
            try:
                rows = self._answers(name, self.rule)
            except (ValueError, OSError):
                continue
            rows = rows[rows["clip_id"] == self.clip_id]
            if name != self.run and len(rows):
                row = rows.iloc[0]
                sign = "right" if row["predicted"] == row["true"] else "wrong"
                lines.append((name, row["predicted"], f"{row['sure']:.2f}", f"{row[row['true']]:.2f}", sign))
        if not lines:
            return "No other finished run holds this clip out."
        return rows_table(("other runs that never saw this clip", "say", "p", "p of the true class", ""), lines)


def _course(table: pd.DataFrame, epoch: int) -> bytes:
    """The probability of each class over the epochs; a line at the chosen one; PNG."""
    figure = Figure((4.4, 2.24), dpi=100)
    ax = figure.subplots()
    figure.subplots_adjust(left=0.12, right=0.98, top=0.88, bottom=0.2)
    for label in CLASSES:
        ax.plot(table.index, table[label], "o-" if len(table) == 1 else "-", color=CLASS_COLOURS[label], label=label)
    ax.axvline(epoch, color="#D55E00", linewidth=1)
    ax.set(ylim=(0, 1.2), yticks=(0, 0.5, 1), xlabel="epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_title("probability of each class by epoch", fontsize=9)
    ax.legend(fontsize=7, loc="upper center", ncols=3)  # above any probability
    return figure_png(figure)


def with_pictures(settings: RunSettings) -> tuple[Samples | None, Path | None]:
    """Samples with the pictures of a run's corpus, and the data root of their frames: what `ErrorBrowser` takes.

    Either is None, which the log says, where the corpus is not at hand or holds arrays alone.
    """
    from melib.bars import stage_bars
    from melib.learning.data import open_samples
    from melib.prepare.data import find_corpus

    try:
        root = find_corpus(settings.corpus)
        if is_samples_folder(root):
            return open_samples(settings).samples, None
        return open_samples(settings, stage_bars(), ("onset", "apex", "flow")).samples, root
    except (ValueError, OSError) as error:
        log.info("No pictures: %s", error)
        return None, None
