"""Gains are joined as they are, and what a shift costs and what is regained follows from three means."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from melib.figures.controls import controls
from melib.study.controls import recovered, side_by_side


def compared(values, gains=None):
    table = pd.DataFrame({"row": list(values), "value": list(values.values())})
    table["gain"] = table["row"].map(gains or {})
    table = table.assign(gain_low=table["gain"] - 1, gain_high=table["gain"] + 1, control="CNN", seeds=3)
    return table.assign(selection="last", metric="uar", column="mean", synthetic=True)


def test_a_gain_less_the_shuffled_one_is_their_difference():
    rows = compared({"CNN": 60.0, "CNN, BRL": 62.0, "CNN, BRL, placebo groups": 61.5, "CNN, IRM": 59.0},
                    {"CNN, BRL": 2.0, "CNN, BRL, placebo groups": 1.5, "CNN, IRM": -1.0})  # fmt: skip
    table = side_by_side({"demo corpus": rows, "shift": rows})
    assert len(table) == 8 and set(table["corpus"]) == {"demo corpus", "shift"}
    one = table[table["corpus"] == "shift"].set_index("row")
    assert one.loc["CNN, BRL", "less_shuffled"] == pytest.approx(0.5)
    assert one["less_shuffled"].drop("CNN, BRL").isna().all()


def test_what_is_regained_is_a_share_of_what_cross_entropy_loses():
    table = recovered(compared({"CNN": 40.0, "CNN, BRL": 45.0, "CNN, IRM": 38.0}), compared({"CNN": 60.0}))
    rows = table.set_index("row")
    assert rows["lost"].to_dict() == {"CNN": 20.0, "CNN, BRL": 15.0, "CNN, IRM": 22.0}
    assert rows["regained"].to_dict() == pytest.approx({"CNN": 0.0, "CNN, BRL": 0.25, "CNN, IRM": -0.1})


def test_the_figure_names_what_is_above_zero_everywhere():
    rows = compared({"CNN": 60.0, "CNN, recipe": 65.0, "CNN, BRL": 60.5}, {"CNN, recipe": 5.0, "CNN, BRL": 0.5})
    figure = controls(side_by_side({"demo corpus": rows, "442 real clips": rows}))
    assert figure._suptitle.get_text() == "Surely above 0 on all 2: CNN, recipe"
    assert [ax.get_title() for ax in figure.axes] == ["demo corpus", "442 real clips"]
    plt.close(figure)
