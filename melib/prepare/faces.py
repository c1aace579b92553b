"""Faces: one geometry per clip, found once on its onset frame, so that cropping adds no motion of its own."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from math import atan2, ceil, cos, degrees, radians, sin
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from melib.errors import InputError

MARGIN = 1.1  # Haar's box ends at the lip of the chin; a tenth more holds a dropped jaw
WORK_SIDE = 240  # detection runs at this shorter side: the same behaviour and time for every camera
SMALLEST = 1 / 6  # of the shorter side: smaller boxes are buttons and shadows, not the filmed face
MAX_ROLL = 30  # degrees; a steeper line between two "eyes" joins an eye and something else
CERTAIN = 0.5  # of the shorter side: a Haar box below that without a pair of eyes is a patch of skin
DETECTORS = ("yunet", "haar")
YUNET = Path(__file__).with_name("yunet") / "face_detection_yunet_2023mar.onnx"
YUNET_SIDE = 320  # as WORK_SIDE
YUNET_SCORE = 0.6


class FaceError(InputError):
    """No usable face; the message says what was tried and what to do."""


@dataclass(frozen=True)
class Face:
    """A box in frame pixels (x, y its top left corner, before turning) that is turned by `angle` about its centre.

    `angle` is the roll in degrees, positive where the line from the image's left eye to its right eye descends.
    `method` says how it was found: boxes, cropped (its owner says so), yunet, haar, haar_lenient, or whole (the frame
    looks already cropped). `others` counts further faces seen.
    """

    x: float
    y: float
    w: float
    h: float
    angle: float
    method: str
    others: int = 0


def find_face(image: np.ndarray, cropped: bool = False, box: Face | None = None, detector: str = "yunet") -> Face:
    """Find the one face of `image` (H, W, 3) uint8 RGB.

    In this order: the user's `box`; the whole frame where the owner `cropped` it already; YuNet (Wu et al., 2023) where
    the `detector` is "yunet"; OpenCV's Haar cascades, a second time with fewer votes and a tilted frame where the first
    pass finds none. The largest face wins. A Haar box counts where it has a pair of eyes or fills half of the shorter
    side; where none counts, a patch of a tight crop was taken for a face, and the frame is taken whole. Raises
    FaceError where nothing like a face is seen.

    >>> find_face(np.zeros((230, 190, 3), np.uint8), cropped=True)
    Face(x=0.0, y=0.0, w=190.0, h=230.0, angle=0.0, method='cropped', others=0)
    """
    height, width = image.shape[:2]
    if box is not None:
        if not (0 <= box.x + box.w / 2 < width and 0 <= box.y + box.h / 2 < height):
            raise FaceError(
                f"The given box {(box.x, box.y, box.w, box.h)} lies outside the {width}x{height} frame: its middle "
                "must be in it. Correct x, y, w and h in the boxes CSV, in pixels of the onset frame."
            )
        return box
    if cropped:
        return _whole(image, "cropped")
    face = _yunet_face(image) if detector == "yunet" else None
    if face is None:
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        face, doubtful = _haar_face(gray, neighbours=5, rolls=(0,))
    if face is None:
        face, more = _haar_face(gray, neighbours=3, rolls=(0, -20, 20))
        if face is None and (doubtful or more):
            face = _whole(image, "whole")
    if face is None:
        raise FaceError(
            f"No face found in the {width}x{height} onset frame, by YuNet or the Haar cascades. Give a box in a boxes "
            "CSV, or mark the clip as cropped in the index."
        )
    return face


def _whole(image: np.ndarray, method: str) -> Face:
    height, width = image.shape[:2]
    return Face(0.0, 0.0, float(width), float(height), 0.0, method)


def crop(frame: np.ndarray, face: Face, size: int) -> np.ndarray:
    """Cut `face` out of `frame` (H, W, 3) uint8 as a square (size, size, 3), eyes level, one interpolation.

    The square's side is the box's longer side: nothing is stretched, so a pixel of motion means the same along both
    axes. What lies outside the frame repeats its edge. Shrinking averages the pixels it merges.
    """
    merge = max(1, ceil(max(face.w, face.h) / size))  # warp at the frame's own resolution or above, then average blocks
    matrix = crop_matrix(face, merge * size)
    canvas = (merge * size, merge * size)
    out = cv2.warpAffine(frame, matrix, canvas, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return out if merge == 1 else cv2.resize(out, (size, size), interpolation=cv2.INTER_AREA)


def crop_matrix(face: Face, size: int) -> np.ndarray:
    """The affine map (2, 3) from pixel positions in the frame to those in the crop (size, size)."""
    turn = radians(face.angle)
    scale = size / max(face.w, face.h)
    matrix = scale * np.array([[cos(turn), sin(turn)], [-sin(turn), cos(turn)]])
    # Pixel centres lie at +.5: the box's centre lands on the middle of the square.
    centre = np.array([face.x + face.w / 2, face.y + face.h / 2]) - 0.5
    return np.c_[matrix, (size / 2 - 0.5) - matrix @ centre]


def read_boxes(path: str | Path) -> dict[str, Face]:
    """Read a user's boxes CSV (clip_id, x, y, w, h in pixels of the onset frame, optional angle in degrees).

    Raises FaceError where the file or a column is missing, a value is no number or a box has no area.
    """
    if not Path(path).is_file():
        raise FaceError(f"There is no boxes CSV at {path}; it needs the columns clip_id, x, y, w, h (and angle).")
    table = pd.read_csv(path, dtype={"clip_id": str})
    missing = [name for name in ("clip_id", "x", "y", "w", "h") if name not in table.columns]
    if missing:
        raise FaceError(
            f"The boxes CSV {path} lacks {missing}; it has {list(table.columns)}. Name its columns clip_id, x, y, w, h "
            "(and angle)."
        )
    if "angle" not in table.columns:
        table["angle"] = 0.0
    numbers = table[["x", "y", "w", "h", "angle"]].apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna().any(axis=1) | (numbers["w"] <= 0) | (numbers["h"] <= 0)
    if bad.any():
        raise FaceError(
            f"The boxes CSV {path} has no usable box for {list(table['clip_id'][bad][:5])}: x, y, w, h (and angle) "
            "must be numbers, w and h above 0. Correct these rows, or remove them to have the faces detected."
        )
    return {
        clip: Face(*map(float, values), "boxes")
        for clip, values in zip(table["clip_id"], numbers.to_numpy(), strict=True)
    }


@lru_cache(maxsize=64)
def _cascade(name: str, thread: int) -> cv2.CascadeClassifier:
    """A Haar cascade for one thread alone: detecting changes its state."""
    return cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / f"haarcascade_{name}.xml"))


def _detect(name: str, gray: np.ndarray, scale: float, neighbours: int, smallest: int) -> list[tuple[int, ...]]:
    cascade = _cascade(name, threading.get_ident())
    return [tuple(map(int, box)) for box in cascade.detectMultiScale(gray, scale, neighbours, minSize=(smallest,) * 2)]


def _haar_face(gray: np.ndarray, neighbours: int, rolls: tuple[int, ...]) -> tuple[Face | None, int]:
    """The largest face that Haar's cascades see in `gray` (H, W), or in it turned by each of `rolls` degrees; and how
    many boxes were too small for a face without eyes."""
    zoom = WORK_SIDE / min(gray.shape)
    small = cv2.resize(gray, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    middle = (small.shape[1] / 2, small.shape[0] / 2)
    candidates = []
    doubtful = 0
    for roll in rolls:
        turned = small
        if roll:
            matrix = cv2.getRotationMatrix2D((middle[0] - 0.5, middle[1] - 0.5), roll, 1)
            turned = cv2.warpAffine(small, matrix, small.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        for x, y, w, h in _detect("frontalface_default", turned, 1.1, neighbours, int(WORK_SIDE * SMALLEST)):
            tilt = _eye_tilt(turned[y : y + h, x : x + w])
            # Back from the turned frame: the box's centre turns about the frame's middle, the box's own roll adds up.
            turn = radians(roll)
            dx = x + w / 2 - middle[0]
            dy = y + h / 2 - middle[1]
            cx = (middle[0] + dx * cos(turn) - dy * sin(turn)) / zoom
            cy = (middle[1] + dx * sin(turn) + dy * cos(turn)) / zoom
            if tilt is None and w < CERTAIN * WORK_SIDE:
                doubtful += 1
                continue
            side = MARGIN * w / zoom
            candidates.append((tilt is not None, side, cx - side / 2, cy - side / 2, roll + (tilt or 0.0)))
    if not candidates:
        return None, doubtful
    lenient = len(rolls) > 1
    # With few votes a shadow may pass for a face: there, a box with two eyes goes before a larger one without.
    _, side, x, y, angle = max(candidates, key=lambda box: (lenient and box[0], box[1]))
    apart = [1 for b in candidates if max(abs(b[2] - x), abs(b[3] - y)) > side / 2 and b[1] > side / 2]
    return Face(x, y, side, side, angle, "haar_lenient" if lenient else "haar", len(apart)), doubtful


def _eye_tilt(face: np.ndarray) -> float | None:
    """Roll of the line between the eyes in `face` (side, side), degrees; None where no plausible pair is seen."""
    side = face.shape[0]
    top = int(0.15 * side)
    region = np.ascontiguousarray(face[top : int(0.6 * side)])
    for name in ("eye", "eye_tree_eyeglasses"):
        boxes = _detect(name, region, 1.1, 3, side // 7)
        centres = [(x + w / 2, y + h / 2, w) for x, y, w, h in boxes if w < 0.4 * side]
        left = [eye for eye in centres if eye[0] < 0.45 * side]
        right = [eye for eye in centres if eye[0] > 0.55 * side]
        pairs = [
            (abs((b[0] + a[0]) / side - 1) + abs(b[2] - a[2]) / side, degrees(atan2(b[1] - a[1], b[0] - a[0])))
            for a in left
            for b in right
            if 0.25 * side < b[0] - a[0] < 0.65 * side
        ]
        pairs = [pair for pair in pairs if abs(pair[1]) < MAX_ROLL]
        if pairs:
            return min(pairs)[1]  # the pair that lies most evenly about the middle, of the most equal size
    return None


def _yunet_face(image: np.ndarray) -> Face | None:
    """The largest face that YuNet sees in `image` (H, W, 3) RGB, its roll by the eyes; None where it sees none."""
    height, width = image.shape[:2]
    zoom = min(1.0, YUNET_SIDE / min(height, width))
    size = (round(zoom * width), round(zoom * height))
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)
    faces = cv2.FaceDetectorYN.create(str(YUNET), "", size, YUNET_SCORE).detect(small)[1]
    faces = [] if faces is None else [face for face in faces if min(face[2:4]) >= SMALLEST * min(size)]
    if not faces:
        return None
    x, y, w, h, *marks = (float(value) / zoom for value in max(faces, key=lambda face: face[2] * face[3])[:8])
    eyes = sorted([tuple(marks[0:2]), tuple(marks[2:4])])
    angle = degrees(atan2(eyes[1][1] - eyes[0][1], eyes[1][0] - eyes[0][0]))
    side = MARGIN * max(w, h)
    return Face(x + w / 2 - side / 2, y + h / 2 - side / 2, side, side, angle, "yunet", len(faces) - 1)
