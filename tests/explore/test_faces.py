import io

import numpy as np
import pandas as pd
import pytest
import traitlets
from PIL import Image

from melib.aus.table import AUS, NAMES
from melib.explore.faces import FRAMES, PEOPLE, PROTOTYPES, FacePanel


@pytest.fixture
def panel():
    presets = pd.DataFrame(0.0, index=["positive", "surprise"], columns=[*NAMES, "synthetic"])
    presets.loc["positive", ["AU06", "AU12"]] = 1.5
    presets.loc["surprise", "AU04"] = -0.123
    return FacePanel({"apex": presets, "difference": presets / 2}, size=96)


def seen(panel):
    return np.asarray(Image.open(io.BytesIO(panel.picture))).astype(int)


def test_a_slider_moves_the_vector_and_the_picture(panel):
    before = seen(panel)
    assert before.shape == (96, 96, 3)
    panel.sliders[AUS.index(26)].value = 3.0
    assert panel.vector == [3.0 * (au == 26) for au in AUS]
    change = np.abs(seen(panel) - before)
    assert change[48:].sum() > 0.9 * change.sum() > 0
    panel.vector = [0.0] * 17
    assert panel.sliders[AUS.index(26)].value == 0.0
    assert (seen(panel) == before).all()


def test_buttons_load_presets_and_the_picture_follows_the_magnification(panel):
    assert [button.description for button in panel.buttons] == ["rest", "positive", "surprise"]
    rest = seen(panel)
    panel.buttons[1].click()
    assert panel.vector == [1.5 * (au in (6, 12)) for au in AUS]
    assert (seen(panel) != rest).any()
    panel.magnify = 0.0
    assert (seen(panel) == rest).all()
    panel.buttons[2].click()
    assert panel.vector[AUS.index(4)] == -0.123
    panel.buttons[0].click()
    assert not any(panel.vector)


def test_a_picture_is_drawn_once_for_each_change(panel):
    drawn = []
    panel.observe(lambda change: drawn.append(change), "picture")
    panel.buttons[1].click()
    panel.sliders[0].value = 2.0
    assert len(drawn) == 2


def test_a_vector_of_another_length_is_refused(panel):
    with pytest.raises(traitlets.TraitError, match="17"):
        panel.vector = [1.0]


def test_a_menu_switches_between_apex_difference_and_emfacs(panel):
    panel.preset_menu.value = "difference"
    panel.buttons[1].click()
    assert panel.vector == [0.75 * (au in (6, 12)) for au in AUS]
    panel.preset_menu.value = "EMFACS prototypes"
    assert [button.description for button in panel.buttons] == ["rest", *PROTOTYPES.index]
    assert panel.preset_row.children == tuple(panel.buttons)
    panel.buttons[1].click()
    assert PROTOTYPES.index[0] == "happiness"
    assert panel.vector == [float(au in (6, 12)) for au in AUS]


def test_playing_goes_from_the_face_at_rest_to_the_apex_and_back(panel):
    rest = seen(panel)
    panel.buttons[1].click()
    apex = seen(panel)
    pictures = {}
    for frame in range(FRAMES + 1):
        panel.frame = frame
        pictures[frame] = seen(panel)
    assert (pictures[0] == rest).all() and (pictures[FRAMES] == rest).all()
    assert (pictures[FRAMES // 2] == apex).all()
    moved = [np.abs(pictures[frame] - rest).mean() for frame in range(FRAMES // 2 + 1)]
    assert moved == sorted(moved)
    assert (pictures[4] == pictures[FRAMES - 4]).all()


def test_another_face_can_be_chosen_and_moves_alike(panel):
    first = seen(panel)
    panel.person = PEOPLE[1]
    second = seen(panel)
    assert np.abs(second - first).mean() > 5
    panel.buttons[1].click()
    assert (seen(panel) != second).any()


def test_arrows_are_drawn_where_the_face_moves(panel):
    panel.arrows = True
    rest = seen(panel)
    panel.arrows = False
    assert (seen(panel) == rest).all()
    panel.sliders[AUS.index(26)].value = 5.0
    plain = seen(panel)
    panel.arrows = True
    change = np.abs(seen(panel) - plain)
    assert change[48:].sum() > 0.9 * change.sum() > 0
