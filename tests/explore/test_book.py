import base64
import re

import nbformat
import pytest

from melib.explore.book import BookError, make_book, page_key
from melib.explore.still import PLOTLY, still
from tests.explore.conftest import seen

CELL = """
import ipywidgets as widgets, numpy as np, cv2
from tqdm.auto import tqdm
from melib.explore.table import ClickTable
bar = tqdm(range(3), desc="steps")
for _ in bar: pass
image = widgets.Image(value=cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes())
hidden = widgets.HTML("not seen", layout={"display": "none"})
menu = widgets.Dropdown(options=["first", "second"], value="second", description="menu")
image.value = cv2.imencode(".png", np.full((5, 5, 3), 200, np.uint8))[1].tobytes()
widgets.VBox([image, menu, hidden, ClickTable(html="<b>a table</b>"), widgets.FloatSlider(2.5, description="times")])
"""
MAP = """
import pandas as pd
from melib.explore.hover import HoverMap
HoverMap(pd.DataFrame({"clip_id": ["one"], "dataset": "SMIC", "label": "positive", "x": 1.5, "y": 2.0}))
"""


def write(path, *cells, title="# A page\n\nIts first paragraph, by `melib`:"):
    notebook = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell('corpus: str = "none"  # of the page', metadata={"tags": ["parameters"]})
    notebook.cells = [nbformat.v4.new_markdown_cell(title), parameters]
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def grid(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("held_out: SAMM")
    return path


def test_pages_hold_panels_as_pictures_and_only_what_changed_runs_again(tmp_path, grid):
    picture = "from IPython.display import Image; Image(image.value)"
    notebook = write(tmp_path / "01_page.ipynb", CELL, "print('corpus', corpus)", MAP, picture)
    again = write(tmp_path / "02_other.ipynb", "print(1 + 1)")
    said = []
    asked = dict(corpus="tiny", profile="tiny", grid=grid, notebooks=[notebook, again], report=said.append)
    assert make_book(tmp_path / "book", **asked) == ["01_page", "02_other"]
    page = (tmp_path / "book" / "01_page.html").read_text()
    (picture,) = re.findall('<img alt="a picture of the panel" src="data:image/png;base64,(.*?)"', page)
    assert seen(base64.b64decode(picture)).shape == (5, 5, 3)  # the last one
    synthetic = "synthetic demo corpus"
    figure = 'alt="Figure of the section: A page"'
    for words in ("a table", "<b>second</b>", "<b>2.5</b>", "corpus tiny", synthetic, figure):
        assert words in page
    assert re.search(r"steps:\s+100%", page)
    assert "not seen" not in re.sub("<pre>.*?</pre>", "", page, flags=re.S)
    assert "widget-view" not in page
    assert "Plotly.newPlot" in page and '"x": [1.5]' in page
    assert (tmp_path / "book" / PLOTLY).stat().st_size > 10**6
    index = (tmp_path / "book" / "index.html").read_text()
    assert "<a href='01_page.html'>A page</a>" in index and "Its first paragraph, by <code>melib</code>." in index

    assert make_book(tmp_path / "book", **asked) == []
    assert said[-2:] == ["01_page: unchanged", "02_other: unchanged"]
    write(again, "print(2 + 2)")
    assert make_book(tmp_path / "book", **asked) == ["02_other"]
    grid.write_text("held_out: SMIC")
    assert make_book(tmp_path / "book", **asked) == ["01_page", "02_other"]


def test_the_key_hears_the_parameters_but_no_path(tmp_path, grid):
    notebook = write(tmp_path / "01_page.ipynb")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = elsewhere / notebook.name
    moved.write_bytes(notebook.read_bytes())
    key = page_key(notebook, grid, {"corpus": "demo", "grid": "here"})
    assert page_key(moved, grid, {"corpus": "demo", "grid": "there"}) == key
    assert page_key(notebook, grid, {"corpus": "tiny", "grid": "here"}) != key


def test_a_notebook_that_fails_is_named_with_what_it_said(tmp_path, grid):
    good = write(tmp_path / "01_good.ipynb", "1")
    bad = write(tmp_path / "02_bad.ipynb", "raise ValueError('no such clip')")
    with pytest.raises(BookError, match=r"(?s)02_bad.ipynb failed.*no such clip"):
        make_book(tmp_path / "book", "tiny", "tiny", grid, [good, bad], report=lambda _: None)
    assert (tmp_path / "book" / "01_good.html").is_file()


def test_chosen_entries_of_a_list_are_named():
    state = {"description": "runs", "_options_labels": ["a", "b", "c"], "index": [0, 2]}
    assert "<b>a, c</b>" in still({"a": {"model_name": "SelectMultipleModel", "state": state}}, "a")
    assert "<b>—</b>" in still({"a": {"model_name": "SelectMultipleModel", "state": state | {"index": []}}}, "a")


def test_widgets_that_are_not_known_are_named():
    models = {"a": {"model_name": "VideoModel", "state": {}}}
    assert "VideoModel" in still(models, "a")
    assert "without stored state" in still(models, "b")
