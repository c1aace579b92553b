import matplotlib.pyplot as plt
import pandas as pd

from melib.figures.peers import HONEST, PRINTED, layout, message, peers

ROWS = [  # row, key, kind, selection, value, parameters
    ("CNN", "cnn", "result", "last", 60.0, 10),
    ("CNN", "cnn", "result", "oracle", 66.0, 10),
    ("STSTNet", "ststnet", "result", "last", 70.0, 10),
    ("STSTNet", "ststnet", "result", "oracle", 72.0, 10),
    ("logistic regression", "logreg", "result", "last", 65.0, 0),
    ("STSTNet, without a part", "ststnet", "result", "last", 71.0, 10),
    ("always negative", None, "floor", "no training", 30.0, None),
    ("STSTNet", "ststnet", "printed", "last", 73.5, None),
    ("STSTNet (MEB)", "ststnet", "printed", "test set", 77.4, None),
    ("CausalNet", "causalnet", "printed", "test set", 89.8, None),
]


def table():
    rows = pd.DataFrame(ROWS, columns=["row", "key", "kind", "selection", "value", "parameters"])
    rows["drawn"] = rows["row"] != "STSTNet, without a part"
    return rows.assign(low=rows["value"] - 5, high=rows["value"] + 5, table="composite", column="pooled", metric="uf1")


def test_lines_are_sorted_and_printed_figures_stand_on_the_line_of_their_method():
    lines = layout(table()).set_index("row")
    assert list(lines.index) == ["STSTNet", "logistic regression", "CNN", "always negative", "CausalNet"]
    assert lines.loc["STSTNet", ["value", "oracle", "printed_last", "printed_test"]].tolist() == [70, 72, 73.5, 77.4]
    assert lines.loc["CausalNet", ["printed_test"]].tolist() == [89.8]
    assert lines["oracle"].isna().tolist() == [False, True, False, True, True]  # an estimator has one epoch


def test_honest_marks_are_filled_oracles_hollow_and_printed_figures_a_mark_of_their_own():
    figure = peers(table())
    (ax,) = figure.axes
    marks = {}
    for line in ax.lines:
        if line.get_marker() != "None" and pd.notna(line.get_xdata()[0]):
            face = "white" if line.get_fillstyle() == "none" else line.get_markerfacecolor()
            marks[float(line.get_xdata()[0])] = (line.get_marker(), face)
    assert marks[70.0] == ("o", HONEST) and marks[72.0] == ("o", "white")
    assert marks[73.5] == ("D", PRINTED) and marks[77.4] == marks[89.8] == ("D", "white")
    assert [text.get_text() for text in ax.get_yticklabels()] == list(layout(table())["row"])
    assert len(figure.legends) == 1
    plt.close(figure)


def test_the_message_is_the_median_price_or_the_best_result():
    price = "Choosing the epoch on the test set lifts 2 of 2 networks: +4.0 UF1 at the median"
    assert message(table()) == price
    honest = table().query("selection != 'oracle'")
    assert message(honest) == "Best of 3 that were run: STSTNet, 70.0 UF1"
    assert message(honest.query("kind in ('printed', 'floor')")) == "No method was run"
