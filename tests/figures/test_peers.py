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
    rows["seeds"] = rows["row"].map({"STSTNet": 1}).fillna(3)
    return rows.assign(low=rows["value"] - 5, high=rows["value"] + 5, table="composite", column="pooled", metric="uf1",
                       synthetic=False)  # fmt: skip


def test_lines_are_sorted_and_printed_figures_stand_on_the_line_of_their_method():
    lines = layout(table()).set_index("row")
    assert list(lines.index) == ["STSTNet", "logistic regression", "CNN", "CausalNet"]
    assert lines.loc["STSTNet", ["value", "oracle", "printed_last", "printed_test"]].tolist() == [70, 72, 73.5, 77.4]
    assert lines.loc["CausalNet", ["printed_test"]].tolist() == [89.8]
    assert lines["oracle"].isna().tolist() == [False, True, False, True]  # an estimator has one epoch
    again = table().assign(row=lambda rows: rows["row"].replace("CausalNet", "EMR"))
    again.loc[again["row"] == "EMR", "key"] = "emr"
    both = pd.concat([again, again[again["row"] == "EMR"].assign(selection="last", value=80.0)])
    assert layout(both).set_index("row").loc["EMR", ["printed_last", "printed_test"]].tolist() == [80, 89.8]


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
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["STSTNet*", *layout(table())["row"][1:]]
    assert ax.get_xlabel() == "UF1, pooled (%); without training 30.0; * one seed"
    assert len(figure.legends) == 1
    plt.close(figure)


def test_the_message_is_the_best_result_and_the_median_price():
    price = "Choosing the epoch on the test set lifts 2 of 2 networks, by +4.0 at the median"
    assert message(table()) == f"Best UF1 70.0: STSTNet\n{price}"
    honest = table().query("selection != 'oracle'")
    assert message(honest) == "Best UF1 70.0: STSTNet; without training 30.0"
    ours = honest.assign(row=honest["row"].replace("CNN", "CNN, BRL"))
    ours["kind"] = ours["kind"].mask((ours["row"] == "STSTNet") & (ours["kind"] == "result"), "transductive")
    words = "Best UF1 65.0: logistic regression; transductive 70.0; CNN + BRL 60.0; without training 30.0"
    assert message(ours) == words
    assert message(honest.query("kind in ('printed', 'floor')")) == "No method was run"
