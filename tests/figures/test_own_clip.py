import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from melib.figures.own_clip import GREY, calibration, curves, verdict
from melib.study.models import load_models
from melib.study.predict import GRID, example, predict


@pytest.fixture(scope="module")
def prediction(tiny_run):
    models = load_models([tiny_run()])
    return predict(models, example(models))


def texts(figure):
    return [text.get_text() for text in figure.findobj(plt.Text)]


def bar_colours(figure):
    return {plt.matplotlib.colors.to_hex(bar.get_facecolor()).upper() for bar in figure.axes[2].patches}


def test_doubted_probabilities_are_grey_and_the_mark_of_drawn_weights_is_there(prediction):
    figure = verdict(prediction, np.linspace(-1, 1, GRID * GRID).reshape(GRID, GRID))
    assert bar_colours(figure) == {GREY}
    assert "not to be relied on" in texts(figure)
    assert any("synthetic" in text for text in texts(figure))
    plt.close(figure)


def test_undoubted_probabilities_have_their_colours_and_measures_tell_where_the_clip_lies(prediction):
    from dataclasses import replace

    ranges = prediction.ranges.assign(within=["no", "yes", "unknown", "yes"])
    figure = verdict(replace(prediction, doubts=(), ranges=ranges))
    assert GREY not in bar_colours(figure)
    shown = " ".join(texts(figure))
    assert "not to be relied on" not in shown
    assert shown.count("not as in training") == 1
    assert shown.count("unknown") == 1
    plt.close(figure)


def test_candidates_are_numbered_in_their_order():
    figure, ax = plt.subplots()
    curves(pd.DataFrame({"seconds": [3.0, 1.0], "contrast": [2.0, 1.0]}), ax)
    assert [text.get_text() for text in ax.texts] == ["1", "2"]
    plt.close(figure)


def test_calibration_is_drawn_before_and_after_the_temperature_a_panel_a_run(tiny_run):
    models = load_models([tiny_run(), tiny_run(held_out="SMIC")])
    figure = calibration(models)
    assert [ax.get_title().partition(",")[0] for ax in figure.axes] == ["SAMM", "SMIC"]
    for ax, model in zip(figure.axes, models, strict=True):
        assert len(ax.get_legend().get_texts()) == 1 + (model.temperature is not None)
    plt.close(figure)
