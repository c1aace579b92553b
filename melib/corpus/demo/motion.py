"""How action units move a face: smooth displacement fields in face coordinates, and the exact flow they make.

A frame shows at the face point y what the drawn canvas holds at q = y + B(y). B is a sum of Gaussian bumps, a few for
each AU and side, plus the head's drift. B stays a contraction, so the inverse, and with it the flow between two frames
of a clip, follows from a fixed-point iteration to any accuracy.
"""

from __future__ import annotations

import math

import numpy as np

SUBJECT_SPREAD = 0.45  # of the logarithm of a muscle's strength between subjects, standard deviation
ASYMMETRY = 0.2  # the same between the two sides of a face
RESTING = 0.5  # standard deviation of the resting offsets of a subject's AUs (not about emotion)
SKIN_STEP = 0.0052  # face widths that the skin moves where an AU of intensity 1 is strongest

OPENFACE_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)

# Per AU: centre x, y (x = 0: on the midline, else one bump on either side), widths, movement x (outwards), y (down).
FIELDS = {
    1: ((0.12, -0.17, 0.085, 0.09, 0.0, -1.0),),
    2: ((0.31, -0.16, 0.095, 0.09, 0.1, -1.0),),
    4: ((0.13, -0.14, 0.095, 0.08, -0.55, 0.75),),
    5: ((0.222, -0.04, 0.085, 0.032, 0.0, -0.6),),
    6: ((0.29, 0.15, 0.13, 0.085, -0.1, -0.75),),
    7: ((0.222, 0.045, 0.1, 0.032, -0.1, -0.55),),
    9: ((0.075, 0.17, 0.065, 0.11, 0.0, -0.9),),
    10: ((0.09, 0.43, 0.075, 0.07, 0.05, -0.85),),
    12: ((0.185, 0.51, 0.11, 0.09, 0.75, -0.7),),
    14: ((0.2, 0.52, 0.075, 0.075, 0.85, 0.05),),
    15: ((0.175, 0.57, 0.09, 0.08, 0.2, 0.9),),
    17: ((0.0, 0.7, 0.12, 0.085, 0.0, -0.95),),
    20: ((0.2, 0.55, 0.11, 0.09, 1.0, 0.2),),
    23: ((0.12, 0.525, 0.08, 0.07, -0.7, 0.0), (0.0, 0.48, 0.12, 0.035, 0.0, 0.3), (0.0, 0.58, 0.12, 0.035, 0.0, -0.3)),
    25: ((0.0, 0.58, 0.12, 0.045, 0.0, 0.7), (0.0, 0.49, 0.11, 0.035, 0.0, -0.25)),
    26: ((0.0, 0.7, 0.27, 0.17, 0.0, 1.15),),
    45: ((0.222, 0.008, 0.11, 0.036, 0.0, 1.6),),
}


def new_muscles(rng: np.random.Generator) -> dict[int, np.ndarray]:
    """One subject's own fields: for each AU an array (bumps, 6) of centre, widths and movement at intensity 1."""
    muscles = {}
    for au, bumps in FIELDS.items():
        gain, turn, shift = np.exp(rng.normal(0, SUBJECT_SPREAD)), rng.normal(0, 0.15), rng.normal(0, 0.008, 2)
        c, s, rows = np.cos(turn), np.sin(turn), []
        for cx, cy, sx, sy, dx, dy in bumps:
            for side in (-1, 1) if cx else (1,):
                size = SKIN_STEP * gain * np.exp(rng.normal(0, ASYMMETRY))
                step = size * side * (c * dx - s * dy), size * (s * dx + c * dy)
                rows.append((side * (cx + shift[0] * bool(cx)), cy + shift[1], sx, sy, *step))
        muscles[au] = np.array(rows)
    return muscles


def lean(muscles: dict[int, np.ndarray], amount: float) -> dict[int, np.ndarray]:
    """Fields of a face that moves unevenly: 1 + `amount` times on the right of the picture, 1 - it on the left."""
    leaned = {}
    for au, rows in muscles.items():
        leaned[au] = rows.copy()
        leaned[au][:, 4:] *= 1 + amount * np.sign(rows[:, :1].round(6))
    return leaned


def au_field(muscles: dict, au: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """B of one AU at intensity 1 for face points x, y of any shape: (2, ...) in face widths, x first."""
    field = np.zeros((2, *x.shape), x.dtype)
    for cx, cy, sx, sy, dx, dy in muscles[au].tolist():
        bump = np.exp(-(((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2) / 2)
        field[0] -= dx * bump  # what is seen here came from against the movement
        field[1] -= dy * bump
    return field


def drift_field(drift: tuple, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """B of a head drift (shift x, y in face widths, turn in radians, growth), fading out beyond the head: (2, ...)."""
    shift_x, shift_y, turn, growth = drift
    far = (x / 0.95) ** 2 + ((y - 0.15) / 1.15) ** 2
    weight = np.exp(-far * far * far)
    cos, sin, below = (1 + growth) * math.cos(turn) - 1, (1 + growth) * math.sin(turn), y - 0.5
    return -weight * np.stack([shift_x + cos * x - sin * below, shift_y + sin * x + cos * below])


def displacement(muscles: dict, aus: dict, drift: tuple, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """B (2, ...) of a whole frame: intensities `aus` {AU: 0-5} and a head drift, for face points x, y."""
    total = drift_field(drift, x, y)
    for au, intensity in aus.items():
        if intensity:
            total += intensity * au_field(muscles, au, x, y)
    return total


class Pose:
    """Where a clip's camera sees the face: a similarity between face coordinates and frame pixels."""

    def __init__(self, centre_x: float, centre_y: float, face_px: float, roll: float):
        self.centre = np.array([centre_x, centre_y])
        self.turn = face_px * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])

    def to_frame(self, points: np.ndarray) -> np.ndarray:
        """Frame pixels (2, ...) of face points (2, ...)."""
        return np.einsum("ij,j...->i...", self.turn, points) + self.centre.reshape(2, *[1] * (points.ndim - 1))

    def to_face(self, pixels: np.ndarray) -> np.ndarray:
        """Face points (2, ...) of frame pixels (2, ...)."""
        moved = pixels - self.centre.reshape(2, *[1] * (pixels.ndim - 1))
        return np.einsum("ij,j...->i...", np.linalg.inv(self.turn), moved)

    def frame_points(self, height: int, width: int) -> np.ndarray:
        """Face points (2, height, width) of all the frame's pixel centres."""
        return self.to_face(np.stack(np.meshgrid(np.arange(width), np.arange(height))).astype(float))


def exact_flow(muscles: dict, pose: Pose, size: tuple, first: tuple, second: tuple, steps: int = 60) -> np.ndarray:
    """Flow F (2, H, W) float64, frame pixels, x first, with second(x + F(x)) = first(x).

    `size` is (H, W); `first` and `second` are (aus, drift) of two frames of one clip. The iteration stops when no point
    moves by more than 1e-5 px; ArithmeticError if it has not done so after `steps`.
    """
    here = pose.frame_points(*size)
    source = here + displacement(muscles, *first, *here)
    there = here.copy()
    for _ in range(steps):
        before, there = there, source - displacement(muscles, *second, *there)
        if np.abs(there - before).max() * np.linalg.norm(pose.turn[:, 0]) < 1e-5:
            return pose.to_frame(there) - pose.to_frame(here)
    raise ArithmeticError(f"The flow did not settle in {steps} steps: the movement is too strong to be inverted.")
