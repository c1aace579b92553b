"""The launcher `plain`: processes that stay leave what a notebook leaves, without the executed notebook."""

import multiprocessing
import os
import signal
import threading
import time

import pandas as pd
import psutil
import pytest

from melib.folder import check_done
from melib.learning.data import load_data
from melib.learning.record import finished_or_fit, read_run
from melib.study import launch
from melib.study.launch import Options, run_plain
from melib.study.lock import take
from melib.study.plan import expand, make_plan
from melib.study.resident import run_here
from melib.study.unit import read_state
from tests.conftest import toy


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Four runs on toy samples: two methods, two seeds."""
    monkeypatch.setattr(launch, "POLL", 0.2)
    samples = toy(size=16)
    samples.save(tmp_path / "toy")

    def make(**changes):
        grid = dict(corpus=str(tmp_path / "toy"), out=str(tmp_path / "runs"), profile="tiny", held_out="SAMM",
                    inputs="flow_image", image_size=16, method=["erm", "brl"], seed=[0, 1])  # fmt: skip
        runs = expand(grid | changes)
        return make_plan(runs, lambda settings: load_data(settings).fingerprint)

    return make


def test_its_runs_are_those_of_a_single_training_to_the_bit(plan, tmp_path):
    units = plan()
    assert run_plain(units, Options(slots=2)) == {}
    assert {path.name for path in (tmp_path / "runs").glob("[!.]*")} == {unit.name for unit in units}
    assert not any((tmp_path / "runs" / ".work").iterdir())
    for unit in units:
        assert check_done(unit.folder, hashes=True) == [] and not (unit.folder / "notebook.ipynb").exists()
    alone = plan(out=str(tmp_path / "alone"))[3]
    run = finished_or_fit(load_data(alone.settings), alone.settings)
    pd.testing.assert_frame_equal(run.predictions, read_run(units[3].folder).predictions)
    pd.testing.assert_frame_equal(run.history, read_run(units[3].folder).history)


def test_an_error_is_kept_and_stops_no_other_run(plan, tmp_path):
    toy(size=16, seed=1).save(tmp_path / "gone")
    units = plan(corpus=[str(tmp_path / "gone"), str(tmp_path / "toy")], method="erm", seed=0)
    (tmp_path / "gone").rename(tmp_path / "away")
    problems = run_plain(units, Options(slots=1))
    assert (
        list(problems) == [units[0].name]
        and f"The data in {tmp_path / 'gone'} cannot be used" in problems[units[0].name]
    )
    assert [read_state(unit).state for unit in units] == ["failed", "done"]
    assert run_plain(units, Options(slots=1)) == problems
    (tmp_path / "away").rename(tmp_path / "gone")
    assert run_plain(units, Options(slots=1, retry_failed=True)) == {}


def test_a_run_that_another_holds_is_left_to_it(plan):
    unit = plan()[0]
    lock = take(unit.work, 1)
    run_here(unit, 0)
    assert not unit.folder.exists() and lock.beat()
    lock.release()
    run_here(unit, 0)
    assert read_state(unit).state == "done"


def test_a_process_that_is_killed_ends_the_study_and_the_next_goes_on(plan):
    units = plan(epochs=100_000, method="erm")

    def kill_one():
        while not any((unit.work / "progress.json").is_file() for unit in units):
            time.sleep(0.1)
        workers = [p for p in psutil.Process().children() if "multiprocessing.spawn" in " ".join(p.cmdline())]
        os.kill(workers[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(ChildProcessError, match="goes on where it was stopped"):
        run_plain(units, Options(slots=2))
    killer.join()
    assert [read_state(unit).state for unit in units] == ["planned"] * 2


def test_its_processes_end_with_the_one_that_started_them(plan):
    units = plan(epochs=100_000, method="erm", seed=0)
    study = multiprocessing.get_context("spawn").Process(target=run_plain, args=(units, Options(slots=1)))
    study.start()
    while not (units[0].work / "progress.json").is_file():
        time.sleep(0.1)
    workers = psutil.Process(study.pid).children(recursive=True)
    study.kill()
    study.join()
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    assert read_state(units[0]).state == "planned"


def test_a_time_limit_is_refused(plan):
    with pytest.raises(ValueError, match="use local"):
        run_plain(plan(), Options(time_limit=3))
