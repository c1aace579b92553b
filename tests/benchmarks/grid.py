"""What a grid costs beside its runs: `python -m tests.benchmarks.grid`.

Runs are the stub of the tests: a kernel without torch, and work that sleeps, so that the launcher is measured and not
the cores. The overhead of a run is what papermill and the kernel's start take: wall time times slots, over the runs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from melib.study.launch import LAUNCHERS, Options
from melib.study.unit import read_state
from tests.study.stub import assert_complete, units


def launch(launcher: str, count: int, slots: int, seconds: float) -> float:
    """The wall time, in seconds, of `count` runs that sleep `seconds` each; every one of them must be done."""
    with tempfile.TemporaryDirectory() as folder:
        plan = units(Path(folder), count, seconds=seconds)
        started = time.perf_counter()
        assert LAUNCHERS[launcher](plan, Options(slots=slots), None) == {}
        took = time.perf_counter() - started
        assert [read_state(unit).state for unit in plan] == ["done"] * count
        assert_complete(plan)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20, help="that a run of the scaling table sleeps")
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| launcher | runs | done | lost | wall s | overhead s per run |\n| --- | --- | --- | --- | --- | --- |")
    for launcher in ("local", "dask"):
        took = launch(launcher, args.runs, 2, 0)
        line = f"| {launcher}, 2 slots | {args.runs} | {args.runs} | 0 | {took:.0f} | {2 * took / args.runs:.1f} |"
        print(line, flush=True)
    print(f"\n| slots | wall s of 8 runs that sleep {args.seconds:g} s | speed-up |\n| --- | --- | --- |")
    alone = None
    for slots in (1, 2, 4):
        took = launch("local", 8, slots, args.seconds)
        alone = alone or took
        print(f"| {slots} | {took:.0f} | {alone / took:.2f} |", flush=True)


if __name__ == "__main__":
    main()
