"""What a probability is worth: temperature scaling and the expected calibration error (Guo et al., 2017)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES

BINS = 10
FEWEST = 10  # clips to fit a temperature to
COLDEST, HOTTEST = 0.02, 50.0


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The softmax (..., 3) of logits (..., 3) over a temperature.

    >>> probabilities(np.array([0.0, 0.0, np.log(2)])).round(2)
    array([0.25, 0.25, 0.5 ])
    """
    from scipy.special import softmax

    return softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=-1)


def fit_temperature(logits: np.ndarray, true: np.ndarray) -> float | None:
    """The temperature of least mean log loss for logits (N, 3) and classes (N,); None for fewer than FEWEST clips.

    It lies between COLDEST and HOTTEST: where all clips are right the loss falls without end, where they are at chance
    the best temperature is infinite. The loss is convex in 1 / T, so that the minimum found is the only one.
    """
    from scipy.optimize import minimize_scalar

    if len(true) < FEWEST:
        return None

    def loss(inverse: float) -> float:
        return log_loss(logits, true, 1 / inverse)

    return float(1 / minimize_scalar(loss, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded").x)


def log_loss(logits: np.ndarray, true: np.ndarray, temperature: float = 1.0) -> float:
    """The mean negative log probability of the true classes (N,), of logits (N, 3)."""
    from scipy.special import log_softmax

    chances = log_softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=1)
    return -float(chances[np.arange(len(true)), true].mean())


def calibration_error(chances: np.ndarray, true: np.ndarray) -> float:
    """Expected calibration error of probabilities (N, 3) for classes (N,), in [0, 1].

    Clips are put into BINS equal intervals of the highest probability; the distance between its mean and the accuracy
    is averaged over the intervals, weighted by their clips.
    """
    table = reliability(chances, true)
    return float((table["clips"] * (table["accuracy"] - table["probability"]).abs()).sum() / len(true))


def reliability(chances: np.ndarray, true: np.ndarray) -> pd.DataFrame:
    """The intervals of `calibration_error` that hold clips, a row each: clips, mean probability, accuracy."""
    top = chances.max(axis=1)
    place = np.clip(np.ceil(top * BINS).astype(int) - 1, 0, BINS - 1)
    rows = pd.DataFrame({"place": place, "probability": top, "accuracy": chances.argmax(axis=1) == true})
    groups = rows.groupby("place")
    return groups.agg(clips=("accuracy", "size"), probability=("probability", "mean"), accuracy=("accuracy", "mean"))


def last_logits(predictions: pd.DataFrame, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, 3) and classes (N,) of one split in the last epoch of a run's predictions: those of its weights."""
    rows = predictions[(predictions["split"] == split) & (predictions["epoch"] == predictions["epoch"].max())]
    return rows[list(CLASSES)].to_numpy(dtype=np.float64), rows["label"].map(CLASSES.index).to_numpy(dtype=int)
