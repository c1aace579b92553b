"""What the people of the demo corpus express: which AUs, how strongly, and what else moves in a clip.

The numbers were set on four things alone, the plain CNN, logistic regression, the CNN with the recommended recipe and
the upper bound on the true AUs, until they were as far apart as on real clips (docs/demo-corpus.md), and then frozen.
"""

from __future__ import annotations

import numpy as np

# Chance of each AU in an expression, in the order of how typical it is; the first always shows where none would.
EMOTIONS = {
    "happiness": {12: 0.85, 6: 0.5, 7: 0.15, 14: 0.12, 10: 0.12, 25: 0.15},
    "surprise": {1: 0.75, 2: 0.75, 5: 0.4, 26: 0.25, 25: 0.2, 7: 0.1},
    "disgust": {4: 0.55, 10: 0.4, 9: 0.4, 7: 0.4, 6: 0.2, 17: 0.2, 14: 0.1, 12: 0.1},
    "anger": {4: 0.75, 7: 0.5, 5: 0.25, 23: 0.3, 17: 0.2, 10: 0.1},
    "fear": {4: 0.5, 1: 0.45, 20: 0.35, 2: 0.3, 5: 0.3, 7: 0.2, 25: 0.15},
    "sadness": {15: 0.5, 4: 0.4, 1: 0.4, 17: 0.4, 7: 0.1},
    "contempt": {14: 0.9, 12: 0.2, 10: 0.2},
    "repression": {14: 0.5, 17: 0.5, 12: 0.25, 15: 0.25, 4: 0.2},
    "tense": {4: 0.5, 17: 0.4, 14: 0.3, 7: 0.3},
    "others": {4: 0.6, 14: 0.4, 7: 0.3},
}
HABITS = (4, 7, 10, 12, 14, 17, 25)  # AUs that come along in a subject's expressions, whatever is expressed
HABIT_SHARE = 0.4  # of a subject's clips that show the habit
STRENGTH = 0.36  # median AU intensity (0-5) of an expression's apex
STRENGTH_SPREAD = 0.8  # standard deviation of its logarithm between clips: some too faint, some plainly visible
AU_SPREAD = 0.45  # the same between the AUs of one clip
LEAN = 0.5  # standard deviation of how much further the right of the picture moves
DOUBT = 0.09  # clips whose annotated class is not the one expressed
MISTAKEN_FOR = {
    "positive": ("disgust", "surprise"),
    "negative": ("happiness", "surprise"),
    "surprise": ("fear", "happiness"),
}
APEX_ERROR = 1.2  # frames between the annotated and the true apex, standard deviation
BLINK_SHARE = 0.3  # clips with a blink at some time
DRIFT_SPREAD = 0.004, 0.004, 0.002, 0.001  # head over a clip: shift x, y (face widths), turn (radians), growth


def spread(rng: np.random.Generator, deviation: float) -> float:
    """A factor around 1 whose logarithm has this standard deviation."""
    return float(np.exp(rng.normal(0, deviation)))


def doubted(rng: np.random.Generator, label: str | None, acted: str) -> str:
    """The emotion that a clip annotated as class `label` expresses: `acted`, or another's where annotators doubted."""
    doubt = rng.random() < DOUBT
    if not doubt or label is None:
        return acted
    return str(rng.choice(MISTAKEN_FOR[label]))


def draw_aus(rng: np.random.Generator, emotion: str, habit: int, strong: float) -> dict[int, float]:
    """AU intensities 0-5 at the apex of one expression, `strong` times as intense as usual; `habit` may come along."""
    chances = EMOTIONS[emotion]
    strength = strong * STRENGTH * spread(rng, STRENGTH_SPREAD)
    shown = [au for au, chance in chances.items() if rng.random() < chance]
    if not shown:
        shown = [next(iter(chances))]
    if rng.random() < HABIT_SHARE and habit not in shown:
        shown.append(habit)
    return {au: min(5.0, strength * spread(rng, AU_SPREAD)) for au in sorted(shown)}
