"""A panel with a slider for each action unit, which deforms the drawn face as it is moved."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial

import cv2
import ipywidgets as widgets
import numpy as np
import pandas as pd
import traitlets

from melib.aus.face import DrawnFace
from melib.aus.identity import EMFACS
from melib.aus.table import AUS, MEANING, NAMES
from melib.explore.clip import png

REST = [0.0] * len(AUS)
PROTOTYPES = pd.DataFrame(
    {emotion: [float(au in aus) for au in AUS] for emotions in EMFACS.values() for emotion, aus in emotions.items()},
    index=list(NAMES),
).T  # at intensity 1, from the lowest letter of FACS
PEOPLE = (4, 6, 8, 10, 11)  # seeds of drawn faces that differ clearly
ARROWS = 14  # along each side
FRAMES = 20  # of the expression when played: onset, apex half-way, offset


class FacePanel(widgets.HBox):
    """Sliders for the 17 AUs beside the face that they make; buttons load presets, and the expression can be played.

    `presets` are tables (a row per button, a column per AU) by name, such as centroids of apex and of difference
    vectors; a menu switches between them and the prototypes of EMFACS. Its state is traits: `vector`, 17 intensities,
    `magnify`, `frame` (0 at the onset, 10 at the apex, 20 at the offset), `arrows` (whether the motion is drawn),
    `person` (the seed of the drawn face), and `picture`, the face as PNG, which is drawn anew when another changes.
    Sliders go from -2, since an apex can lie below its onset, to 5.

    >>> FacePanel({"apex": clusters.centroids})  # doctest: +SKIP
    """

    vector = traitlets.List(traitlets.Float(), REST, minlen=len(AUS), maxlen=len(AUS))
    magnify = traitlets.Float(5.0, min=0, max=12)
    frame = traitlets.Int(FRAMES // 2, min=0, max=FRAMES)
    arrows = traitlets.Bool(False)
    person = traitlets.Enum(PEOPLE, PEOPLE[0])
    picture = traitlets.Bytes()

    def __init__(self, presets: Mapping[str, pd.DataFrame] | None = None, size: int = 320):
        self._drawn = lru_cache(None)(partial(DrawnFace, size))
        self._loading = False
        self.sliders = [_slider(f"AU{au} {MEANING[au]}", -2, 5) for au in AUS]
        self.image = widgets.Image(format="png", width=size, height=size)
        self.presets = {**(presets or {}), "EMFACS prototypes": PROTOTYPES}
        self._build_controls()
        whole = widgets.Layout(overflow="hidden")  # no scroll bars
        super().__init__([self.left, widgets.VBox(self.sliders, layout=whole)], layout=whole)
        traitlets.dlink((self, "picture"), (self.image, "value"))
        for slider in self.sliders:
            slider.observe(self._read_sliders, "value")
        self.preset_menu.observe(self._offer_presets, "value")
        self._offer_presets()
        self.observe(self._load_sliders, "vector")
        self.observe(self._draw, ["vector", "magnify", "frame", "arrows", "person"])
        self._draw()

    @property
    def part(self) -> float:
        """The share of the expression that is reached at `frame`: 0 at onset and offset, 1 at the apex."""
        return 1 - abs(2 * self.frame / FRAMES - 1)

    def _build_controls(self) -> None:
        strength = _slider("all magnified by", 0, 12)
        person = widgets.Dropdown(
            description="face", options=[(f"drawn face {place}", seed) for place, seed in enumerate(PEOPLE, 1)]
        )
        moment = widgets.IntSlider(
            max=FRAMES, description="onset to offset", readout=False, layout=widgets.Layout(width="270px"),
            style={"description_width": "initial"},
        )  # fmt: skip
        self.play = widgets.Play(value=FRAMES // 2, max=FRAMES, interval=80, repeat=True)
        arrows = widgets.Checkbox(description="arrows of the motion", indent=False)
        self.preset_menu = widgets.Dropdown(description="presets", options=list(self.presets))
        self.preset_row = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap", width="420px"))
        caption = widgets.Label("A drawn face: no real person.")
        playing = widgets.HBox([self.play, moment])
        rows = [self.image, caption, strength, playing, arrows, person, self.preset_menu, self.preset_row]
        self.left = widgets.VBox(rows)
        traitlets.link((self, "magnify"), (strength, "value"))
        traitlets.link((self, "frame"), (moment, "value"))
        traitlets.link((self, "arrows"), (arrows, "value"))
        traitlets.link((self, "person"), (person, "value"))
        widgets.jslink((self.play, "value"), (moment, "value"))

    def _offer_presets(self, _=None) -> None:
        """Show a button for each row of the chosen table, and one for the face at rest."""
        table = self.presets[self.preset_menu.value]
        self.buttons = [self._button("rest", REST)]
        self.buttons += [self._button(name, row.to_list()) for name, row in table[list(NAMES)].iterrows()]
        self.preset_row.children = self.buttons

    def _button(self, name: str, vector: list[float]) -> widgets.Button:
        button = widgets.Button(description=name, layout=widgets.Layout(width="92px"))
        button.on_click(lambda _: self.set_trait("vector", vector))
        return button

    def _read_sliders(self, _=None) -> None:
        if not self._loading:
            self.vector = [slider.value for slider in self.sliders]

    def _load_sliders(self, _=None) -> None:
        self._loading = True
        for slider, value in zip(self.sliders, self.vector, strict=True):
            slider.value = value
        self._loading = False

    def _draw(self, _=None) -> None:
        face = self._drawn(self.person)
        strength = self.magnify * self.part
        image = face.draw(self.vector, strength)
        if self.arrows:
            draw_arrows(image, face.moves(self.vector, strength))
        self.picture = png(image)


def draw_arrows(image: np.ndarray, moves: np.ndarray) -> None:
    """Draw arrows of the motion (2, S, S), pixels, on `image` (S, S, 3) in place; none where it is under a pixel."""
    step = len(image) // ARROWS
    for y in range(step // 2, len(image), step):
        for x in range(step // 2, len(image), step):
            dx, dy = moves[:, y, x]
            if np.hypot(dx, dy) >= 1:
                end = (round(x + float(dx)), round(y + float(dy)))
                cv2.arrowedLine(image, (x, y), end, (0, 70, 200), 1, cv2.LINE_AA, tipLength=0.3)


def _slider(name: str, low: float, high: float) -> widgets.FloatSlider:
    return widgets.FloatSlider(
        min=low, max=high, step=0.05, description=name, readout_format=".2f",
        style={"description_width": "170px"}, layout=widgets.Layout(width="420px", height="22px"),
    )  # fmt: skip
