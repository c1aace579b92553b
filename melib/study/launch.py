"""Launchers: they start what a study lacks, each unit in a process of its own, and read the rest from disk."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from queue import SimpleQueue
from tempfile import TemporaryFile

from melib.folder import check_done, is_done
from melib.home import home
from melib.learning.settings import RunSettings
from melib.study.lock import Watch, next_number
from melib.study.resident import move_in, run_here
from melib.study.runner import DIED, GONE, HELD, fail
from melib.study.unit import State, Unit, read_state, settle

POLL = 0.5  # seconds between two looks at the disk
RUNNER = ("-m", "melib.study.runner")
TRIES = 3  # of a unit whose process or kernel died; an error of its notebook is not tried again


@dataclass(frozen=True)
class Options:
    """How to launch.

    Units at a time (default: cores over threads and workers), of them on each GPU, seconds that a unit may take,
    whether failed units are tried again and damaged ones made again, and for `dask` a scheduler's address or any
    cluster object of dask's family.
    """

    slots: int | None = None
    per_gpu: int = 1
    time_limit: float | None = None
    retry_failed: bool = False
    remake_damaged: bool = False
    cluster: object = None


# A launcher takes units, options and a callback that is given all units' states, and returns what did not work:
# the name and the reason of each unit that it could not bring to `done`.
Progress = Callable[[dict[str, State]], None]
Launcher = Callable[[Iterable[Unit], Options, Progress | None], dict[str, str]]


def run_print(units: Iterable[Unit], options: Options, progress: Progress | None = None) -> dict[str, str]:
    """Print the papermill command of every unit that is not done, and start nothing."""
    for unit in units:
        if read_state(unit).state != "done":
            words = [w for name, v in unit.parameters.items() if v is not None for w in ("-y", f"{name}: {v}")]
            print("papermill", shlex.quote(str(unit.notebook)), "out.ipynb", shlex.join(words))
    return {}


def run_local(units: Iterable[Unit], options: Options, progress: Progress | None = None) -> dict[str, str]:
    """Run units on this machine: `per_gpu` slots a GPU where there are GPUs, else `slots`.

    The units end with this process, however it ends. A slot changes no result: threads are a setting of the run.
    """
    units = list(units)
    places = places_of(units, options)
    free: SimpleQueue[dict] = SimpleQueue()
    for place in places:
        free.put(place)
    processes: list[subprocess.Popen] = []
    stopped = threading.Event()

    def started(process: subprocess.Popen) -> None:
        processes.append(process)
        if stopped.is_set():  # it was on its way when the study was stopped
            process.kill()
            raise InterruptedError("the study was stopped")

    def in_a_place(*job) -> str:
        place = free.get()
        try:
            return run_unit(*job, place, started)
        finally:
            free.put(place)

    with ThreadPoolExecutor(len(places)) as pool:
        try:
            return _drive(units, options, progress, pool, in_a_place, len(places))
        except BaseException:
            stopped.set()
            for process in processes:
                process.stdin.close()  # a signal for the runner to end its kernel and itself
            raise


def run_plain(units: Iterable[Unit], options: Options, progress: Progress | None = None) -> dict[str, str]:
    """Run units on this machine without papermill, in processes that stay: one a slot, as in `run_local`.

    Faster for many small runs, whose records are the same to the bit; what is lost is their executed notebooks. Only
    training runs go so; a generator still runs by its notebook. Where a process dies the study ends.
    Raises ValueError for a time limit, ChildProcessError where a process died.
    """
    if options.time_limit:
        raise ValueError("A time limit ends a process, and with the launcher plain a process has many runs: use local.")
    units = list(units)
    places = places_of(units, options)
    context = multiprocessing.get_context("spawn")
    free = context.SimpleQueue()
    for place in places:
        free.put(place)
    try:
        with ProcessPoolExecutor(len(places), context, move_in, (free, str(home()))) as pool:
            return _drive(units, options, progress, pool, run_resident, len(places))
    except BrokenProcessPool:
        raise ChildProcessError(
            "A process that trained was killed (out of memory?). The same command goes on where it was stopped."
        ) from None


def run_resident(unit: Unit, stale: int, limit: float | None, cwd: str) -> str:
    """Train a run in this process, and run what is no training by its notebook; as `run_unit`."""
    if not isinstance(unit.settings, RunSettings):
        return run_unit(unit, stale, limit, cwd)
    run_here(unit, stale)
    return ""


def run_dask(units: Iterable[Unit], options: Options, progress: Progress | None = None) -> dict[str, str]:
    """Run units on a Dask cluster: `options.cluster`, or one of `slots` workers on this machine.

    Start workers with one thread and one GPU each, one a scheduler job, in a fixed number, on a disk that all share.
    Units wait for as long as a cluster has no worker. Raises ValueError where workers here would share a GPU.
    """
    from dask import config
    from distributed import Client, LocalCluster

    units = list(units)
    many = options.cluster is None and slots(units, options) > 1
    if many and gpus() and any(unit_device(unit) != "cpu" for unit in units):
        raise ValueError(
            "Dask's workers on this machine would all take its first GPU: use the launcher local, set device to cpu, "
            "or give the address of a cluster whose workers have a GPU each."
        )
    with ExitStack() as stack:
        # A worker that died is started again, but on a busy machine not within the 15 s after which it is given up.
        # Whose death it was is not known: each counts against every unit that waits, so that a few prove nothing.
        patience = {"deploy.lost-worker-timeout": "10 minutes", "scheduler.allowed-failures": 10}
        stack.enter_context(config.set({f"distributed.{name}": value for name, value in patience.items()}))
        cluster = options.cluster
        if cluster is None:
            # Port 0 is any free port: with None each cluster would ask for 8787, and warn where another has it.
            address = "127.0.0.1:0"
            local = LocalCluster(n_workers=slots(units, options), threads_per_worker=1, dashboard_address=address)
            cluster = stack.enter_context(local)
        client = stack.enter_context(Client(cluster, set_as_default=False))
        executor = client.get_executor(pure=False, retries=TRIES)
        return _drive(units, options, progress, executor, run_unit, None)


LAUNCHERS: dict[str, Launcher] = {"print": run_print, "local": run_local, "plain": run_plain, "dask": run_dask}


def run_unit(
    unit: Unit, stale: int, limit: float | None, cwd: str, place: dict | None = None,
    started: Callable[[subprocess.Popen], None] = lambda _: None,
) -> str:  # fmt: skip
    """Run one unit in a process of its own and wait for it; the reason where it was not brought to an end.

    A unit whose process was killed or whose kernel died is tried `TRIES` times, and goes on from its checkpoint.
    """
    # The kernel must be this environment's: a kernel of the same name in the user's home would win otherwise.
    environment = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", **(place or {})}
    environment["OMP_NUM_THREADS"] = str(getattr(unit.settings, "threads", 1))
    for _ in range(TRIES):
        number = next_number(unit.work, stale)
        if number is None:
            return ""
        job = {"notebook": str(unit.notebook), "folder": str(unit.folder), "parameters": unit.parameters}
        job |= {"number": number, "cwd": cwd, "limit": limit}
        # Errors go to a file: a pipe would stay open for as long as the kernel of a killed process lives.
        with TemporaryFile() as errors, subprocess.Popen(
            [sys.executable, *RUNNER], cwd=cwd, env=environment, start_new_session=True,
            stdin=subprocess.PIPE, stderr=errors, stdout=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            started(process)
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(job).encode() + b"\n")
                process.stdin.flush()  # and stays open: its end is the sign that nobody waits for the runner any more
            code = process.wait()
            with suppress(BrokenPipeError):  # of a process that died before it read its job
                process.stdin.close()
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
        last = said[-1] if said else f"ended with code {code}"
        if code in (0, HELD, GONE):
            return ""
        if code > 0 and code != DIED:
            return last
        why = last if code == DIED else f"killed by signal {-code}"
    fail(unit.folder, f"{why}, {TRIES} times (out of memory?)")
    return ""


def _drive(
    units: list[Unit], options: Options, progress: Progress | None, pool: Executor, run: Callable, capacity: int | None
) -> dict[str, str]:
    """Give `pool` what is ready, at most `capacity` at a time, until no unit can get any further; see `Launcher`."""
    watch = Watch()
    running = {}
    problems = {}
    if options.remake_damaged:
        remove_damaged(units)
    states = {unit.name: read_state(unit) for unit in units}
    todo = {unit.name: unit for unit in units}
    again = {name for name, state in states.items() if state.state == "failed" and options.retry_failed}
    while todo:
        # With no slot free only what runs is looked at: thousands of units are not read anew at every poll.
        full = capacity is not None and len(running) >= capacity
        for name in list(running.values() if full else todo):
            unit = todo[name]
            state = states[name] = read_state(unit)
            if name in running.values():
                continue
            stale = watch.stale(unit.work)
            if next_number(unit.work, stale) is None:
                continue  # someone else's: it may end, or its holder die
            lacking = [folder.name for folder in unit.needs if not is_done(folder) or check_done(folder)]
            if state.state == "done":
                settle(unit.folder)
                del todo[name]
            elif state.state == "damaged" or (state.state == "failed" and name not in again):
                problems[name] = state.note
                del todo[name]
            elif any(need not in todo for need in lacking):
                problems[name] = f"needs {', '.join(lacking)}"
                del todo[name]
            elif not lacking and (capacity is None or len(running) < capacity):
                again.discard(name)
                running[pool.submit(run, unit, stale, options.time_limit, str(home()))] = name
        if progress:
            progress(states)
        if not running:
            time.sleep(POLL if todo else 0)
        for future in wait(running, POLL, FIRST_COMPLETED).done:
            name = running.pop(future)
            if isinstance(future.exception(), BrokenProcessPool):
                raise future.exception()
            reason = str(future.exception() or future.result())
            if reason:
                state = states[name] = read_state(todo.pop(name))
                problems[name] = state.note if state.state == "failed" else reason
    return problems


def remove_damaged(units: Iterable[Unit]) -> None:
    """Remove the folders of units whose files are no longer those they were finished with, by content."""
    for unit in units:
        if is_done(unit.folder) and check_done(unit.folder, hashes=True):
            shutil.rmtree(unit.folder)


def unit_device(unit: Unit) -> str:
    """The device that a unit's settings ask for."""
    return getattr(unit.settings, "device", "cpu")


