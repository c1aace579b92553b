"""A panel on a trained generator: sliders for the 17 AUs, the drawn face beside a face that the generator changes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import ipywidgets as widgets
import numpy as np
import pandas as pd

from melib.explore.faces import FacePanel


class GeneratorPanel(widgets.HBox):
    """A `FacePanel` whose AUs also go through `generate` (vector (17,) to a face (S, S, 3) uint8), shown beside it.

    Both are magnified by the panel's factor. `picture` of the FacePanel `panel` is the drawn face, `image` the
    generated one.

    >>> GeneratorPanel(generate, clusters.centroids)  # doctest: +SKIP
    """

    def __init__(self, generate: Callable[[np.ndarray], np.ndarray], presets: pd.DataFrame | None = None, size=320):
        self.generate, self.size = generate, size
        self.panel = FacePanel(presets, size)
        self.image = widgets.Image(format="png", width=size, height=size)
        self.panel.observe(self._show, ["vector", "magnify"])
        self._show()
        super().__init__([widgets.VBox([self.image, widgets.Label("The same AUs through the generator.")]), self.panel])

    def _show(self, _=None) -> None:
        face = self.generate(self.panel.magnify * np.array(self.panel.vector))
        large = cv2.resize(face, (self.size, self.size), interpolation=cv2.INTER_CUBIC)
        self.image.value = cv2.imencode(".png", large[..., ::-1])[1].tobytes()
