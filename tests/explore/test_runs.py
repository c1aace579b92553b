import re

import pytest

from melib.explore.runs import RunBrowser
from melib.learning.record import read_run
from melib.study.answers import answers, counts
from tests.explore.conftest import seen


@pytest.fixture
def browser(toy_runs):
    return RunBrowser(toy_runs.folders)


def test_two_runs_of_one_fold_stand_side_by_side(browser, toy_runs):
    assert {browser.first, browser.second} == {folder.name for folder in toy_runs.folders[:2]}
    first, second = (counts(answers(read_run(toy_runs.place / name), "last")) for name in
                     (browser.first, browser.second))  # fmt: skip
    cells = re.findall(r">([+-]?\d+)</td>", browser.matrices[2].value)
    assert list(map(int, cells)) == list((second - first).ravel())
    assert "UAR" in browser.scores.value
    assert "clips flipped" in browser.flips.html
    assert seen(browser.curves.value).shape == (250, 900, 3)
    assert "synthetic demo corpus" in browser.message.value


def test_it_opens_on_a_run_that_is_named_beside_one_of_its_fold(toy_runs):
    brl, plain, smic = (folder.name for folder in toy_runs.folders)
    for name, partner in ((plain, brl), (brl, plain), (smic, smic)):
        browser = RunBrowser(toy_runs.folders, name)
        assert (browser.first, browser.second) == (name, partner)


def test_a_menu_opens_another_run_and_the_picture_follows(browser, toy_runs):
    before = browser.curves.value
    menus = browser.menus["first"]
    menus["method"].value = "erm" if menus["method"].value == "brl" else "brl"
    assert browser.first == browser.second or browser.curves.value != before
    assert read_run(toy_runs.place / browser.first).settings.method == menus["method"].value


def test_options_that_follow_from_the_method_are_no_menus(browser):
    assert list(browser.menus["first"]) == ["held_out", "method", "network", "inputs", "seed"]


def test_menus_that_do_not_meet_open_the_nearest_run_and_say_so(browser):
    menus = browser.menus["second"]
    menus["method"].value = "brl"
    menus["held_out"].value = "SMIC"  # of which there is no BRL
    assert "No finished run has held_out SMIC, method brl" in browser.message.value
    assert menus["method"].value == "erm"
    assert "a paired test needs the same clips" in browser.scores.value
    menus["held_out"].value = "SAMM"
    assert "UAR" in browser.scores.value


def test_oracles_are_called_what_they_are(browser):
    browser.rule = "oracle"
    assert "optimistic, and no result" in browser.message.value
    browser.rule = "source_val"
    assert "optimistic" not in browser.message.value


def test_a_clip_of_the_list_is_opened_by_a_click(browser):
    browser.flips.clicked = "SAMM/s0/1"
    assert browser.clip_id == "SAMM/s0/1"


def test_no_runs_and_an_unknown_run_are_said(browser, tmp_path):
    assert "no finished run" in RunBrowser([tmp_path]).message.value
    browser.first = "nothing"
    assert "no finished run 'nothing'" in browser.message.value
    browser.first = browser.second
    assert "no finished run" not in browser.message.value
