import io

import numpy as np
import pandas as pd
from PIL import Image

from melib.aus.table import AUS, NAMES
from melib.explore.generated import GeneratorPanel


def seen(panel) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(panel.image.value))).astype(int)


def test_sliders_buttons_and_magnification_go_through_the_generator():
    asked = []

    def generate(vector):
        asked.append(vector)
        return np.full((16, 16, 3), int(10 * vector.sum()), np.uint8)

    presets = pd.DataFrame(0.0, index=["surprise"], columns=list(NAMES))
    presets.loc["surprise", "AU26"] = 2.0
    panel = GeneratorPanel(generate, presets, size=32)
    assert seen(panel).shape == (32, 32, 3)
    assert (seen(panel) == 0).all()
    panel.panel.magnify = 1.0
    panel.panel.sliders[AUS.index(26)].value = 3.0
    assert (seen(panel) == 30).all()
    panel.panel.buttons[1].click()
    assert (asked[-1] == presets.loc["surprise"]).all()
    panel.panel.magnify = 4.0
    assert (seen(panel) == 80).all()
    panel.panel.buttons[0].click()
    assert (seen(panel) == 0).all()
