"""CPU time and memory of the hand-crafted features, a clip each: `python -m tests.benchmarks.features [clips]`.

Times of the process, which other work on the machine does not lengthen, and what they make of 731 clips on two cores.
The volumes are 10 frames of 112 px, as clips are interpolated to; reading frames and finding faces is not counted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

from melib.learning.record import peak_memory
from melib.prepare.hog3d import hog_3d
from melib.prepare.lbptop import LENGTH, SIZE, lbp_top
from melib.prepare.tim import interpolate

CLIPS = 731
CORES = 2


def lbptop_85(volume: np.ndarray) -> np.ndarray:
    return lbp_top(volume, (1, 2, 4, 8))


def tim(volume: np.ndarray) -> np.ndarray:
    return interpolate(volume, LENGTH)


def seconds(feature: Callable[[np.ndarray], np.ndarray], count: int) -> float:
    """CPU seconds per clip, of `count` random volumes, one at a time."""
    draws = np.random.default_rng(0)
    total = 0.0
    for _ in range(count):
        volume = draws.uniform(0, 255, (LENGTH, SIZE, SIZE))
        started = time.process_time()
        feature(volume)
        total += time.process_time() - started
    return total / count


def main(count: int) -> None:
    for feature in (tim, lbp_top, lbptop_85, hog_3d):
        each = seconds(feature, count)
        minutes = CLIPS * each / CORES / 60
        print(f"{feature.__name__}: {1000 * each:.0f} ms a clip, {minutes:.2f} min of {CORES} cores for {CLIPS} clips")
    print(f"most memory: {peak_memory()} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
