"""Apex rules against clips whose apex is known, and on the demo corpus."""

import cv2
import numpy as np
import pandas as pd
import pytest

from melib.corpus.frames import list_frames, read_frame
from melib.corpus.scan import read_index
from melib.prepare.apex import RULES, SPOT_SIZE
from melib.prepare.faces import crop, find_face
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


def test_motion_is_nearer_to_the_demo_apex_than_the_last_frame_and_no_further_than_two_frames(tiny_root):
    truth = pd.read_parquet(tiny_root / "ground_truth" / "clips.parquet").set_index("folder")["apex"]
    index = read_index(tiny_root, ["SMIC"])
    off = []
    for row in index.itertuples():
        frames = list_frames(tiny_root / row.folder)
        numbers = [n for n in frames if row.onset <= n <= row.offset]
        images = [read_frame(frames[n]) for n in numbers]
        face = find_face(images[0])
        spotted = numbers[RULES["motion"](np.stack([crop(image, face, SPOT_SIZE) for image in images]))]
        off.append(abs(spotted - truth[row.folder]))
    assert np.mean(off) <= 2, off
