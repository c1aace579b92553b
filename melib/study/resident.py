"""A process that stays for many units: it trains runs by itself, without a kernel or an executed notebook."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import threading
from multiprocessing.connection import wait

from melib.folder import is_done
from melib.study.lock import BEAT, Lock, next_number, take
from melib.study.runner import GONE, fail
from melib.study.unit import Unit, settle


def move_in(free, cwd: str) -> None:
    """Take one of the `free` places (environment variables) for good, in `cwd`, and end with the process that asked."""
    os.environ |= free.get() | {"OMP_NUM_THREADS": "1"}  # a run sets its threads itself
    os.chdir(cwd)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(GONE)


def run_here(unit: Unit, stale: int) -> None:
    """Train the run of a unit in this process; what goes wrong becomes its error line. Nothing where it is held."""
    number = next_number(unit.work, stale)
    lock = number and take(unit.work, number)
    if not lock:
        return
    over = threading.Event()
    beating = threading.Thread(target=_beat, args=(lock, over), daemon=True)
    beating.start()
    try:
        if not is_done(unit.folder):
            _train(unit)
    except Exception as error:
        fail(unit.folder, f"{type(error).__name__}: {error}")
    finally:
        over.set()
        beating.join()
        if is_done(unit.folder):
            settle(unit.folder)
        lock.release()


def _beat(lock: Lock, over: threading.Event) -> None:
    """Show that the run lives; a lock that is lost ends this process, as it would a notebook's."""
    while not over.wait(BEAT):
        if not lock.beat():
            os._exit(GONE)


def _train(unit: Unit) -> None:
    from melib.learning.data import load_data
    from melib.learning.record import finished_or_fit

    (unit.work / "error").unlink(missing_ok=True)
    shutil.rmtree(unit.folder, ignore_errors=True)  # half-written: it has no `done`
    run = finished_or_fit(load_data(unit.settings), unit.settings)
    if run.folder != unit.folder:
        raise ValueError(f"The data have changed: the run went to {run.folder.name}; plan anew.")
