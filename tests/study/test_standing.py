"""What was not run is one line with the command that makes it."""

from pathlib import Path

import pytest

from melib.folder import write_done
from melib.gan.settings import GanSettings
from melib.learning.settings import RunSettings
from melib.study import standing as module
from melib.study.standing import FIRST_RUNS, LARGER_BACKBONES, STUDY, grid_to_show, runs_to_show, standing
from melib.study.unit import Unit

SAMM = RunSettings.from_parameters({"held_out": "SAMM"})


@pytest.fixture
def plans(tmp_path, monkeypatch):
    """A study of three units, two first runs and two of larger backbones, of which `done` are finished."""
    units = {
        name: [Unit(Path("n.ipynb"), SAMM, tmp_path / f"{place}{k}") for k in range(count)]
        for place, (name, count) in enumerate(((STUDY, 3), (FIRST_RUNS, 2), (LARGER_BACKBONES, 2)))
    }
    monkeypatch.setattr(module, "read_plan", lambda name, **_: units[name])
    done = set()
    monkeypatch.setattr(module, "is_done", done.__contains__)
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


def test_larger_backbones_are_shown_with_the_study_alone(plans):
    units, done = plans
    first, larger = units[FIRST_RUNS][0].folder, units[LARGER_BACKBONES][1].folder
    done |= {units[STUDY][0].folder, first, larger}
    assert runs_to_show(STUDY, units[STUDY]) == [units[STUDY][0].folder, larger]
    assert runs_to_show(FIRST_RUNS, units[FIRST_RUNS]) == [first]


def test_a_finished_generator_counts(tmp_path):
    (tmp_path / "generator").mkdir()
    generator = Unit(Path("n.ipynb"), GanSettings.from_parameters({"held_out": "SAMM"}), tmp_path / "generator")
    write_done(generator.folder)
    assert standing(STUDY, [generator]) == "1 of 1 runs are finished"
