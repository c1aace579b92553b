import io

import numpy as np
import pandas as pd
from PIL import Image

from melib.aus.table import AUS, NAMES
from melib.explore.faces import FRAMES
from melib.explore.generated import GeneratorPanel, change_colours


def seen(panel) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(panel.image.value))).astype(int)


def test_sliders_buttons_and_magnification_go_through_the_generator():
    asked = []

    def generate(face, vector):
        asked.append(vector)
        return np.full((16, 16, 3), int(face.mean() + 10 * vector.sum()), np.uint8)

    presets = pd.DataFrame(0.0, index=["surprise"], columns=list(NAMES))
    presets.loc["surprise", "AU26"] = 2.0
    faces = {"dark": np.zeros((16, 16, 3), np.uint8), "pale": np.full((16, 16, 3), 100, np.uint8)}
    panel = GeneratorPanel(generate, faces, {"apex": presets}, size=32)
    assert seen(panel).shape == (32, 32, 3)
    assert (seen(panel) == 0).all()
    panel.panel.magnify = 1.0
    panel.panel.sliders[AUS.index(26)].value = 3.0
    assert (seen(panel) == 30).all()
    panel.panel.buttons[1].click()
    assert (asked[-1] == presets.loc["surprise"]).all()
    panel.panel.magnify = 4.0
    assert (seen(panel) == 80).all()
    panel.panel.frame = FRAMES // 4
    assert (seen(panel) == 40).all()
    panel.panel.frame = 0
    assert (seen(panel) == 0).all()
    panel.menu.value = "pale"
    assert panel.source == "pale"
    assert (seen(panel) == 100).all()
    assert (np.asarray(Image.open(io.BytesIO(panel.difference.value))) == 255).all()  # against that face at rest


def test_the_difference_is_white_at_rest_and_red_where_lighter():
    assert (change_colours(np.zeros((4, 4, 3), np.int16)) == 255).all()
    change = np.zeros((1, 3, 3), np.int16)
    change[0, 1], change[0, 2] = 32, -32
    assert change_colours(change)[0].tolist() == [[255, 255, 255], [255, 0, 0], [0, 0, 255]]
    grey = {"grey": np.full((16, 16, 3), 50, np.uint8)}
    panel = GeneratorPanel(lambda face, vector: np.uint8(face + 10 * vector.sum()), grey, size=32)
    white = np.asarray(Image.open(io.BytesIO(panel.difference.value)))
    assert (white == 255).all()
    panel.panel.sliders[AUS.index(26)].value = 1.0
    red = np.asarray(Image.open(io.BytesIO(panel.difference.value)))
    assert (red[..., 0] == 255).all() and (red[..., 2] < 10).all()
