"""A panel with a slider for each action unit, which deforms the drawn face as it is moved."""

from __future__ import annotations

import cv2
import ipywidgets as widgets
import numpy as np
import pandas as pd
import traitlets

from melib.aus.face import DrawnFace
from melib.aus.identity import EMFACS
from melib.aus.table import AUS, NAMES

MEANING = {
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser", 6: "cheek raiser",
    7: "lid tightener", 9: "nose wrinkler", 10: "upper lip raiser", 12: "lip corner puller", 14: "dimpler",
    15: "lip corner depressor", 17: "chin raiser", 20: "lip stretcher", 23: "lip tightener", 25: "lips part",
    26: "jaw drop", 45: "blink",
}  # fmt: skip
REST = [0.0] * len(AUS)
PROTOTYPES = {  # at intensity 1, from the lowest letter of FACS
    f"{emotion} ({label})": [float(au in aus) for au in AUS]
    for label, expressions in EMFACS.items()
    for emotion, aus in expressions.items()
}
ARROWS = 14  # along each side


class FacePanel(widgets.HBox):
    """Sliders for the 17 AUs beside the face that they make; buttons load `presets` (name x AU, such as centroids).

    A menu loads the prototypes of EMFACS. Its state is traits: `vector`, the 17 intensities, `magnify`, `arrows`
    (whether the motion is drawn), and `picture`, the face as PNG, which is drawn anew when one of the others changes.
    Sliders go from -2, since an apex can lie below its onset, to 5.

    >>> FacePanel(clusters.centroids)  # doctest: +SKIP
    """

    vector = traitlets.List(traitlets.Float(), REST, minlen=len(AUS), maxlen=len(AUS))
    magnify = traitlets.Float(5.0, min=0, max=12)
    arrows = traitlets.Bool(False)
    picture = traitlets.Bytes()

    def __init__(self, presets: pd.DataFrame | None = None, size: int = 320):
        self._face, self._loading = DrawnFace(size), False
        self.sliders = [_slider(f"AU{au} {MEANING[au]}", -2, 5) for au in AUS]
        strength = _slider("all magnified by", 0, 12)
        image = widgets.Image(format="png", width=size, height=size)
        self.buttons = [self._button("rest", REST)]
        if presets is not None:
            self.buttons += [self._button(name, row.to_list()) for name, row in presets[list(NAMES)].iterrows()]
        self.prototype = widgets.Dropdown(
            options=[("choose a prototype", None), *PROTOTYPES.items()], description="EMFACS"
        )
        flow = widgets.Checkbox(description="arrows of the motion", indent=False)
        caption = widgets.Label("A drawn face: no real person. Load the centroid of a class:")
        left = widgets.VBox([image, strength, flow, self.prototype, caption, widgets.HBox(self.buttons)])
        whole = widgets.Layout(overflow="hidden")  # no scroll bars
        super().__init__([left, widgets.VBox(self.sliders, layout=whole)], layout=whole)
        traitlets.link((self, "magnify"), (strength, "value"))
        traitlets.link((self, "arrows"), (flow, "value"))
        self.prototype.observe(self._load_prototype, "value")
        traitlets.dlink((self, "picture"), (image, "value"))
        for slider in self.sliders:
            slider.observe(self._read_sliders, "value")
        self.observe(self._load_sliders, "vector")
        self.observe(self._draw, ["vector", "magnify", "arrows"])
        self._draw()

    def _button(self, name: str, vector: list[float]) -> widgets.Button:
        button = widgets.Button(description=name, layout=widgets.Layout(width="92px"))
        button.on_click(lambda _: self.set_trait("vector", vector))
        return button

    def _load_prototype(self, change) -> None:
        """Load what was chosen, and leave the menu ready to choose it again."""
        if change["new"] is not None:
            self.vector = list(change["new"])
            self.prototype.value = None

    def _read_sliders(self, _=None) -> None:
        if not self._loading:
            self.vector = [slider.value for slider in self.sliders]

    def _load_sliders(self, _=None) -> None:
        self._loading = True
        for slider, value in zip(self.sliders, self.vector, strict=True):
            slider.value = value
        self._loading = False

    def _draw(self, _=None) -> None:
        image = self._face.draw(self.vector, self.magnify)
        if self.arrows:
            draw_arrows(image, self._face.moves(self.vector, self.magnify))
        self.picture = cv2.imencode(".png", image[..., ::-1])[1].tobytes()


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
