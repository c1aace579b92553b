"""The figure of the first ten runs says what their table says."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from melib.figures.main_job import main_job, message


def table(gain=0.4, low=-1.0, high=2.0):
    rows = [
        {"row": name, "column": column, "value": value, "low": value - 5, "high": value + 5, "seeds": 1, **more}
        for name, value, more in (
            ("CNN", 60.0, {}),
            ("CNN, BRL", 60 + gain, {"control": "CNN", "gain": gain, "gain_low": low, "gain_high": high, "p": 0.01}),
        )
        for column in ("SMIC", "CASME2", "mean", "pooled")
    ]
    return pd.DataFrame(rows).assign(selection="last", metric="uar")


@pytest.mark.parametrize(
    "gain, low, high, words",
    [
        (0.4, -1.0, 2.0, "BRL adds +0.4 points of UAR (−1.0 to +2.0): undecided"),
        (3.0, 1.0, 5.0, "BRL adds +3.0 points of UAR (+1.0 to +5.0): more than cross-entropy"),
        (-3.0, -5.0, -1.0, "BRL adds −3.0 points of UAR (−5.0 to −1.0): less"),
    ],
)
def test_the_title_is_the_gain_with_its_interval(gain, low, high, words):
    assert message(table(gain, low, high)) == words
    assert message(table(gain, low, high).assign(p=0.2)).endswith(": undecided")  # as the mark is grey


def test_both_settings_and_the_gain_stand_at_their_numbers():
    values, gains = main_job(table()).axes
    assert [label.get_text() for label in values.get_yticklabels()] == ["SMIC", "CASME II", "mean"]
    drawn = {line.get_label(): list(line.get_xdata()) for line in values.lines}
    assert drawn["CNN, cross-entropy"] == [60] * 3 and drawn["CNN, BRL"] == [60.4] * 3
    assert gains.collections[1].get_offsets()[:, 0].tolist() == pytest.approx([0.4] * 3)
    plt.close("all")


def test_without_a_control_there_is_no_gain():
    with pytest.raises(ValueError, match="control"):
        message(table().assign(gain=float("nan")))
