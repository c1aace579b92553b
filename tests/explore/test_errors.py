import pytest

from melib.explore.errors import ErrorBrowser
from melib.learning.record import read_run
from melib.prepare.samples import Samples
from melib.study.answers import answers
from tests.conftest import toy
from tests.explore.conftest import seen


@pytest.fixture
def browser(toy_runs):
    return ErrorBrowser(toy_runs.folders, toy_runs.samples)


def test_a_cell_opens_its_clips_the_surest_first(browser, toy_runs):
    table = answers(read_run(toy_runs.place / browser.run), "last")
    row = table.iloc[0]
    browser.matrix.clicked = f"{row['true']}|{row['predicted']}"
    own = table[(table["true"] == row["true"]) & (table["predicted"] == row["predicted"])]
    assert browser.clip_id == own["clip_id"].iloc[0]
    places = [browser.clips.html.index(f"data-key='{name}'") for name in own["clip_id"][:12]]
    assert places == sorted(places)
    assert f"of {len(own)}" in browser.clips.html or f": right {len(own)}" in browser.clips.html or (
        f": mistakes {len(own)}" in browser.clips.html)  # fmt: skip


def test_a_clip_shows_its_flow_its_course_and_what_the_other_run_says(browser, toy_runs):
    clip_id = browser.rows["clip_id"].iloc[7]
    before = browser.plot.value
    browser.clips.clicked = clip_id
    assert clip_id in browser.heading.value
    assert browser.plot.value != before
    assert seen(browser.flow.value).shape == (224, 224, 3)
    other = toy_runs.folders[1].name
    assert other in browser.others.value
    assert toy_runs.folders[2].name not in browser.others.value  # it was trained on this clip


def test_an_empty_cell_is_said(browser):
    empty = [(t, p) for t in range(3) for p in range(3) if browser.counts[t, p] == 0]
    if not empty:
        pytest.skip("this run fills every cell")
    names = ("positive", "negative", "surprise")
    true, predicted = empty[0]
    browser.cell = f"{names[true]}|{names[predicted]}"
    assert f"No clip of class {names[true]} is called {names[predicted]}" in browser.clips.html


def test_samples_of_another_corpus_and_none_leave_out_the_pictures(toy_runs):
    others = toy()
    renamed = Samples(others.index.assign(clip_id="x/" + others.index["clip_id"]), others.arrays)
    browser = ErrorBrowser(toy_runs.folders, renamed)
    assert "the run is of another corpus" in browser.heading.value
    assert not browser.flow.value
    assert len(seen(browser.plot.value))
    assert "no pictures" in ErrorBrowser(toy_runs.folders).heading.value


def test_another_run_opens_its_own_clips(browser, toy_runs):
    browser.run = toy_runs.folders[2].name
    assert set(browser.rows["dataset"]) == {"SMIC"}
    assert browser.clip_id.startswith("SMIC/")
    browser.run = toy_runs.folders[0].name
    browser.clip_id = "SMIC/s0/0"
    assert "is not held out by this run" in browser.heading.value


def test_no_runs_are_said(tmp_path):
    assert "no finished run" in ErrorBrowser([tmp_path]).message.value
