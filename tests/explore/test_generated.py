import io

import numpy as np
import pandas as pd
from PIL import Image

from melib.aus.table import AUS, NAMES
from melib.explore.generated import GeneratorPanel, change_colours


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


def test_the_difference_is_white_at_rest_and_red_where_lighter():
    assert (change_colours(np.zeros((4, 4, 3), np.int16)) == 255).all()
    change = np.zeros((1, 3, 3), np.int16)
    change[0, 1], change[0, 2] = 32, -32
    assert change_colours(change)[0].tolist() == [[255, 255, 255], [255, 0, 0], [0, 0, 255]]
    panel = GeneratorPanel(lambda vector: np.full((16, 16, 3), int(50 + 10 * vector.sum()), np.uint8), size=32)
    white = np.asarray(Image.open(io.BytesIO(panel.difference.value)))
    assert (white == 255).all()
    panel.panel.sliders[AUS.index(26)].value = 1.0
    red = np.asarray(Image.open(io.BytesIO(panel.difference.value)))
    assert (red[..., 0] == 255).all() and (red[..., 2] < 10).all()
