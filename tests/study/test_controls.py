"""Gains are joined as they are, and what a shift costs and what is regained follows from three means."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from melib.figures.controls import controls
from melib.figures.style import ABOVE, OPEN
from melib.study.controls import SHUFFLED, recovered, side_by_side


def compared(values, gains=None):
    table = pd.DataFrame({"row": list(values), "value": list(values.values())})
    table["gain"] = table["row"].map(gains or {})
    table = table.assign(
        gain_low=table["gain"] - 1, gain_high=table["gain"] + 1, control="CNN", seeds=3, p=0.01, parameters=10
    )
    table[["less_shuffled", "less_shuffled_low", "less_shuffled_high"]] = float("nan")
    return table.assign(selection="last", metric="uar", column="mean", synthetic=True)


def test_a_corpus_stands_again_with_what_the_true_labels_have_more():
    rows = compared({"CNN": 60.0, "CNN, BRL": 62.0, "CNN, BRL, placebo groups": 61.5, "CNN, IRM": 59.0},
                    {"CNN, BRL": 2.0, "CNN, BRL, placebo groups": 1.5, "CNN, IRM": -1.0})  # fmt: skip
    at = rows["row"] == "CNN, BRL"
    rows.loc[at, ["less_shuffled", "less_shuffled_low", "less_shuffled_high"]] = 0.5, -1.0, 2.0
    table = side_by_side({"demo corpus": rows, "shift": compared({"CNN": 60.0})})
    assert table["corpus"].value_counts().to_dict() == {"demo corpus": 4, "demo corpus" + SHUFFLED: 1, "shift": 1}
    (more,) = table[table["corpus"] == "demo corpus" + SHUFFLED].itertuples()
    assert (more.row, more.gain, more.gain_low, more.gain_high) == ("CNN, BRL", 0.5, -1.0, 2.0)


def test_what_is_regained_is_a_share_of_what_cross_entropy_loses():
    table = recovered(compared({"CNN": 40.0, "CNN, BRL": 45.0, "CNN, IRM": 38.0}), compared({"CNN": 60.0}))
    rows = table.set_index("row")
    assert rows["lost"].to_dict() == {"CNN": 20.0, "CNN, BRL": 15.0, "CNN, IRM": 22.0}
    assert rows["regained"].to_dict() == pytest.approx({"CNN": 0.0, "CNN, BRL": 0.25, "CNN, IRM": -0.1})


def test_without_plain_cross_entropy_nothing_is_regained():
    with pytest.raises(ValueError, match="No row 'CNN'"):
        recovered(compared({"CNN, BRL": 45.0}), compared({"CNN": 60.0}))


def test_the_figure_names_what_stands_after_correction():
    rows = compared({"CNN": 60.0, "CNN, recipe": 65.0, "CNN, BRL": 60.5}, {"CNN, recipe": 5.0, "CNN, BRL": 0.5})
    more = rows.assign(less_shuffled=rows["gain"], less_shuffled_low=rows["gain"] - 9, less_shuffled_high=9)
    chance = rows.assign(p=0.2)
    figure = controls(side_by_side({"demo corpus": more, "442 real clips": chance}))
    words = "Gains that stand after correction: recipe on demo corpus (+5.0); BRL +0.5, +0.5"
    assert figure.get_suptitle() == words
    assert [ax.get_title() for ax in figure.axes] == ["demo corpus", "442 real clips"]
    diamonds = [[line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"] for ax in figure.axes]
    assert diamonds == [[5.0, 0.5], []]  # how far above the same on shuffled labels
    colours = [{line.get_color() for line in ax.lines if line.get_marker() == "o"} for ax in figure.axes]
    assert colours == [{ABOVE, OPEN}, {OPEN}]
    plt.close(figure)
