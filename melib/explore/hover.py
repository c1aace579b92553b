"""A map of clips to hover over: the clip's picture and facts beside it; a lasso selects clips for a browser."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import traitlets

from melib.corpus.index import print_name
from melib.explore.clip import ClipPictures, enlarged, png
from melib.explore.table import mark, rows_table, sentence
from melib.figures.style import CLASS_COLOURS, SYNTHETIC, dataset_colours
from melib.imports import without_grammar
from melib.prepare.describe import MEASURES
from melib.prepare.samples import Samples

WORDS = {**MEASURES, "clip_id": "clip", "label": "class", "fps": "frames per second"}
PLACE = ("x", "y", "panel")  # what is no fact of a clip
PICTURES = ("apex", "flow_image", "onset", "frames")  # the first of these that the samples hold is the thumbnail
SIDE = 160  # px
PLOTLY_MARKERS = {"positive": "circle", "negative": "square", "surprise": "diamond"}
HINT = (
    "<small>Circles: positive, squares: negative, diamonds: surprise. Hover over one, or draw around several.</small>"
)


class HoverMap(widgets.VBox):
    """Clips as points (x, y), coloured by dataset or class; hovering shows a clip, a lasso or box selects several.

    Args:
        table: a row per point: clip_id, dataset, label, x and y; `panel`, if it is there, names the map it belongs to
            and becomes a menu. Its other columns are shown as facts.
        samples: the clips' arrays, for their pictures.
        synthetic: whether the clips are of a demo corpus, which the map then says.

    Its state is traits: `panel`, `colour`, `hovered` (a clip_id) and `selected` (clip_ids), which can be linked to
    `ClipBrowser.pool`; `picture` is the hovered clip's thumbnail as PNG.

    >>> HoverMap(maps, samples)  # doctest: +SKIP
    """

    panel = traitlets.Unicode()
    colour = traitlets.Enum(("dataset", "label"), "dataset")
    hovered = traitlets.Unicode()
    selected = traitlets.List(traitlets.Unicode())
    picture = traitlets.Bytes()

    def __init__(self, table: pd.DataFrame, samples: Samples | None = None, synthetic: bool = False):
        self.table = table if "panel" in table else table.assign(panel="map")
        self.samples, self.synthetic = samples, synthetic
        self._rows = {} if samples is None else dict(zip(samples.index["clip_id"], range(len(samples)), strict=True))
        panels = list(self.table["panel"].unique())
        self.menu = widgets.Dropdown(description="map", options=panels, layout=widgets.Layout(width="420px"))
        self.colours = widgets.ToggleButtons(options=[("by dataset", "dataset"), ("by class", "label")],
                                             style={"button_width": "90px"})  # fmt: skip
        self.image, self.facts, self.message = widgets.Image(), widgets.HTML(), widgets.HTML(mark(synthetic))
        self.panel = panels[0] if panels else ""
        several = self.table.loc[self.table["panel"] == self.panel, "dataset"].nunique() > 1
        self.colour = "dataset" if several else "label"
        with without_grammar():
            self.figure = go.FigureWidget(data=self._traces(), layout=_layout(synthetic))
        self._listen()
        side = widgets.VBox([self.image, self.facts, self.message], layout=widgets.Layout(width="280px"))
        menus, pictures = widgets.HBox([self.menu, self.colours]), widgets.HBox([self.figure, side])
        super().__init__([menus, pictures, widgets.HTML(HINT)])
        traitlets.link((self, "panel"), (self.menu, "value"))
        traitlets.link((self, "colour"), (self.colours, "value"))
        traitlets.dlink((self, "picture"), (self.image, "value"))
        self.observe(self._draw, ["panel", "colour"])
        self.observe(self._show, "hovered")
        self.observe(self._say_selected, "selected")
        self.hovered = str(next(iter(self.table["clip_id"]), ""))

    def _draw(self, _=None) -> None:
        """Draw the points of the chosen map."""
        with self.figure.batch_update():
            self.figure.data = []
            self.figure.add_traces(self._traces())
        self._listen()

    def _traces(self) -> list[go.Scatter]:
        """The chosen map, a trace a group, so that the legend switches groups off."""
        rows = self.table[self.table["panel"] == self.panel]
        groups = dataset_colours(rows["dataset"]) if self.colour == "dataset" else CLASS_COLOURS
        parts = {name: rows[rows[self.colour] == name] for name in groups}
        return [self._trace(own, name, groups[name]) for name, own in parts.items() if len(own)]

    def _trace(self, rows: pd.DataFrame, name: str, colour: str) -> go.Scatter:
        text = rows["clip_id"].astype(str) + "<br>" + rows["label"].fillna("no class").astype(str)
        symbols = rows["label"].map(PLOTLY_MARKERS).fillna("x").to_list()
        return go.Scatter(
            x=rows["x"].to_list(),
            y=rows["y"].to_list(),
            mode="markers",
            name=print_name(name) if self.colour == "dataset" else name,
            text=text.to_list(),
            customdata=rows["clip_id"].astype(str).to_list(),
            hovertemplate="%{text}<extra></extra>",
            marker={"color": colour, "size": 7, "symbol": symbols, "line": {"width": 0.5, "color": "white"}},
        )

    def _listen(self) -> None:
        for trace in self.figure.data:
            trace.on_hover(self._hover)
            trace.on_selection(self._select)

    def _hover(self, trace: go.Scatter, points, _state) -> None:
        if points.point_inds:
            self.hovered = trace.customdata[points.point_inds[0]]

    def _select(self, trace: go.Scatter, points, _state) -> None:
        """Take a trace's part of a selection; plotly asks trace by trace."""
        own = set(map(str, trace.customdata))
        kept = [clip_id for clip_id in self.selected if clip_id not in own]
        self.selected = kept + [str(trace.customdata[place]) for place in points.point_inds]

    def _say_selected(self, _=None) -> None:
        count = len(self.selected)
        self.message.value = mark(self.synthetic) + (f"<div><b>{count} clips selected.</b></div>" if count else "")

    def _show(self, _=None) -> None:
        rows = self.table[self.table["clip_id"] == self.hovered]
        if rows.empty:
            self.facts.value = sentence(f"This map holds no clip {self.hovered}.")
            return
        row = rows.iloc[0]
        facts = [(WORDS.get(name, name), _word(row[name])) for name in rows
                 if name not in PLACE and not pd.isna(row[name])]  # fmt: skip
        self.facts.value = rows_table(("", ""), facts)
        self.picture = self._thumbnail()

    def _thumbnail(self) -> bytes:
        place = self._rows.get(self.hovered)
        if place is None:
            return b""
        kind = next((name for name in PICTURES if name in self.samples.arrays), None)
        if kind is None:
            flow = ClipPictures(self.samples, place).flow()
            return png(enlarged(flow[0], SIDE)) if flow else b""
        image = np.asarray(self.samples.arrays[kind][place])
        return png(enlarged(np.dstack([image[len(image) // 2]] * 3) if kind == "frames" else image, SIDE))


def _word(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)


def _layout(synthetic: bool) -> dict:
    axis = {"showgrid": False, "zeroline": False, "showticklabels": False, "linecolor": "#CCCCCC", "mirror": True}
    note = {"text": SYNTHETIC, "showarrow": False, "xref": "paper", "yref": "paper", "x": 1, "y": -0.06,
            "font": {"color": "#B00020", "size": 11}}  # fmt: skip
    return {"width": 620, "height": 480, "template": "plotly_white", "dragmode": "lasso", "hovermode": "closest",
            "margin": {"l": 10, "r": 40, "t": 10, "b": 40}, "xaxis": axis, "yaxis": axis,
            "modebar": {"orientation": "v"}, "legend": {"orientation": "h", "y": 1.08},
            "annotations": [note] if synthetic else []}  # fmt: skip


def with_facts(table: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """A table of points with what `facts` (one row per clip) says beyond it, joined by clip_id."""
    more = facts.drop(columns=[name for name in facts if name in table and name != "clip_id"])
    return table.merge(more, on="clip_id", how="left")
