"""Real processes killed at random moments, a full disk, two launchers at once: starting again completes the grid.

Each test ends with `assert_complete`: every unit is done once, with the content an undisturbed grid leaves, and nothing
else lies about. A unit that was done twice would have failed, since the second rename finds the folder there.
"""

import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import threading
import time

import psutil
import pytest

from melib.home import home
from melib.study.launch import Options, run_local
from melib.study.lock import TOKEN
from melib.study.unit import read_state
from tests.study.stub import assert_complete, units

KILLS = 20


def launcher(root, count, kind="local", settings=None, **options):
    """A launcher in a process of its own."""
    words = [str(root), str(count), kind, json.dumps(settings or {}), json.dumps(options)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.study.stub", *words], cwd=home(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def problems(process) -> dict:
    return json.loads(process.communicate(timeout=200)[0].splitlines()[-1])


def descendants(root, kernels: bool) -> list[psutil.Process]:
    """The runners of the grid in `root`, or their kernels."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if kernels and process.environ().get(TOKEN, "").startswith(str(root)):
                found.append(process)
            elif not kernels and "melib.study.runner" in process.cmdline():
                held = (root / "runs" / ".work").glob("*/lock.*")
                found += [process] if any(f'"pid": {process.pid},' in read(path) for path in held) else []
    return found


def read(path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text()
    return ""


def test_runs_and_kernels_are_killed_twenty_times(tmp_path):
    rng, killed = random.Random(), 0

    def kill(root, over):
        nonlocal killed
        while killed < KILLS and not over.wait(rng.uniform(0, 0.8)):
            found = descendants(root, kernels=killed % 2 == 0)
            if found:
                with contextlib.suppress(psutil.Error):
                    rng.choice(found).kill()
                    killed += 1

    while killed < KILLS:  # a grid may be complete before all shots are fired
        root, over = tmp_path / str(killed), threading.Event()
        root.mkdir()
        plan = units(root, 8, seconds=1)
        killer = threading.Thread(target=kill, args=(root, over))
        killer.start()
        for _ in range(KILLS):
            if not run_local(plan, Options(slots=3, retry_failed=True)):
                break
        over.set()
        killer.join()
        assert_complete(plan)


def test_the_launcher_is_killed_twenty_times(tmp_path):
    plan, rng = units(tmp_path, 5, seconds=1), random.Random()
    for _ in range(KILLS):
        process = launcher(tmp_path, 5, settings={"seconds": 1}, slots=2)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.3, 3))
        process.kill()
        process.communicate()
    assert run_local(plan, Options(slots=2)) == {}
    assert_complete(plan)


def test_the_runs_of_a_killed_launcher_end(tmp_path):
    process = launcher(tmp_path, 1, settings={"seconds": 100}, slots=1)
    while not descendants(tmp_path, kernels=True):
        time.sleep(0.1)
    process.kill()
    process.communicate()
    until = time.monotonic() + 20
    while descendants(tmp_path, kernels=True) or descendants(tmp_path, kernels=False):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_two_launchers_at_once(tmp_path):
    plan = units(tmp_path, 6)
    both = [launcher(tmp_path, 6, slots=2) for _ in range(2)]
    assert [problems(process) for process in both] == [{}, {}]
    assert_complete(plan)


def test_a_half_written_folder_is_written_anew(tmp_path):
    plan = units(tmp_path, 1)
    plan[0].folder.mkdir(parents=True)
    (plan[0].folder / "value").write_text("half")
    (plan[0].work / "partial-1").mkdir(parents=True)
    (plan[0].work / "error").touch()  # the disk was full when its line was to be written
    assert read_state(plan[0]).state == "planned"
    assert run_local(plan, Options()) == {}
    assert_complete(plan)


def test_the_clock_moves(tmp_path, monkeypatch):
    plan, rng = units(tmp_path, 2), random.Random()
    monkeypatch.setattr(time, "time", lambda: rng.uniform(-1e9, 1e10))

    def turn_back(states):
        for path in tmp_path.glob("runs/.work/*/lock.*"):
            with contextlib.suppress(FileNotFoundError):
                os.utime(path, (rng.uniform(0, 4e9),) * 2)

    assert run_local(plan, Options(slots=2), turn_back) == {}
    assert_complete(plan)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 1 MB; where none may be mounted, no file of this process's children may grow."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True
    ).returncode
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(full: bool):
        ballast = folder / "ballast"
        if not mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100 if full else before[0], before[1]))
        elif full:
            with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
                while file.write(bytes(512)):
                    pass
        else:
            ballast.unlink()

    yield folder, fill, mounted
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_disk_is_full(small_disk):
    root, fill, _ = small_disk
    plan = units(root, 2)
    fill(True)
    reasons = run_local(plan, Options(slots=2))
    assert set(reasons) == {"run0", "run1"}
    assert all("OSError" in reason for reason in reasons.values())
    assert not list(root.glob("runs/.work/*/lock.*"))  # each gave its lock back, though no error line could be written
    fill(False)
    assert run_local(plan, Options(slots=2, retry_failed=True)) == {}
    assert_complete(plan)


def test_the_disk_fills_up_while_runs_are_on_their_way(small_disk):
    root, fill, mounted = small_disk
    if not mounted:
        pytest.skip("No file system of a size of its own may be mounted here.")
    plan = units(root, 2, seconds=5)

    def fill_up(states):
        if any(root.glob("runs/.work/*/checkpoint")):
            fill(True)

    reasons = run_local(plan, Options(slots=2), fill_up)
    assert reasons
    assert all("OSError" in reason for reason in reasons.values())
    fill(False)
    assert run_local(plan, Options(slots=2, retry_failed=True)) == {}
    assert_complete(plan)


def test_dask_workers_are_killed_again_and_again(tmp_path):
    pytest.importorskip("distributed")
    rng, killed = random.Random(), 0
    while killed < KILLS // 3:  # a cluster takes long to start
        root, shots = tmp_path / str(killed), 0
        root.mkdir()
        plan = units(root, 6, seconds=1)
        process = launcher(root, 6, "dask", {"seconds": 1}, slots=2)
        while process.poll() is None and shots < 4:
            time.sleep(rng.uniform(0.5, 2))
            with contextlib.suppress(psutil.Error):
                workers = [runner.parent() for runner in descendants(root, kernels=False)]
                workers = [worker for worker in workers if worker and worker.ppid() == process.pid]
                if workers:
                    rng.choice(workers).kill()  # and with it what it runs
                    shots += 1
        assert shots
        assert problems(process) == {}
        assert_complete(plan)
        killed += shots
