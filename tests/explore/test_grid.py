import asyncio
import json
import re

import pytest

from melib.explore.grid import COLOURS, GridPanel
from melib.folder import write_done
from melib.study.lock import take
from melib.study.plan import expand, make_plan


@pytest.fixture
def units(tmp_path):
    grid = {"held_out": ["SMIC", "CASME2"], "lam": [0, 0.5], "seed": [0, 1], "out": str(tmp_path)}
    return make_plan(expand(grid), lambda _: "f00d")


def finish(unit):
    unit.folder.mkdir()
    write_done(unit.folder)


def cells(panel):
    """Row names, and the tooltip and sign of every cell."""
    rows = re.findall(r"<tr><td style[^>]*nowrap.>(.*?)</td>(.*?)</tr>", panel.map.html, re.S)
    return {
        name: re.findall(r"<td data-key='.*?' title='(.*?)' style='(.*?)'>(.*?)</td>", line, re.S)
        for name, line in rows
    }


def test_a_cell_a_run_that_fills_in(units, monkeypatch):
    panel = GridPanel(units)
    assert list(cells(panel)) == ["lam 0", "lam 0.5"]
    assert panel.map.html.count("CASME II") == 1
    assert panel.map.html.count("seed 1") == 2
    assert [len(line) for line in cells(panel).values()] == [4, 4]

    monkeypatch.setenv("MELIB_LOCK", "")
    finish(units[0])
    units[1].work.mkdir(parents=True)
    (units[1].work / "progress.json").write_text(json.dumps({"done": 3, "total": 4, "left": 5}))
    take(units[1].work, 1)
    units[2].work.mkdir(parents=True)
    (units[2].work / "error").write_text("ValueError: a < b")
    panel.refresh()
    (first, second, *_), (third, *_) = cells(panel).values()
    assert [cell[2] for cell in (first, second, third)] == ["✓", "75 %", "✗"]
    assert "epoch 3 of 4, about 0:05 left" in second[0]
    assert "ValueError: a &lt; b" in third[0]
    assert f"{COLOURS['running']} 75%" in second[1]
    for words in ("8 runs, 22%", "<b>1</b>", "<b>5</b>"):
        assert words in panel.counts.value


def test_rows_are_named_by_what_tells_them_apart_beside_generators(tmp_path):
    base = {"held_out": "SMIC", "inputs": "apex", "out": str(tmp_path), "lam": [0, 0.5], "seed": [0, 1, 2]}
    runs = [*expand(base), *expand(base | {"lam": 0.5, "seed": 0, "augment": "even"})]
    panel = GridPanel(make_plan(runs, lambda _: "f00d"))
    assert list(cells(panel)) == ["03_gan_augmentation", "lam 0", "lam 0.5", "augment even, lam 0.5"]
    assert "Where nothing else is said: augment none." in panel.map.html
    assert sum(len(line) for line in cells(panel).values()) == 8


def test_options_that_follow_from_the_method_and_scores_name_no_row(tmp_path):
    runs = [*expand({"held_out": ["SMIC", "SAMM"], "method": ["erm", "brl", "logreg"], "out": str(tmp_path)})]
    panel = GridPanel(make_plan(runs, lambda _: "f00d"))
    panel.rows = panel.rows.assign(uar=[0.1 * place for place in range(len(runs))])
    assert list(cells(panel)) == ["method erm", "method brl", "method logreg"]


def test_it_watches_until_all_is_done(units):
    async def study():
        panel = GridPanel(units).watch(seconds=0.01)
        for unit in units:
            finish(unit)
        await asyncio.wait_for(panel.task, 30)
        return panel

    panel = asyncio.run(study())
    assert set(panel.rows["state"]) == {"done"}
    assert panel.map.html.count("✓") == 8


def test_an_empty_study():
    assert "0 runs" in GridPanel([]).counts.value
