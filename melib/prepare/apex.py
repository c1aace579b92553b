"""The apex of a clip without an annotated one: the frame of greatest expression, by three rules."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from melib.prepare.flow import lk, remove_head_motion

SPOT_SIZE = 64  # crops are spotted at this size, so that the apex does not depend on `image_size`

EYES_END = 0.55  # of the crop's side: eyes and brows lie above
BLINK_SECONDS = 0.3  # the longest blink
BLINK_RATIO = 4  # how much more than the lower face, or than usual, the eyes move in a blink

# Regions of a face crop with level eyes, as shares of its side (top, bottom, left, right): brows and eyes, mouth.
REGIONS = ((0.15, 0.5, 0.08, 0.5), (0.15, 0.5, 0.5, 0.92), (0.6, 0.98, 0.2, 0.8))


def midpoint(frames: Sequence, fps: float = np.nan) -> int:
    """The middle of `frames`, of which only the number T counts, as a position 1..T-1 (the paper's 4.5)."""
    return max(1, len(frames) // 2)


def motion_maps(crops: np.ndarray) -> np.ndarray:
    """How far each pixel of `crops` (T, S, S, 3) uint8 has moved against the onset, the first crop: px, (T, M, M).

    The motion of the whole head is taken out first: it mostly grows with time, so it would name the last frame. The
    outer eighth of the crop is left out: hair and background neither act nor move with the face.
    """
    rim = crops.shape[1] // 8
    flows = (lk(crops[0], crop)[:, rim:-rim, rim:-rim] for crop in crops[1:])
    lengths = [np.linalg.norm(remove_head_motion(flow), axis=0) for flow in flows]
    return np.stack([np.zeros_like(lengths[0]), *lengths])


def motion_curve(crops: np.ndarray) -> np.ndarray:
    """How far each frame of `crops` (T, S, S, 3) uint8 has moved against the onset: px, mean over pixels, (T,)."""
    return motion_maps(crops).mean(axis=(1, 2))


def greatest_motion(crops: np.ndarray, fps: float = np.nan) -> int:
    """The frame of `crops` (T, S, S, 3) uint8 that moved most against the onset (the paper's 4.1), position 1..T-1.

    Frames in which the eyes blink (`blinks`) are passed over, unless all are.
    """
    maps = motion_maps(crops)
    curve = maps.mean(axis=(1, 2))
    blinking = blinks(maps, fps)
    if not blinking[1:].all():
        curve[blinking] = -1
    return 1 + int(np.argmax(curve[1:]))


def blinks(maps: np.ndarray, fps: float = np.nan) -> np.ndarray:
    """The frames of a blink, (T,) boolean, by the motion (T, M, M) of a crop with level eyes against the onset.

    A blink is a short rise of motion about the eyes that the lower face does not share. What is short stands above the
    curve's morphological opening over BLINK_SECONDS, or half the clip where that is shorter; a rise counts where it is
    over BLINK_RATIO times that of the lower face, or of the usual step between frames, whichever is larger. The frames
    beside it belong to it.
    """
    from scipy.ndimage import grey_opening

    frames, rows = maps.shape[:2]
    window = frames // 2 if np.isnan(fps) else min(round(BLINK_SECONDS * fps), frames // 2)
    window = max(5, window) | 1
    below = round((EYES_END - 1 / 8) * rows / 0.75)  # maps are crops without the outer eighth
    eyes = maps[:, :below].mean(axis=(1, 2))
    mouth = maps[:, below:].mean(axis=(1, 2))
    rise, shared = (curve - grey_opening(curve, window, mode="nearest") for curve in (eyes, mouth))
    usual = np.median(np.abs(np.diff(eyes)))
    blinking = rise > BLINK_RATIO * np.maximum(shared, usual) + 1e-9
    return blinking | np.r_[blinking[1:], False] | np.r_[False, blinking[:-1]]


def dcrois(crops: np.ndarray, fps: float = np.nan) -> int:
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
        centre = gray[1:-1, 1:-1]
        code = 0
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
    first = 1
    last = len(difference)
    while last - first > 1:
        middle = (first + last) // 2
        if peaks[first:middle].sum() >= peaks[middle:last].sum():
            last = middle
        else:
            first = middle
    return first
