"""Figure 6 shows the table's numbers, and no text overlaps another."""

import itertools

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from melib.figures import architecture
from melib.figures.style import use_style
from melib.learning.networks.layers import layer_table
from melib.study.tables import BACKBONES

NAMES = list(BACKBONES)


@pytest.fixture(scope="module")
def layers():
    return pd.concat([layer_table(name, (3, 224, 224)) for name in NAMES], ignore_index=True)


def test_texts_keep_apart_and_stay_on_the_page(layers):
    with plt.rc_context():
        use_style()
        figure = architecture.backbones(layers)
        figure.canvas.draw()
        texts = [text for ax in figure.axes for text in ax.texts if text.get_text()]
        boxes = [text.get_window_extent() for text in texts]
    assert len(boxes) > 15
    page = figure.bbox
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    for (a, one), (b, other) in itertools.combinations(zip(texts, boxes, strict=True), 2):
        assert not one.overlaps(other), (a.get_text(), b.get_text())
    plt.close("all")


def test_figure_6_shows_the_shapes_and_parameters_of_the_table(layers):
    figure = architecture.backbones(layers)
    for ax, name in zip(figure.axes, NAMES, strict=True):
        rows = layers[layers["network"] == name]
        assert f"{rows['parameters'].sum():,} parameters" in ax.get_title(loc="left")
        shown_texts = [text.get_text().replace("\u2009", "").replace("×", "x").replace(",", "") for text in ax.texts]
        assert set(rows["output"]) <= set(shown_texts)
        shown = sum(
            int(text) for text, y in zip(shown_texts, (t.get_position()[1] for t in ax.texts), strict=True) if y < -1
        )
        assert shown == rows["parameters"].sum()
    plt.close("all")
