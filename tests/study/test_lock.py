import json
import os
import signal
import subprocess
import sys
import time

import pytest

from melib.study import lock
from melib.study.lock import STALE, TOKEN, Watch, holder, next_number, started, take


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv(TOKEN, "")  # given back after the test


def elsewhere(work, number=1, beat=1):
    """A holder on another host."""
    work.mkdir(exist_ok=True)
    who = {"host": "elsewhere 0 0 0", "pid": 1, "start": "7", "beat": beat}
    (work / f"lock.{number}").write_text(json.dumps(who))


def killed_holder(work):
    """A lock whose holder was killed, and the process number of a child that it left behind."""
    script = (
        "import subprocess, sys, time; from pathlib import Path; from melib.study.lock import take\n"
        f"lock = take(Path({str(work)!r}), 1)\n"
        "print(subprocess.Popen(['sleep', '100']).pid, flush=True); time.sleep(100)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    assert next_number(work) is None
    process.kill()
    while started(process.pid):
        time.sleep(0.01)
    assert next_number(work) == 2  # dead although nobody has reaped it yet
    process.stdout.close()
    process.wait()
    return child


def test_only_one_can_take_it(tmp_path):
    first = take(tmp_path, 1)
    assert first.beat()
    assert next_number(tmp_path) is None
    assert take(tmp_path, 1) is None
    first.release()
    assert next_number(tmp_path) == 1


def test_a_dead_holder_is_succeeded_and_what_it_left_running_is_killed(tmp_path):
    child = killed_holder(tmp_path)
    assert started(child)
    second = take(tmp_path, 2)
    while started(child):
        time.sleep(0.01)
    assert take(tmp_path, 2) is None
    second.release()
    assert next_number(tmp_path) == 2  # not 1: whoever saw the first one dead must not take what the second held


def test_a_process_number_that_is_used_again_is_not_its_former_owner(tmp_path):
    take(tmp_path, 1)
    path = tmp_path / "lock.1"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"start": "1"}))
    assert next_number(tmp_path) == 2


def test_a_holder_that_was_succeeded_notices(tmp_path):
    first = take(tmp_path, 1)
    assert take(tmp_path, 2) is not None
    assert not first.beat()
    assert holder(tmp_path).number == 2


def test_on_another_host_only_a_heart_that_stands_still_is_dead(tmp_path):
    now = [0.0]
    watch = Watch(clock=lambda: now[0])
    elsewhere(tmp_path)
    assert watch.stale(tmp_path) == 0
    now[0] += STALE - 1
    elsewhere(tmp_path, beat=2)
    assert watch.stale(tmp_path) == 0
    now[0] += STALE - 1
    assert watch.stale(tmp_path) == 0
    now[0] += 2
    assert watch.stale(tmp_path) == 1
    assert next_number(tmp_path) is None
    assert next_number(tmp_path, stale=1) == 2
    elsewhere(tmp_path, number=2)  # someone else was faster
    assert next_number(tmp_path, stale=1) is None


@pytest.mark.parametrize("moved", [-1e9, 1e9])
def test_a_clock_that_moved_means_nothing(tmp_path, monkeypatch, moved):
    take(tmp_path, 1)
    elsewhere(tmp_path / "other")
    watch = Watch()
    watch.stale(tmp_path / "other")
    monkeypatch.setattr(time, "time", lambda: moved)
    for path in (tmp_path / "lock.1", tmp_path / "other" / "lock.1"):
        os.utime(path, (1e9 + moved, 1e9 + moved))
    assert next_number(tmp_path) is None
    assert watch.stale(tmp_path / "other") == 0


def test_a_lock_that_is_being_written_is_held(tmp_path):
    (tmp_path / "lock.1").touch()
    assert next_number(tmp_path) is None
    assert holder(tmp_path).host == "?"


def test_signals_reach_nobody_else(tmp_path):
    other = subprocess.Popen(["sleep", "100"], env={**os.environ, TOKEN: str(tmp_path / "lock.12")})
    lock.kill_children(tmp_path / "lock.1")
    time.sleep(0.05)
    assert other.poll() is None
    lock.kill_children(tmp_path / "lock.12")
    assert other.wait() == -signal.SIGKILL
