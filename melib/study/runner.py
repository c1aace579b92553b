"""The process that runs one unit: it holds the unit's lock, is papermill, and ends with whoever started it."""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
import threading
import time
from pathlib import Path

from melib.home import work_folder, write_whole
from melib.imports import without_grammar
from melib.study.lock import BEAT, Lock, kill_children, take
from melib.study.unit import settle

# Exit codes. After 0 and 1 the disk says what became of the unit: done, or failed with its error line.
HELD = 75  # someone else holds the lock
GONE = 76  # the launcher is gone
DIED = 77  # the kernel died or never started
START_SECONDS = 45


def main() -> int:
    """Run the unit that comes in on standard input, which stays open for as long as the launcher lives."""
    job = json.loads(sys.stdin.readline())
    folder = Path(job["folder"])
    lock = take(work_folder(folder), job["number"])
    if lock is None:
        return HELD
    last_word = threading.Lock()  # who holds it, the guard or the notebook's end, decides how the unit ends
    threading.Thread(target=_guard, args=(folder, lock, job["limit"], last_word), daemon=True).start()
    try:
        return _run(job, folder, last_word)
    finally:  # where the disk is full, too, and not even the error line could be written
        lock.release()


def _run(job: dict, folder: Path, last_word: threading.Lock) -> int:
    """Run the notebook, leave the unit done or failed, and return the exit code."""
    if (folder / "done").is_file():  # someone may have done it between the launcher's look and the lock
        last_word.acquire()
    else:
        died, error = _execute(job, folder)
        last_word.acquire()
        if died:
            print(error, file=sys.stderr)
            return DIED
        if not (folder / "done").is_file():
            fail(folder, error or f"The notebook ended without leaving {folder}.")
            return 1
    settle(folder)
    return 0


def fail(folder: Path, error: str) -> None:
    """Leave the error line that makes the unit of `folder` failed."""
    write_whole(work_folder(folder) / "error", error.encode())


def _execute(job: dict, folder: Path) -> tuple[bool, str]:
    """Run the notebook; whether its kernel died, and the error line, empty where all went well."""
    with without_grammar():
        import papermill

    work = work_folder(folder)
    (work / "error").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)  # half-written: it has no `done`
    try:
        papermill.execute_notebook(
            job["notebook"], str(work / "notebook.ipynb"), job["parameters"], cwd=job["cwd"],
            progress_bar=False, start_timeout=START_SECONDS,
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        return False, f"{error.ename}: {error.evalue}"
    except Exception as error:
        # "Kernel died", "Kernel died before replying to kernel_info", "Kernel didn't respond in 45 seconds"
        return str(error).startswith("Kernel d"), f"{type(error).__name__}: {error}"
    return False, ""


def _guard(folder: Path, lock: Lock, limit: float | None, last_word: threading.Lock) -> None:
    """Beat until the launcher is gone, the lock lost or the time over; then end the kernel and this process."""
    until = time.monotonic() + limit if limit else float("inf")
    while True:
        wait = max(0.0, min(BEAT, until - time.monotonic()))
        gone = bool(select.select([sys.stdin], [], [], wait)[0])  # nothing more is sent: readable means closed
        late = time.monotonic() >= until
        if lock.beat() and not gone and not late:
            continue
        if not last_word.acquire(blocking=False):
            return
        kill_children(lock.path)
        if late:
            fail(folder, f"TimeoutError: ran past the time limit of {limit:g} s.")
        lock.release()
        os._exit(GONE if gone else 1 if late else HELD)


if __name__ == "__main__":
    sys.exit(main())
