"""The board of claims shows what was tested."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from melib.figures.claims import PLACES, VERDICTS, claims, message, scale


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def board():
    nothing = [float("nan")] * 3
    rows = [
        ("BRL", "a", 2.0, 1.0, 3.0, 3, "holds"),
        ("BRL", "b", -1.0, -3.0, 1.0, 1, "undecided"),
        ("flow", "c", 50.0, 48.0, 52.0, 3, "by construction"),
        *[("flow", f"more {k}", 0.0, -1.0, 1.0, 3, "undecided") for k in range(4)],
        ("top-up", "d", *nothing, 0, "not run"),
    ]
    table = pd.DataFrame(rows, columns=["topic", "claim", "effect", "low", "high", "seeds", "verdict"])
    return table.assign(paper="+4.26 UAR", p=[0.01, *[float("nan")] * (len(table) - 1)])


def test_the_title_counts_verdicts():
    assert message(board()) == "Of 7 claims tested 1 holds, 5 undecided, 1 by construction (1 not run)"
    verdicts = board().assign(verdict=["does not", "does not", *board()["verdict"][2:]])
    text = "Of 7 claims tested none holds, 2 do not hold, 4 undecided, 1 by construction (1 not run)"
    assert message(verdicts) == text


def test_what_was_not_run_has_no_row_and_what_is_far_an_arrow():
    brl, words, flow, _ = claims(board()).axes
    assert [ax.get_title(loc="left") for ax in (brl, flow)] == ["BRL", "flow"]
    assert [label.get_text() for label in flow.get_yticklabels()][:2] == ["c", "more 0"]
    assert brl.get_xlim() == flow.get_xlim() == (-scale(board()), scale(board()))
    assert scale(board()) < 10  # what was built in does not set the scale
    assert [line.get_marker() for line in flow.lines].count(">") == 1
    texts = [text.get_text() for text in words.texts]
    first = ["+2.0 (+1.0 to +3.0)", "0.01", "holds", "+4.26 UAR"]
    assert texts == [*first, "−1.0 (−3.0 to +1.0)*", "", "undecided", "+4.26 UAR", *PLACES]
    assert to_rgba(words.texts[2].get_color()) == to_rgba(VERDICTS["holds"])
