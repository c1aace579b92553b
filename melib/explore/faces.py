"""A panel with a slider for each action unit, which deforms the drawn face as it is moved."""

from __future__ import annotations

import cv2
import ipywidgets as widgets
import pandas as pd
import traitlets

from melib.aus.face import DrawnFace
from melib.aus.table import AUS, NAMES

MEANING = {
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser", 6: "cheek raiser",
    7: "lid tightener", 9: "nose wrinkler", 10: "upper lip raiser", 12: "lip corner puller", 14: "dimpler",
    15: "lip corner depressor", 17: "chin raiser", 20: "lip stretcher", 23: "lip tightener", 25: "lips part",
    26: "jaw drop", 45: "blink",
}  # fmt: skip
REST = [0.0] * len(AUS)


class FacePanel(widgets.HBox):
    """Sliders for the 17 AUs beside the face that they make; buttons load `presets` (name x AU, such as centroids).

    Its state is traits: `vector`, the 17 intensities, `magnify`, and `picture`, the face as PNG, which is drawn anew
    when one of the others changes. Sliders go from -2, since an apex can lie below its onset, to 5.

    >>> FacePanel(clusters.centroids)  # doctest: +SKIP
    """

    vector = traitlets.List(traitlets.Float(), REST, minlen=len(AUS), maxlen=len(AUS))
    magnify = traitlets.Float(5.0, min=0, max=12)
    picture = traitlets.Bytes()

    def __init__(self, presets: pd.DataFrame | None = None, size: int = 320):
        self._face, self._loading = DrawnFace(size), False
        self.sliders = [_slider(f"AU{au} {MEANING[au]}", -2, 5) for au in AUS]
        strength = _slider("all magnified by", 0, 12)
        image = widgets.Image(format="png", width=size, height=size)
        self.buttons = [self._button("rest", REST)]
        if presets is not None:
            self.buttons += [self._button(name, row.to_list()) for name, row in presets[list(NAMES)].iterrows()]
        caption = widgets.Label("A drawn face: no real person. Load the centroid of a class:")
        left = widgets.VBox([image, strength, caption, widgets.HBox(self.buttons)])
        whole = widgets.Layout(overflow="hidden")  # no scroll bars
        super().__init__([left, widgets.VBox(self.sliders, layout=whole)], layout=whole)
        traitlets.link((self, "magnify"), (strength, "value"))
        traitlets.dlink((self, "picture"), (image, "value"))
        for slider in self.sliders:
            slider.observe(self._read_sliders, "value")
        self.observe(self._load_sliders, "vector")
        self.observe(self._draw, ["vector", "magnify"])
        self._draw()

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
        image = self._face.draw(self.vector, self.magnify)
        self.picture = cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def _slider(name: str, low: float, high: float) -> widgets.FloatSlider:
    return widgets.FloatSlider(
        min=low, max=high, step=0.05, description=name, readout_format=".2f",
        style={"description_width": "170px"}, layout=widgets.Layout(width="420px", height="22px"),
    )  # fmt: skip
