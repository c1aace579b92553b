"""The apex of a clip without an annotated one: the frame of greatest expression, by three rules."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from melib.prepare.flow import lk, remove_head_motion

SPOT_SIZE = 64  # crops are spotted at this size, so that the apex does not depend on `image_size`

# Regions of a face crop with level eyes, as shares of its side (top, bottom, left, right): brows and eyes, mouth.
REGIONS = ((0.15, 0.5, 0.08, 0.5), (0.15, 0.5, 0.5, 0.92), (0.6, 0.98, 0.2, 0.8))


def midpoint(frames: Sequence) -> int:
    """The middle of `frames`, of which only the number T counts, as a position 1..T-1 (the paper's 4.5)."""
    return max(1, len(frames) // 2)


def motion_curve(crops: np.ndarray) -> np.ndarray:
    """How far each frame of `crops` (T, S, S, 3) uint8 moved against the onset, its first: px, mean over pixels, (T,).

    The motion of the whole head is taken out first: it mostly grows with time, so it would name the last frame. The
    outer eighth of the crop has no say: hair and background neither act nor move with the face.
    """
    rim = crops.shape[1] // 8
    flows = (lk(crops[0], crop)[:, rim:-rim, rim:-rim] for crop in crops[1:])
    moved = [np.linalg.norm(remove_head_motion(flow), axis=0).mean() for flow in flows]
    return np.array([0.0, *moved])


def greatest_motion(crops: np.ndarray) -> int:
    """The frame of `crops` (T, S, S, 3) uint8 that moved most against the onset (the paper's 4.1), position 1..T-1."""
    return 1 + int(np.argmax(motion_curve(crops)[1:]))


def dcrois(crops: np.ndarray) -> int:
    """Divide and conquer over regions of interest (Liong et al. 2015), position 1..T-1 in `crops` (T, S, S, 3) uint8.

    In each region the difference to the onset is one minus the correlation of local binary pattern histograms; of its
    peaks, the half of the clip with the larger sum is kept, again and again, until one frame is left; the regions'
    answers are averaged.
    """
    return round(float(np.mean([_conquer(_lbp_difference(crops, region)) for region in REGIONS])))


RULES = {"motion": greatest_motion, "midpoint": midpoint, "dcrois": dcrois}


def _lbp_difference(crops: np.ndarray, region: tuple[float, ...]) -> np.ndarray:
    """One minus the correlation of each crop's 8-neighbour pattern histogram in `region` with the first one's, (T,)."""
    size = crops.shape[1]
    top, bottom, left, right = (int(share * size) for share in region)
    histograms = []
    for image in crops:
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[top:bottom, left:right].astype(np.int16)
        centre, code = gray[1:-1, 1:-1], 0
        neighbours = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
        for bit, (y, x) in enumerate(neighbours):
            code = code + ((gray[y : y + centre.shape[0], x : x + centre.shape[1]] >= centre) << bit)
        histograms.append(np.bincount(code.ravel(), minlength=256))
    return 1 - np.corrcoef(histograms)[0]


def _conquer(difference: np.ndarray) -> int:
    """Position 1..T-1 left over when the half with the larger sum of local peaks is kept until one frame remains."""
    inner = np.r_[-np.inf, difference[1:], -np.inf]
    is_peak = (inner[1:-1] >= inner[:-2]) & (inner[1:-1] >= inner[2:])
    peaks = np.r_[0.0, np.where(is_peak, difference[1:], 0.0)]
    first, last = 1, len(difference)
    while last - first > 1:
        middle = (first + last) // 2
        if peaks[first:middle].sum() >= peaks[middle:last].sum():
            last = middle
        else:
            first = middle
    return first
