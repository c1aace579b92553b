"""What was not run is one line with the command that makes it."""

from pathlib import Path

import pytest

from melib.learning.settings import RunSettings
from melib.study import standing as module
from melib.study.standing import FIRST_RUNS, STUDY, grid_to_show, standing
from melib.study.unit import Unit

SAMM = RunSettings.from_parameters({"held_out": "SAMM"})


@pytest.fixture
def plans(tmp_path, monkeypatch):
    """A study of three units and two first runs, of which `done` are finished."""
    units = {
        name: [Unit(Path("n.ipynb"), SAMM, tmp_path / f"{place}{k}") for k in range(count)]
        for place, (name, count) in enumerate(((STUDY, 3), (FIRST_RUNS, 2)))
    }
    monkeypatch.setattr(module, "read_plan", lambda name, **_: units[name])
    done = set()
    monkeypatch.setattr(module, "finished", lambda units: [unit.folder for unit in units if unit.folder in done])
    return units, done


def test_the_study_is_shown_once_it_has_a_run_and_the_first_runs_before(plans):
    units, done = plans
    assert grid_to_show() == (FIRST_RUNS, units[FIRST_RUNS])
    done.add(units[STUDY][0].folder)
    assert grid_to_show() == (STUDY, units[STUDY])
    assert grid_to_show(FIRST_RUNS) == (FIRST_RUNS, units[FIRST_RUNS])
    assert standing(STUDY, units[STUDY]) == "1 of 3 runs are finished; 2 not run: `make study`"


def test_of_the_first_runs_the_study_is_named_too(plans):
    units, done = plans
    done |= {unit.folder for unit in units[FIRST_RUNS]}
    line = "2 of 2 runs are finished. The study of all tables and claims was not run: `make study`"
    assert standing(FIRST_RUNS, units[FIRST_RUNS]) == line
