"""Launchers, on a notebook that needs no torch; tests/study/test_faults.py kills them."""

import os
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from melib.learning.settings import RunSettings
from melib.study import launch, lock
from melib.study.launch import Options, run_dask, run_local, run_print
from melib.study.plan import expand, make_plan
from melib.study.unit import read_state
from tests.study.stub import assert_complete, units


@dataclass(frozen=True)
class OnGpu:
    seed: int
    device: str = "auto"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(launch, "POLL", 0.2)


def states(units):
    return [read_state(unit).state for unit in units]


def test_runs_what_is_not_done_and_tells_how_far_it_is(tmp_path):
    plan = units(tmp_path, 3)
    seen = []
    assert run_local(plan, Options(slots=2), lambda states: seen.append([at.state for at in states.values()])) == {}
    assert_complete(plan)
    assert ["running", "running", "planned"] in seen
    assert seen[-1] == ["done"] * 3

    before = {unit.name: (unit.folder / "done").stat() for unit in plan}
    assert run_local(plan, Options()) == {}
    assert before == {unit.name: (unit.folder / "done").stat() for unit in plan}


def test_a_failure_keeps_its_notebook_and_stays_until_it_is_asked_for(tmp_path):
    trouble = tmp_path / "trouble"
    trouble.touch()
    plan = units(tmp_path, 2, trouble=str(trouble))
    reasons = {unit.name: f"ValueError: seed {unit.settings.seed} is unlucky" for unit in plan}
    assert run_local(plan, Options(slots=2)) == reasons
    assert states(plan) == ["failed"] * 2
    assert "is unlucky" in (plan[0].work / "notebook.ipynb").read_text()
    trouble.unlink()
    assert run_local(plan, Options(slots=2)) == reasons  # nothing is started
    assert run_local(plan, Options(slots=2, retry_failed=True)) == {}
    assert_complete(plan)


def test_a_unit_waits_for_what_it_needs(tmp_path):
    first = units(tmp_path, 1, name="generated")
    plan = [*units(tmp_path, 2, needs=(first[0].folder,)), *first]
    assert read_state(plan[0]).note == "waits for generated0"
    assert run_local(plan, Options(slots=3)) == {}
    assert_complete(plan)
    order = sorted(plan, key=lambda unit: (unit.folder / "done").stat().st_mtime_ns)
    assert order[0].name == "generated0"


def test_what_needs_a_failed_unit_is_not_started(tmp_path):
    (tmp_path / "trouble").touch()
    first = units(tmp_path, 1, name="generated", trouble=str(tmp_path / "trouble"))
    problems = run_local([*first, *units(tmp_path, 1, needs=(first[0].folder,))], Options())
    assert problems == {"generated0": "ValueError: seed 0 is unlucky", "run0": "needs generated0"}


def test_a_unit_that_hangs_is_ended(tmp_path):
    (tmp_path / "hang").touch()
    plan = units(tmp_path, 1, trouble=str(tmp_path / "hang"))
    assert run_local(plan, Options(time_limit=4)) == {"run0": "TimeoutError: ran past the time limit of 4 s."}
    (tmp_path / "hang").unlink()
    assert run_local(plan, Options(time_limit=60, retry_failed=True)) == {}
    assert_complete(plan)


def test_a_holder_on_another_host_is_waited_for_until_its_heart_stands_still(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "STALE", 1.5)
    plan = units(tmp_path, 1)
    plan[0].work.mkdir(parents=True)
    file, notes = plan[0].work / "lock.1", []

    def beat(states):
        notes.append(states["run0"].note)
        if len(notes) < 8:
            file.write_text(f'{{"host": "elsewhere 0", "pid": 1, "start": "7", "beat": {len(notes)}}}')

    started = time.monotonic()
    assert run_local(plan, Options(), beat) == {}
    assert "starting, on elsewhere" in notes
    assert time.monotonic() - started > 1.5 + 6 * launch.POLL
    assert_complete(plan)


@pytest.mark.parametrize("code, tries", [(launch.DIED, 3), (-9, 3), (5, 1)])
def test_only_a_death_is_tried_again(tmp_path, monkeypatch, code, tries):
    plan, started = units(tmp_path, 1), []
    plan[0].work.mkdir(parents=True)
    end = f"os.kill(os.getpid(), {-code})" if code < 0 else f"sys.exit({code})"
    end = f"import os, sys; print('the reason', file=sys.stderr, flush=True); {end}"
    monkeypatch.setattr(launch, "RUNNER", ("-c", end))
    reason = launch.run_unit(plan[0], 0, None, str(tmp_path), started=started.append)
    assert len(started) == tries
    assert reason == ("the reason" if tries == 1 else "")
    if tries > 1:
        why = "killed by signal 9" if code < 0 else "the reason"
        assert read_state(plan[0]).note == f"{why}, 3 times (out of memory?)"


def test_a_numbered_gpu_is_refused_since_slots_have_their_own(tmp_path):
    runs = expand({"held_out": "SAMM", "device": "cuda:1", "out": str(tmp_path)})
    with pytest.raises(ValueError, match="gives each slot its GPU; set auto, cpu or cuda"):
        run_local(make_plan(runs, lambda _: "f00d"), Options())
    assert not list(tmp_path.iterdir())


def test_dask_workers_of_this_machine_would_share_its_gpu(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(launch, "gpus", lambda: ["0", "1"])
    plan = [launch.Unit(u.notebook, OnGpu(u.settings.seed), u.folder) for u in units(tmp_path, 2)]
    with pytest.raises(ValueError, match="would all take its first GPU: use the launcher local"):
        run_dask(plan, Options(slots=2))
    assert not (tmp_path / "runs").exists()


def test_a_cluster_that_is_there_is_used(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    plan = units(tmp_path, 2)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        monkeypatch.setattr(distributed, "LocalCluster", lambda **_: pytest.fail("a cluster of its own"))
        assert run_dask(plan, Options(cluster=cluster.scheduler_address)) == {}
    assert_complete(plan)


def test_print_starts_nothing_and_its_commands_can_be_pasted(tmp_path, capsys):
    plan = units(tmp_path, 2)
    assert run_print(plan, Options()) == {}
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith(f"papermill {tmp_path / 'unit.ipynb'} out.ipynb -y 'seed: 1' -y")
    assert not (tmp_path / "runs").exists()


def test_units_of_several_threads_and_workers_leave_room_for_fewer(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    common = {"held_out": "all", "method": "erm"}
    grid = [
        RunSettings.from_parameters({**common, **more}) for more in ({}, {"threads": 3}, {"threads": 3, "workers": 2})
    ]
    plans = [[SimpleNamespace(settings=one)] for one in grid]
    assert [launch.slots(plan, Options()) for plan in plans] == [12, 4, 2]
    assert launch.slots([unit for plan in plans for unit in plan], Options()) == 2
    assert launch.slots(plans[2], Options(slots=5)) == 5


def test_each_gpu_has_its_slots(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert launch.gpus() == ["3", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert launch.gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'GPU 0: one (UUID: GPU-1)'; echo '  MIG 1g'; echo 'GPU 1: two (UUID: GPU-2)'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert launch.gpus() == ["0", "1"]

    used = []
    monkeypatch.setattr(launch, "run_unit", lambda unit, stale, limit, cwd, place, started: used.append(place) or "no")
    plan = [launch.Unit(u.notebook, OnGpu(u.settings.seed), u.folder) for u in units(tmp_path, 12)]
    run_local(plan, Options(per_gpu=2))
    assert {place["CUDA_VISIBLE_DEVICES"] for place in used} == {"0", "1"}
