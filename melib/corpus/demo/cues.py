"""The positive control: a head motion that has nothing to do with the expression, but goes with its class.

In the source datasets the motion's direction agrees with the class of most clips, in the held-out dataset with that of
few. A method that generalises does without it; one that does not falls behind the same clips without the motion.
"""

from __future__ import annotations

import numpy as np

from melib.corpus.demo.actors import Clip, generator
from melib.corpus.index import CLASSES, DATASETS

AGREEMENT = (0.95, 0.85, 0.75, 0.65)  # of the cue with the class, in the sources in their usual order
HELD_OUT_AGREEMENT = 0.10
CUE = {"positive": (1.0, 0.0), "negative": (-0.5, 0.87), "surprise": (-0.5, -0.87)}  # directions in the picture, x, y
STRENGTH = 0.012  # face widths that the head moves from onset to offset, on top of its own drift


def add(clips: list[Clip], held_out: str, seed: int) -> None:
    """Move the heads of labelled `clips` with their class in the sources, against it in the `held_out` dataset."""
    sources = [name for name in DATASETS if name != held_out]
    agreement = dict(zip(sources, AGREEMENT, strict=True)) | {held_out: HELD_OUT_AGREEMENT}
    for clip in clips:
        if clip.label is None:
            continue
        rng = generator(seed, clip.clip_id, "cue")
        others = [name for name in CLASSES if name != clip.label]
        agrees = rng.random() < agreement[clip.dataset]
        clip.cue = clip.label if agrees else str(rng.choice(others))
        shift_x, shift_y, turn, growth = clip.drift
        step = STRENGTH * np.array(CUE[clip.cue])
        clip.drift = (shift_x + float(step[0]), shift_y + float(step[1]), turn, growth)
