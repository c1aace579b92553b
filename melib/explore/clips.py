"""A browser of clips: pick one, play it, magnify its motion, and see its flow, motion and action units."""

from __future__ import annotations

import html
import logging
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pandas as pd
import traitlets

from melib.corpus.index import CLASSES, CorpusError, dataset_order, print_name
from melib.explore.clip import ClipPictures, Curves, blinking, png
from melib.explore.table import mark, sentence
from melib.prepare.samples import Samples

ALL = "all"
FACTS = {"emotion": "emotion", "label": "class", "onset": "onset frame", "apex": "apex frame",
         "apex_source": "apex", "offset": "offset frame", "fps": "frames/s", "au_codes": "AUs as annotated",
         "notes": "notes"}  # fmt: skip

log = logging.getLogger(__name__)


class ClipBrowser(widgets.VBox):
    """Menus for dataset, subject, class and clip; the clip's frames to play, its motion times N, flow and curves.

    Args:
        samples: the prepared clips; without frames under `root`, what their arrays hold is shown.
        root: the data root of their frames.
        aus: an AU table (`au_curves`).
        synthetic: whether the clips are of a demo corpus, which the panel then says.

    Its state is traits: `clip_id`, `number` (of the frame), `times`, and `pool`, the clip_ids to choose from (empty:
    all), such as those selected on a map; `picture` is the face as PNG.

    >>> ClipBrowser(samples, root)  # doctest: +SKIP
    """

    clip_id = traitlets.Unicode()
    number = traitlets.Int()
    times = traitlets.Float(8.0, min=1, max=40)
    pool = traitlets.List(traitlets.Unicode())
    picture = traitlets.Bytes()

    def __init__(
        self,
        samples: Samples,
        root: str | Path | None = None,
        aus: pd.DataFrame | None = None,
        synthetic: bool = False,
    ):
        self.samples, self.root, self.synthetic = samples, root, synthetic
        self.aus = {} if aus is None else dict(list(aus.groupby("clip_id", observed=True)))
        self.curves = Curves(bool(self.aus))
        self.place = pd.Series(np.arange(len(samples)), samples.index["clip_id"].astype(str))
        self._filling = self._opening = False
        self._build_menus()
        self._build_pictures()
        menus = widgets.HBox(list(self.menus.values()), layout=widgets.Layout(flex_flow="row wrap"))
        super().__init__([menus, self.message, self.facts, self.controls, self.row, self.curve])
        self.observe(self._fill_menus, "pool")
        self.observe(self._open, "clip_id")
        self.observe(self._draw, ["number", "times"])
        self._fill_menus()

    def _build_menus(self) -> None:
        self.menus = {
            name: widgets.Dropdown(description=name, layout=widgets.Layout(width=width),
                                   style={"description_width": "initial"})
            for name, width in (("dataset", "180px"), ("subject", "200px"), ("class", "180px"), ("clip", "380px"))
        }  # fmt: skip
        for name in ("dataset", "subject", "class"):
            self.menus[name].observe(self._fill_menus, "value")
        self.menus["clip"].observe(self._choose, "value")

    def _build_pictures(self) -> None:
        self.message, self.facts = widgets.HTML(), widgets.HTML()
        self.slider = widgets.IntSlider(description="frame", layout=widgets.Layout(width="360px"))
        self.play = widgets.Play(interval=120)
        self.strength = widgets.FloatSlider(
            min=1, max=40, step=1, value=8, description="motion ×", readout_format=".0f", continuous_update=False
        )
        self.still_head = widgets.Checkbox(True, description="without the head's motion", indent=False)
        self.still_head.observe(self._draw, "value")
        self.still_head.observe(self._show_flow, "value")
        self.controls = widgets.HBox([self.play, self.slider, self.strength, self.still_head])
        self.face, self.blink, self.direction, self.strain, self.curve = (widgets.Image() for _ in range(5))
        self.caption = widgets.HTML()
        names = (self.caption, widgets.HTML("onset and apex in turn, as filmed"),
                 widgets.HTML("flow to the apex: hue is direction"), widgets.HTML("optical strain"))  # fmt: skip
        images = (self.face, self.blink, self.direction, self.strain)
        columns = [widgets.VBox([image, name]) for image, name in zip(images, names, strict=True)]
        self.row = widgets.HBox(columns, layout=widgets.Layout(flex_flow="row wrap"))
        traitlets.link((self, "number"), (self.slider, "value"))
        traitlets.link((self, "times"), (self.strength, "value"))
        widgets.jslink((self.play, "value"), (self.slider, "value"))
        traitlets.dlink((self, "picture"), (self.face, "value"))

    def _fill_menus(self, _=None) -> None:
        """Offer what the menus before leave over, and open its first clip unless the open one is among it."""
        if self._filling:
            return
        self._filling = True
        rows = self.samples.index
        rows = rows[rows["clip_id"].isin(self.pool)] if self.pool else rows
        menus = (("dataset", "dataset", dataset_order), ("subject", "subject", sorted),
                 ("class", "label", lambda labels: [name for name in CLASSES if name in labels]))  # fmt: skip
        for name, column, order in menus:
            menu, names = self.menus[name], order(set(rows[column].dropna()))
            chosen = menu.value if menu.value in names else ALL
            shown = [(print_name(one) if column == "dataset" else one, one) for one in names]
            menu.options = [(f"all {len(names)}", ALL), *shown]
            menu.value = chosen
            rows = rows if chosen == ALL else rows[rows[column] == chosen]
        clip, names = self.menus["clip"], rows["clip_id"].astype(str).to_list()
        clip.options = names
        clip.value = self.clip_id if self.clip_id in names else next(iter(names), None)
        self._filling = False
        self._choose()

    def _choose(self, _=None) -> None:
        if not self._filling:
            self.clip_id = self.menus["clip"].value or ""
            if not self.clip_id:
                self.message.value = sentence("No clip is left: choose less, or clear the selection on the map.")

    def _open(self, _=None) -> None:
        if not self.clip_id:
            return
        if self.clip_id not in self.place:
            self.message.value = sentence(f"These samples hold no clip {self.clip_id}; choose one from the menu.")
            return
        self.pictures = ClipPictures(self.samples, self.place[self.clip_id], self.root, self.aus.get(self.clip_id))
        self.message.value = mark(self.synthetic) + sentence(self.pictures.note)
        self.facts.value = self._facts_line()
        self._show_flow()
        self._opening = True
        self._open_frames()
        self._opening = False
        if self.menus["clip"].value != self.clip_id:
            self._follow()

    def _open_frames(self) -> None:
        numbers = self.pictures.numbers
        self.controls.layout.display = "" if numbers else "none"
        if not numbers:
            self.picture = self.blink.value = self.curve.value = b""
            self.caption.value = "no frames"
            return
        for control in (self.slider, self.play):
            control.min, control.max = min(numbers[0], control.max), numbers[-1]
            control.min = numbers[0]
        self.number = self.pictures.apex
        self._show_face()
        self.blink.value = blinking(*(self.pictures.crop(number) for number in (numbers[0], self.pictures.apex)))
        self.curves.open(self.pictures)  # last, since it takes longest
        self.curve.value = png(self.curves.at(self.pictures.apex))

    def _follow(self) -> None:
        """Set the menus to a clip that was opened from outside."""
        if self.clip_id not in self.menus["clip"].options:
            self._filling = True
            for name in ("dataset", "subject", "class"):
                self.menus[name].value = ALL
            self._filling = False
            self.pool = []
            self._fill_menus()
        self.menus["clip"].value = self.clip_id

    def _draw(self, _=None) -> None:
        if self.pictures.numbers and not self._opening:
            self.curve.value = png(self.curves.at(self._show_face()))

    def _show_face(self) -> int:
        """Draw the face at the frame nearest to `number`, and return that."""
        number = min(self.pictures.numbers, key=lambda one: abs(one - self.number))
        self.picture = png(self.pictures.face(number, self.times, self.still_head.value))
        self.caption.value = f"frame {number}" + (f", motion × {self.times:g}" if self.times > 1 else ", as filmed")
        return number

    def _show_flow(self, _=None) -> None:
        """Draw the flow, without the head's motion where that can be chosen and is."""
        flow = self.pictures.flow(self.still_head.value and bool(self.pictures.numbers))
        for image, part in zip((self.direction, self.strain), flow or (None, None), strict=True):
            image.value = b"" if part is None else png(part)

    def _facts_line(self) -> str:
        row = self.pictures.facts
        known = {title: row[name] for name, title in FACTS.items() if name in row and not pd.isna(row[name])}
        words = {title: _word(value) for title, value in known.items()}
        return " &emsp; ".join(f"{title} <b>{html.escape(word)}</b>" for title, word in words.items() if word)


def _word(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def au_curves(root: str | Path, index: pd.DataFrame) -> pd.DataFrame | None:
    """The AU table of a data root's OpenFace files; None, which the log says, where there are none."""
    from melib.aus.openface import read_openface

    try:
        return read_openface(root, index).table
    except CorpusError as error:
        log.info("No AU curves: %s", error)
        return None
