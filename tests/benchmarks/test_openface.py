"""Reading a long OpenFace file with every group of columns on: 10,000 frames of 714 columns."""

import time

import numpy as np
import pandas as pd

from melib.aus.openface import read_file
from tests.aus.files import frame_values, sequence


def test_a_long_file_is_read_in_half_a_second(tmp_path):
    others = [f"x_{k}" for k in range(714 - 5 - 35)]
    table = sequence(frame_values(frames=10_000), others=others)
    table[others] = np.random.default_rng(0).normal(300, 50, (len(table), len(others))).round(1)
    table.to_csv(tmp_path / "long.csv", index=False)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        frames = read_file(tmp_path / "long.csv").frames
        seconds.append(time.perf_counter() - started)
    print(f"{np.median(seconds):.3f} s")
    pd.testing.assert_frame_equal(frames.reset_index(drop=True), table[list(frames)].astype(float))
    assert np.median(seconds) < 0.5
