"""Preparation speed in clips per second, on the tiny demo corpus: `python -m tests.benchmarks.preparing`.

The plain reference does the same clips one after the other with one worker and OpenCV's DIS flow.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from melib.corpus.demo import write_demo
from melib.corpus.scan import read_index
from melib.prepare.pipeline import prepare
from melib.prepare.settings import PrepareSettings


def clips_per_second(root: Path, size: int, flow: str, workers: int) -> float:
    index = read_index(root)
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        samples = prepare(root, index, PrepareSettings(size, flow), cache, workers=workers).samples
        return len(samples) / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = write_demo(Path(folder) / "tiny", "tiny")
        print(f"load {os.getloadavg()[0]:.1f}\n\n| size | flow | workers | clips/s |\n| --- | --- | --- | --- |")
        for size in (64, 224):
            for flow, workers in (("dis", 1), ("lk", 1), ("lk", args.workers)):
                speed = clips_per_second(root, size, flow, workers)
                print(f"| {size} | {flow} | {workers} | {speed:.1f} |", flush=True)


if __name__ == "__main__":
    main()
