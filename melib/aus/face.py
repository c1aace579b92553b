"""A drawn face that shows an AU vector: the demo corpus' face, moved by its action units."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import cv2
import numpy as np

from melib.aus.table import AUS, NAMES, AUError
from melib.corpus.demo import actors, face, motion

MAGNIFY = 10  # a micro-expression moves a face by a hundredth of its width: too little to see in a still


class DrawnFace:
    """One synthetic person, drawn once at `size` pixels; `draw` then costs a few milliseconds."""

    def __init__(self, size: int = 256, seed: int = 4):
        camera = actors.CAMERAS["CASME2"]
        typical = SimpleNamespace(normal=lambda mean, _, size=(): np.full(size, float(mean)))
        look = face.new_look(np.random.default_rng(seed), camera.tones, glasses=0)
        muscles = motion.new_muscles(typical)  # no person's own: as strong as people are on average, and symmetric
        self.scale = size / 1.5  # pixels a face width
        canvas = face.draw_face(look, self.scale * 1.5, camera.light, (0.85, 0.85, 0.85))
        self.canvas = cv2.GaussianBlur(canvas, (0, 0), 0.75)
        pose = motion.Pose((size - 1) / 2, size * 0.4, self.scale, 0.0)
        self.points = pose.frame_points(size, size).astype(np.float32)
        self.fields = np.stack([motion.au_field(muscles, au, *self.points) for au in AUS])

    def draw(self, vector: Sequence[float], magnify: float = MAGNIFY) -> np.ndarray:
        """The face (S, S, 3) uint8 RGB with the 17 AU intensities `vector` (0-5), each times `magnify`."""
        seen = self.points - self.moves(vector, magnify) / np.float32(self.scale)
        image = actors.sample_canvas(self.canvas, self.scale * 1.5, seen)
        return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)

    def moves(self, vector: Sequence[float], magnify: float = 1) -> np.ndarray:
        """How far and where to the skin of each pixel moves: (2, S, S) float32, pixels, x first."""
        vector = np.asarray(vector, np.float32)
        if vector.shape != (len(AUS),) or not np.isfinite(vector).all():
            raise AUError(f"An AU vector of shape {vector.shape}; expected {len(AUS)} finite intensities: {NAMES}.")
        return np.tensordot(np.float32(-magnify * self.scale) * vector, self.fields, 1)
