import numpy as np
import pytest
from plotly.callbacks import Points

from melib.explore.clips import ClipBrowser
from melib.explore.hover import HoverMap, with_facts
from melib.prepare.samples import Samples
from tests.conftest import toy
from tests.explore.conftest import seen


@pytest.fixture
def samples():
    return toy()


@pytest.fixture
def hover_map(samples):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, len(samples)))
    panel = np.where(np.arange(len(samples)) < 60, "early", "late")
    return HoverMap(samples.index.assign(x=x, y=y, panel=panel, motion=np.float32(0.51234)), samples, synthetic=True)


def points(hover_map):
    return {trace.name: list(trace.customdata) for trace in hover_map.figure.data}


def test_points_are_grouped_by_dataset_or_class_and_by_map(hover_map, samples):
    early = samples.index.iloc[:60]
    assert points(hover_map) == {name: own["clip_id"].to_list() for name, own in early.groupby("dataset", sort=False)}
    hover_map.colour = "label"
    assert {name: set(ids) for name, ids in points(hover_map).items()} == {
        name: set(own["clip_id"]) for name, own in early.groupby("label")}  # fmt: skip
    hover_map.panel = "late"
    assert sum(map(len, points(hover_map).values())) == len(samples) - 60


def test_hovering_shows_the_clips_picture_and_facts(hover_map, samples):
    trace = hover_map.figure.data[1]
    hover_map._hover(trace, Points(point_inds=[4]), None)
    assert hover_map.hovered == trace.customdata[4]
    for word in (trace.customdata[4], "motion (% of face width)", ">0.512<"):
        assert word in hover_map.facts.value
    assert "panel" not in hover_map.facts.value
    row = samples.index["clip_id"].to_list().index(hover_map.hovered)
    shrunk = seen(hover_map.picture).reshape(8, 20, 8, 20, 3).mean((1, 3))
    assert np.abs(shrunk - samples.arrays["flow_image"][row]).mean() < 12


def test_a_map_of_one_dataset_is_coloured_by_class_and_flow_stands_in_for_a_face(samples):
    rows = samples.index.assign(x=0.0, y=0.0)
    of_one = HoverMap(rows[rows["dataset"] == "SMIC"], samples)
    assert of_one.colour == of_one.colours.value == "label"
    flow = np.zeros((len(samples), 2, 8, 8), np.float16)
    flow[:, 0, :, 4:] = 1  # to the right, in the right half
    picture = seen(HoverMap(rows, Samples(samples.index, {"flow": flow})).picture)
    assert picture.shape == (160, 160, 3)
    assert picture[:, :60].min() > 240 > picture[:, 100:].min()  # white where nothing moves


def test_a_lasso_selects_over_all_traces_and_fills_a_browser(hover_map, samples):
    browser = ClipBrowser(samples)
    hover_map.observe(lambda change: browser.set_trait("pool", change["new"]), "selected")
    wanted = []
    for trace, places in zip(hover_map.figure.data, ([0, 2], [1]), strict=False):
        hover_map._select(trace, Points(point_inds=places), None)
        wanted += [trace.customdata[place] for place in places]
    assert hover_map.selected == wanted
    assert sorted(browser.menus["clip"].options) == sorted(wanted)
    hover_map._select(hover_map.figure.data[0], Points(point_inds=[]), None)
    assert hover_map.selected == wanted[2:]


def test_the_map_is_marked_synthetic_and_unknown_clips_are_said(hover_map, samples):
    assert hover_map.figure.layout.annotations[0].text == "synthetic demo corpus"
    table = samples.index.assign(x=0.0, y=0.0)
    assert not HoverMap(table, samples).figure.layout.annotations
    hover_map.hovered = "nobody"
    assert "holds no clip nobody" in hover_map.facts.value


def test_points_take_the_facts_of_their_clips(samples):
    table = samples.index[["clip_id", "label"]].assign(x=0.0)
    facts = samples.index[["clip_id", "label"]].assign(motion=np.arange(len(samples)))[::-1]
    joined = with_facts(table, facts)
    assert list(joined.columns) == ["clip_id", "label", "x", "motion"]
    assert (joined["motion"] == np.arange(len(samples))).all()
