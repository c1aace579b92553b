"""Figures of results show what their tables say."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from melib.figures import results as draw


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def counts():
    rows = [
        ("SAMM", "negative", "surprise", 3),
        ("SMIC", "positive", "positive", 4),
        ("SMIC", "positive", "negative", 1),
    ]
    table = pd.DataFrame(rows, columns=["held_out", "label", "predicted", "count"])
    return table.assign(setting="CNN on flow, CE")


def effects():
    rows = [
        ("flow", "over CE", "SMIC", 1.0, 3),
        ("flow", "over CE", "mean", 0.5, 3),
        ("flow", "over CE", "pooled", 9.0, 3),
        ("flow", "over CE scaled", "mean", -0.5, 1),
        ("apex", "over CE", "mean", float("nan"), 0),
    ]
    table = pd.DataFrame(rows, columns=["inputs", "contrast", "name", "effect", "n"])
    return table.assign(low=table["effect"] - 1, high=table["effect"] + 1, selection="source_val")


def table8():
    rows = [
        (row, rule, value)
        for row, values in (
            ("apex", (40.0, 41.0, 43.0)),
            ("flow", (float("nan"), 60.0, 64.0)),
            ("flow + BRL", (float("nan"), float("nan"), float("nan"))),
        )
        for rule, value in zip(("source_val", "last", "oracle"), values, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["row", "selection", "value"])
    return table.assign(table="table8", metric="uar", column="mean", low=table["value"] - 2, high=table["value"] + 2)


def test_confusions_count_by_dataset_and_fill_what_is_absent():
    axes = draw.confusions(counts()).axes
    assert [ax.get_title() for ax in axes] == ["SMIC", "SAMM"]
    first, second = ([text.get_text() for text in ax.texts] for ax in axes)
    assert first[:3] == ["4\n80%", "1\n20%", "0\n0%"]
    assert second[5] == "3\n100%"
    assert axes[0].get_ylabel() == "true"
    assert not axes[1].get_ylabel()


def test_the_most_frequent_error_is_said():
    assert draw.confusions_message(counts()) == (
        "Highest error rate, datasets pooled: 100% of negative clips are taken for surprise"
    )
    right = counts().query("label == predicted")
    assert draw.confusions_message(right) == "No clip is taken for another class"


def test_effects_have_one_legend_with_seeds_and_leave_out_what_was_not_run():
    figure = draw.effects(effects())
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["SMIC", "mean"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "over CE (3 seeds)",
        "over CE scaled (1 seed)",
    ]
    assert draw.effects_message(effects()) == "BRL over cross-entropy: +0.5 (−0.5 to +1.5) on flow: no sure gain"
    sure = effects().assign(low=0.1)
    assert draw.effects_message(sure) == "BRL over cross-entropy: +0.5 (+0.1 to +1.5) on flow"


def test_the_ablation_has_the_first_rule_that_gives_a_result_and_the_oracle_beside_it():
    rows = draw.ablation(table8()).set_index("row")
    assert rows[["value", "oracle"]].to_numpy().tolist() == [[40, 43], [60, 64]]
    assert (
        draw.selection_message(draw.ablation(table8()))
        == "Choosing the epoch on the test set lifts 2 of 2 settings: +3.5 points on average"
    )
    axes = draw.tables(table8()).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["apex frames", "optical flow"]
    assert [label.get_text() for ax in axes for label in ax.get_yticklabels()] == ["cross-entropy"] * 2
