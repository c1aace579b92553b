"""Figures of results show what their tables say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from melib.corpus.index import DATASETS
from melib.figures import results as draw


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def effects():
    nothing = [float("nan")] * 3
    rows = [
        ("a", 2.0, 1.0, 3.0, "holds"),
        ("b", -1.0, -3.0, 1.0, "undecided"),
        ("c", *nothing, "not run"),
    ]
    return pd.DataFrame(rows, columns=["name", "effect", "low", "high", "verdict"])


def board():
    return effects().rename(columns={"name": "claim"}).assign(paper="+1.0", seeds=[3, 3, 0])


def spans(ax):
    return [[tuple(point) for point in path.vertices] for lines in ax.collections for path in lines.get_paths()]


def test_confusions_count_by_dataset_and_fill_what_is_absent():
    rows = [
        ("SAMM", "negative", "surprise", 3),
        ("SMIC", "positive", "positive", 4),
        ("SMIC", "positive", "negative", 1),
    ]
    axes = plt.figure().subplots(1, 2)
    draw.confusions(pd.DataFrame(rows, columns=["held_out", "label", "predicted", "count"]), axes)
    assert [ax.get_title() for ax in axes] == ["SMIC", "SAMM"]
    first, second = ([text.get_text() for text in ax.texts] for ax in axes)
    assert first[:3] == ["4\n80%", "1\n20%", "0\n0%"]
    assert second[5] == "3\n100%"
    assert axes[0].get_ylabel() == "true"
    assert not axes[1].get_ylabel()


def test_forest_places_effects_and_intervals():
    ax = draw.forest(effects(), plt.figure().add_subplot())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    assert spans(ax)[:2] == [[(1, 0), (3, 0)], [(-3, 1), (1, 1)]]
    dots = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert [float(dot.get_xdata()[0]) for dot in dots[:2]] == [2, -1]
    assert [text.get_text() for text in ax.texts] == ["not run"]
    assert ax.get_ylim() == (2.5, -0.5)


def test_the_board_tells_claim_paper_effect_and_verdict_on_its_data():
    ax = draw.claims_board(board(), plt.figure().add_subplot(), "the synthetic demo corpus")
    assert ax.get_title(loc="left").endswith("on the synthetic demo corpus")
    texts = [text.get_text() for text in ax.texts]
    assert "+2.0 (+1.0 to +3.0)" in texts
    assert texts.count("3") == 2
    assert "−1.0 (−3.0 to +1.0)" in texts
    tags = {text.get_text(): text.get_bbox_patch() for text in ax.texts if text.get_bbox_patch()}
    assert {name: tag.get_facecolor() for name, tag in tags.items()} == {
        name: to_rgba(draw.VERDICTS[name]) for name in ("holds", "undecided", "not run")
    }
    (a, b), (c, d) = ([x for x, _ in span] for span in spans(ax)[:2])
    assert (d - c, (a + b) / 2 - c) == pytest.approx((2 * (b - a), 2.5 * (b - a)))  # one scale for one unit


def test_attention_has_a_panel_a_setting_and_a_line_a_dataset():
    epochs = np.arange(1, 5)
    rows = [
        pd.DataFrame({"setting": s, "epoch": epochs, "domain": d, "mean_a": 0.5, "q10": 0.4, "q90": 0.6})
        for s in ("λ = 0", "λ = 0.5")
        for d in DATASETS[:4]
    ]
    axes = plt.figure().subplots(1, 2)
    draw.attention(pd.concat(rows), axes)
    assert [ax.get_title() for ax in axes] == ["λ = 0", "λ = 0.5"]
    assert [len(ax.lines) for ax in axes] == [4, 4]


def test_the_diagnosis_is_drawn_by_lam_from_where_brl_begins():
    epochs = pd.DataFrame({"epoch": [1, 2, 3], "brl_start": 2, "gradient_ce": 1.0, "gradient_brl": 0.1, "gap": 0.2,
                           "inside": 0.3, "probe_dataset": 0.9, "probe_label": 0.5})  # fmt: skip
    table = pd.concat([epochs.assign(lam=0.0), epochs.assign(lam=0.5)])
    drawn = {draw.gradients: (epochs, [1.0, 0.1]), draw.steering: (table, [0.2, 0.3] * 2),
             draw.probes: (table, [0.9, 0.5] * 2)}  # fmt: skip
    for function, (rows, levels) in drawn.items():
        ax = function(rows, plt.figure().add_subplot())
        *lines, start = ax.lines
        assert [line.get_ydata()[0] for line in lines] == levels
        assert list(start.get_xdata()) == [2, 2]
        assert len(ax.get_legend().get_texts()) == len(levels)
