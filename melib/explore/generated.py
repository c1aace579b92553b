"""A panel on a trained generator: sliders for the 17 AUs, the drawn face beside a face that the generator changes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import ipywidgets as widgets
import numpy as np
import pandas as pd

from melib.aus.table import AUS
from melib.explore.faces import FacePanel


class GeneratorPanel(widgets.HBox):
    """A `FacePanel` whose AUs also go through `generate` (vector (17,) to a face (S, S, 3) uint8), shown beside it.

    Both are magnified by the panel's factor. `picture` of the FacePanel `panel` is the drawn face, `image` the
    generated one, `difference` what changed in it against the face at rest: red where lighter, blue where darker.

    >>> GeneratorPanel(generate, clusters.centroids)  # doctest: +SKIP
    """

    def __init__(self, generate: Callable[[np.ndarray], np.ndarray], presets: pd.DataFrame | None = None, size=320):
        self.generate, self.size = generate, size
        self.panel = FacePanel(presets, size)
        self.image = widgets.Image(format="png", width=size, height=size)
        self.difference = widgets.Image(format="png", width=size, height=size)
        self._rest = generate(np.zeros(len(AUS))).astype(np.int16)
        self.panel.observe(self._show, ["vector", "magnify"])
        self._show()
        titled = {"the generator's face": self.image, "its change: red lighter, blue darker": self.difference}
        columns = [widgets.VBox([widgets.Label(name), image]) for name, image in titled.items()]
        drawn = widgets.VBox([widgets.Label("the drawn face, by the same AUs"), self.panel])
        super().__init__([*columns, drawn])

    def _show(self, _=None) -> None:
        face = self.generate(self.panel.magnify * np.array(self.panel.vector))
        self.image.value = self._png(face)
        self.difference.value = self._png(change_colours(face.astype(np.int16) - self._rest))

    def _png(self, face: np.ndarray) -> bytes:
        large = cv2.resize(face, (self.size, self.size), interpolation=cv2.INTER_CUBIC)
        return cv2.imencode(".png", large[..., ::-1])[1].tobytes()


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
