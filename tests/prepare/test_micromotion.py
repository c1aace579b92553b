"""RAFT for micro-motion: the generated motion is what it says, training moves the weights, the card counts."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from melib.figures.motion import BINS
from tests.benchmarks.micromotion import CROP, batches, card, pictures, scene, train
from tests.prepare.clips import texture

data = pytest.importorskip("skimage.data", reason="training pictures are scikit-image's, which is not installed")


def test_the_photograph_of_the_accuracy_table_is_not_trained_on():
    shown = [picture for picture in pictures(np.random.default_rng(0)) if picture.shape == data.astronaut().shape]
    assert not any(np.array_equal(picture, data.astronaut()) for picture in shown)


@pytest.mark.parametrize("seed", range(4))
def test_the_flow_of_a_scene_leads_from_onset_to_apex(seed):
    """The apex warped back by the flow is the onset, but for noise; the apex itself is further from it."""
    onset, apex, flow = scene([texture(600, 600)], np.random.default_rng(seed))
    y, x = np.indices(flow.shape[1:], dtype=np.float32)
    back = cv2.remap(apex, x + flow[0], y + flow[1], cv2.INTER_CUBIC)
    smooth = lambda image: cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1)[16:-16, 16:-16].ravel()  # noqa: E731
    still, moved = (np.corrcoef(smooth(onset), smooth(image))[0, 1] for image in (apex, back))
    assert moved > still and moved > 0.98


def test_batches_are_crops_of_scenes():
    onsets, apexes, flows = next(batches(4, np.random.default_rng(1)))
    assert onsets.shape == apexes.shape == (4, CROP, CROP, 3) and flows.shape == (4, 2, CROP, CROP)


def test_training_repeats_and_moves_the_weights():
    reports = []
    states = [train(2, 2, 1e-3, 0, "cpu", lambda step, epe: reports.append((step, epe))).state_dict() for _ in range(2)]
    assert [step for step, _ in reports] == [1, 2, 1, 2] and reports[:2] == reports[2:]
    assert all(torch.equal(a, b) for a, b in zip(*(state.values() for state in states), strict=True))
    torch.manual_seed(0)
    from torchvision.models.optical_flow import raft_small

    fresh = raft_small(weights=None).state_dict()
    assert not all(torch.equal(fresh[name], value) for name, value in states[0].items())


def test_the_card_counts_where_raft_is_best():
    rows = [
        {"method": method, "source": source, "motion": motion, "epe": epe}
        for source in ("photo", "demo")
        for motion in BINS
        for method, epe in (("lk", 0.1), ("DIS", 0.2), ("RAFT-small, x", 0.05 if source == "photo" else 0.15))
    ]
    text = card(pd.DataFrame(rows), "no steps")
    assert "in 4 of 8 kinds of motion" in text and "no steps" in text
