"""A panel on a trained generator: sliders for the 17 AUs, the drawn face beside a face that the generator changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import cv2
import ipywidgets as widgets
import numpy as np
import pandas as pd
import traitlets

from melib.aus.table import AUS
from melib.explore.clip import png
from melib.explore.faces import FacePanel


class GeneratorPanel(widgets.HBox):
    """A `FacePanel` whose AUs also go through a generator, and the face that it makes of a chosen source face.

    Args:
        generate: a source face (S, S, 3) uint8 and a vector (17,) to a face of the same shape.
        faces: the source faces by name, which a menu offers.
        presets: as in `FacePanel`.

    Both faces are magnified and played by the panel's controls. `panel` is the FacePanel, `source` the name of the
    source face, `image` the generated face, `difference` its change against the generated face at rest.

    >>> GeneratorPanel(generate, {"CASME": face}, {"apex": clusters.centroids})  # doctest: +SKIP
    """

    source = traitlets.Unicode()

    def __init__(
        self,
        generate: Callable[[np.ndarray, np.ndarray], np.ndarray],
        faces: Mapping[str, np.ndarray],
        presets: Mapping[str, pd.DataFrame] | None = None,
        size: int = 320,
    ):
        self.generate, self.faces, self.size = generate, dict(faces), size
        self.panel = FacePanel(presets, size)
        self.image = widgets.Image(format="png", width=size, height=size)
        self.difference = widgets.Image(format="png", width=size, height=size)
        self.menu = widgets.Dropdown(description="source face", options=list(self.faces))
        self._at_rest = lru_cache(None)(self._make_rest)
        titled = {
            "the generator's face (synthetic)": self.image,
            "change: red lighter, blue darker": self.difference,
        }
        columns = [widgets.VBox([widgets.Label(name), image]) for name, image in titled.items()]
        columns[0].children += (self.menu,)
        drawn = widgets.VBox([widgets.Label("the drawn face, by the same AUs"), self.panel])
        super().__init__([*columns, drawn], layout=widgets.Layout(flex_flow="row wrap"))
        self.source = self.menu.value
        traitlets.link((self, "source"), (self.menu, "value"))
        self.panel.observe(self._show, ["vector", "magnify", "frame"])
        self.observe(self._show, "source")
        self._show()

    def _make_rest(self, source: str) -> np.ndarray:
        return self.generate(self.faces[source], np.zeros(len(AUS))).astype(np.int16)

    def _show(self, _=None) -> None:
        asked = self.panel.magnify * self.panel.part * np.array(self.panel.vector)
        face = self.generate(self.faces[self.source], asked)
        self.image.value = self._png(face)
        self.difference.value = self._png(change_colours(face.astype(np.int16) - self._at_rest(self.source)))

    def _png(self, face: np.ndarray) -> bytes:
        large = cv2.resize(face, (self.size, self.size), interpolation=cv2.INTER_CUBIC)
        return png(large)


def change_colours(change: np.ndarray) -> np.ndarray:
    """A change of grey levels (S, S, 3) as a picture: white where there is none, red where lighter, blue where darker.

    Full colour is the largest change, or 16 levels where that is less.
    """
    mean = change.mean(axis=-1)
    share = mean / max(16.0, np.abs(mean).max())
    paler = 255 * (1 - np.abs(share))
    red = np.where(share >= 0, 255, paler)
    blue = np.where(share <= 0, 255, paler)
    return np.rint(np.stack([red, paler, blue], axis=-1)).astype(np.uint8)
