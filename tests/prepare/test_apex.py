"""Apex rules against clips whose apex is known, and on the demo corpus."""

import cv2
import numpy as np
import pandas as pd
import pytest

from melib.corpus.scan import read_index
from melib.prepare.apex import RULES, blinks, greatest_motion, motion_curve, motion_maps
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


def lids(times, blink_at=None):
    """Frames whose lower face moves by `times` px, and whose eyes move by 4 px for three frames about `blink_at`."""
    skin = texture(64, 64)
    y = np.arange(64)[:, None, None] / 64
    frames = []
    for number, pixels in enumerate(times):
        lower = cv2.warpAffine(skin, np.float32([[1, 0, pixels], [0, 1, 0]]), (64, 64), borderMode=cv2.BORDER_REFLECT)
        height = 0 if blink_at is None else max(0, 4 - 2 * abs(number - blink_at))
        lid = cv2.warpAffine(skin, np.float32([[1, 0, 0], [0, 1, height]]), (64, 64), borderMode=cv2.BORDER_REFLECT)
        eyes = np.exp(-(((y - 0.38) / 0.08) ** 2))
        mouth = np.exp(-(((y - 0.75) / 0.1) ** 2))
        frames.append(skin + eyes * (lid - skin.astype(float)) + mouth * (lower - skin.astype(float)))
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


COURSE = (0, 0.3, 0.7, 1.2, 1.6, 1.9, 1.6, 1.2, 0.9, 0.6, 0.4, 0.2, 0.1)


def test_a_blink_is_not_taken_for_the_apex():
    crops = lids(COURSE, blink_at=10)
    assert abs(1 + np.argmax(motion_curve(crops)[1:]) - 10) <= 1  # it is what moves most
    assert greatest_motion(crops, fps=100) == greatest_motion(crops) == 5
    assert blinks(motion_maps(crops), 100)[9:12].all() and not blinks(motion_maps(crops), 100)[:8].any()


def test_without_a_blink_no_frame_is_passed_over():
    crops = lids(COURSE)
    assert not blinks(motion_maps(crops), 100).any()
    assert greatest_motion(crops, 100) == 5


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
    errors = demo_errors.set_index(["rule", "dataset"]).loc[("midpoint", "SAMM")]
    assert errors["frames"] == pytest.approx(off.mean()) and errors["ms"] == pytest.approx(off.mean() * 5)
    assert errors["clips"] == len(index)
