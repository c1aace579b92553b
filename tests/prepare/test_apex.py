"""Apex rules against clips whose apex is known, and on the demo corpus."""

import cv2
import numpy as np
import pandas as pd
import pytest

from melib.corpus.scan import read_index
from melib.prepare.apex import RULES
from tests.benchmarks.accuracy import apex_accuracy
from tests.prepare.clips import bump, texture

TIMES = (0, 0.4, 0.9, 1.5, 2.2, 1.2, 0.7, 0.3, 0.1)


def clip(times, drift=0.0):
    frames = [bump(texture(64, 64), pixels) for pixels in times]
    return np.stack(
        [
            cv2.warpAffine(frame, np.float32([[1, 0, drift * t], [0, 1, 0]]), (64, 64), borderMode=cv2.BORDER_REPLICATE)
            for t, frame in enumerate(frames)
        ]
    )


def test_greatest_motion_finds_the_apex():
    assert RULES["motion"](clip(TIMES)) == 4


def test_greatest_motion_is_not_drawn_to_the_end_by_a_drifting_head():
    assert RULES["motion"](clip(TIMES, drift=0.5)) == 4


def test_dcrois_finds_the_apex():
    assert abs(RULES["dcrois"](clip(TIMES)) - 4) <= 1


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("length", [2, 3, 5])
def test_no_rule_names_the_onset_or_a_frame_beyond_the_end(rule, length):
    assert 1 <= RULES[rule](clip((0, 1, 2, 1, 0)[:length])) <= length - 1


def test_midpoint_is_the_middle():
    assert [RULES["midpoint"](range(n)) for n in (2, 3, 4, 9)] == [1, 1, 2, 4]


@pytest.fixture(scope="module")
def demo_errors(tiny_root):
    return apex_accuracy(tiny_root, read_index(tiny_root))


def test_motion_is_within_two_frames_of_the_demo_apex_on_average(demo_errors):
    assert demo_errors[demo_errors["rule"] == "motion"]["frames"].max() <= 2


def test_errors_of_the_midpoint_are_those_counted_by_hand(tiny_root, demo_errors):
    """Frames of the demo corpus are numbered without gaps: the midpoint follows from onset and offset alone."""
    truth = pd.read_parquet(tiny_root / "ground_truth" / "clips.parquet").set_index("folder")["apex"]
    index = read_index(tiny_root, ["SAMM"]).dropna(subset=["label"])
    middle = index["onset"] + (index["offset"] - index["onset"] + 1) // 2
    off = (middle - index["folder"].map(truth)).abs()
    found = demo_errors.set_index(["rule", "dataset"]).loc[("midpoint", "SAMM")]
    assert found.to_dict() == pytest.approx({"frames": off.mean(), "ms": off.mean() * 5, "clips": len(index)})
