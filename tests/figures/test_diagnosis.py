"""BRL's diagnosis: one quantity a panel, and titles that say what the numbers say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from melib.corpus.index import DATASETS
from melib.figures.diagnosis import QUANTITIES, attention_message, brl_attention, brl_epochs, epochs_message


def epochs():
    rows = pd.DataFrame({"epoch": [1, 2, 3], "brl_start": 2, "gradient_ce": 1.0, "gradient_brl": 0.1, "inside": 0.3})
    parts = [
        rows.assign(lam=0.0, gap=[0.1, 0.2, 0.3], probe_dataset=0.9),
        rows.assign(lam=0.5, gap=[0.1, 0.1, 0.0], probe_dataset=0.8),
    ]
    return pd.concat(parts).assign(inputs="flow", held_out="CASME2", seed=0)


def attention(apart):
    rows = [
        pd.DataFrame({"lam": lam, "epoch": np.arange(1, 5), "dataset": name, "mean": 0.5 + step * place})
        for lam, step in ((0.0, 0.1), (0.5, apart))
        for place, name in enumerate(DATASETS[:4])
    ]
    table = pd.concat(rows).assign(inputs="flow", brl_start=2, held_out="MMEW", seed=0)
    return table.assign(q10=table["mean"] - 0.1, q90=table["mean"] + 0.1)


def test_each_quantity_has_a_panel_and_each_weight_a_line():
    figure = brl_epochs(epochs())
    drawn = figure.axes[: len(QUANTITIES)]
    ends = [[line.get_ydata()[-1] for line in ax.lines[:2]] for ax in drawn]
    np.testing.assert_allclose(ends, [[0.3, 0.0], [0.3, 0.3], [0.1, 0.1], [0.9, 0.8]])
    assert all(list(ax.lines[2].get_xdata()) == [2, 2] for ax in drawn)
    message = "With BRL a probe predicts the dataset with accuracy 0.80 on flow (without 0.90)"
    assert epochs_message(epochs()) == message
    assert figure.legends[0].get_title().get_text() == "CASME II held out; 1 seed"
    more = brl_epochs(pd.concat([epochs(), *(epochs().assign(lam=lam) for lam in (0.3, 0.7, 0.9))]))
    assert len(more.axes[0].lines) == 5 + 1  # every weight, and where BRL begins
    plt.close("all")


def test_attention_has_a_panel_a_weight_and_a_line_a_dataset():
    axes = brl_attention(attention(0.0)).axes
    assert [ax.get_title() for ax in axes] == ["flow, without BRL", "flow, λ = 0.5"]
    assert [len(ax.lines) for ax in axes] == [5, 5]
    plt.close("all")


def test_that_lines_coincide_is_said_in_the_title():
    words = "With BRL attention ends at {} (flow), {} for all datasets ({} apart)"
    full = attention(0.0).assign(mean=0.97)
    assert attention_message(full) == "BRL makes attention equal by saturating it: 0.97 (flow), datasets 0.00 apart"
    assert attention_message(attention(0.0)) == words.format("0.50", "the same", "0.00")
    assert attention_message(attention(0.2)) == words.format("0.80", "not the same", "0.60")
