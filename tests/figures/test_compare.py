import matplotlib.pyplot as plt
import pandas as pd

from melib.figures.compare import gains, message
from melib.figures.style import ABOVE, BELOW, OPEN

NAMES = ["row", "control", "gain", "gain_low", "gain_high", "p"]
ROWS = [
    ("CNN, recipe", "CNN", 8.7, 5.2, 13.3, 0.04),
    ("CNN, BRL", "CNN", 1.2, -0.1, 3.0, 1),
    ("CNN, MMD", "CNN", -4.5, -8.0, -1.1, 0.3),
    ("CNN, recipe without mirroring", "CNN", 4.9, 1.6, 8.8, 0.6),
    ("CNN, BRL, recipe", "CNN, recipe", -0.1, -1.5, 0.6, 1),
    ("CNN", None, None, None, None, None),
]


def table(rows=ROWS):
    table = pd.DataFrame(rows, columns=NAMES).assign(selection="last", metric="uar", column="mean", seeds=3)
    table.loc[table["row"] == "CNN, MMD", "seeds"] = 1
    return table.assign(synthetic=False, parameters=10)


def test_the_message_names_the_greatest_sure_gain_and_brl():
    recipe = "CNN, recipe +8.7 (+5.2 to +13.3) over CNN; BRL +1.2 (−0.1 to +3.0)"
    assert message(table().dropna()) == f"1 gain of 5 stands after correction; {recipe}"
    unsure = table(ROWS[1:3]).dropna()
    assert message(unsure) == "No gain of 2 stands after correction; BRL +1.2 (−0.1 to +3.0)"
    chance = table([("CNN, recipe", "CNN", 8.7, 5.2, 13.3, 0.06), *ROWS[1:3]]).dropna()
    assert message(chance) == message(unsure).replace("of 2", "of 3")
    over_another = table([("CNN, other", "CNN, recipe", 20.0, 19.0, 21.0, 0.01)]).dropna()  # no gain over the same
    both = message(pd.concat([table().dropna(), over_another]))
    assert both == f"2 gains of 6 stand after correction; {recipe}"
    lost = table([*ROWS[1:3], ("CNN, MMD", "CNN", -9.0, -12.0, -6.0, 0.01)]).dropna()
    assert message(lost).endswith("; BRL +1.2 (−0.1 to +3.0); 1 loss (CNN, MMD)")


def test_a_panel_a_control_with_its_rows_in_the_order_of_their_gains():
    figure = gains(table())
    first, second = figure.axes
    labels = [label.get_text() for label in first.get_yticklabels()]
    assert labels == ["MMD", "BRL", "recipe without mirroring", "recipe"]
    assert [label.get_text() for label in second.get_yticklabels()] == ["BRL"]
    assert first.get_title(loc="left") == "over: CNN"
    marks = [line for line in first.lines if line.get_marker() == "o"]
    assert [mark.get_color() for mark in marks] == [OPEN, OPEN, OPEN, ABOVE]  # what does not stand is grey
    assert [mark.get_markerfacecolor() for mark in marks] == ["white", OPEN, OPEN, ABOVE]  # hollow: one seed
    assert "real clips" in figure.get_supxlabel() and "hollow: one seed" in figure.get_supxlabel()
    (ax, _) = gains(table().assign(synthetic=True, parameters=0)).axes  # estimators have no seed
    assert "white" not in [mark.get_markerfacecolor() for mark in ax.lines if mark.get_marker() == "o"]
    plt.close(figure)


def test_a_gain_far_outside_is_an_arrow_with_its_number():
    figure = gains(table([*ROWS[:2], ("CNN, MMD", "CNN", -90.0, -95.0, -85.0, 0.01)]))
    (ax,) = figure.axes
    assert -10 < ax.get_xlim()[0] < 0 < 13.3 < ax.get_xlim()[1]
    assert [(line.get_marker(), line.get_color()) for line in ax.lines if line.get_marker() in "<>"] == [("<", BELOW)]
    assert "−90.0 (−95.0 to −85.0)" in {text.get_text() for text in ax.texts}
    plt.close(figure)