def places_of(units: Iterable[Unit], options: Options) -> list[dict[str, str]]:
    """The environment of each slot: `per_gpu` slots on each GPU where there are GPUs, else slots on processors."""
    devices = {unit_device(unit) for unit in units}
    if any(":" in device for device in devices):
        raise ValueError(f"device is {sorted(devices)}: the launcher gives each slot its GPU; set auto, cpu or cuda.")
    cards = gpus() if devices != {"cpu"} else []
    places = [{"CUDA_VISIBLE_DEVICES": card} for _ in range(options.per_gpu) for card in cards]
    return (places or [{}] * slots(units, options))[: options.slots]


def slots(units: Iterable[Unit], options: Options) -> int:
    """How many units run at a time on processors: as asked for, or as there are cores for `workers` of `threads`."""
    most = max((_cores(unit.settings) for unit in units), default=1)
    return options.slots or max(1, (os.cpu_count() or 1) // most)


def _cores(settings: object) -> int:
    return getattr(settings, "workers", 1) * getattr(settings, "threads", 1)


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; asks nvidia-smi, not torch."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name for name in allowed.split(",") if name.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True).stdout
    except OSError:
        return []
    return [str(number) for number, _ in enumerate(x for x in listed.splitlines() if x[:4] == "GPU ")]
