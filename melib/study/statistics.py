"""Intervals and paired tests over subjects, with the seeds of a setting averaged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES, subject_weights
from melib.learning.metrics import rates

DRAWS = 2000
LEVEL = 0.95


def evaluate(predicted: np.ndarray, clips: pd.DataFrame, weights: np.ndarray | None = None) -> np.ndarray:
    """Metrics of one setting, (B, seeds, G + 2, 3): each held-out dataset, their mean, pooled over all clips.

    Args:
        predicted: (seeds, N) the class of each clip as a number, -1 where that seed has no run on its dataset.
        clips: N rows with `dataset` and `true` (a number); datasets count in order of appearance.
        weights: (B, N) how often each clip counts; once by default. A class that a draw leaves without clips does not
            count in that draw. The mean and the pool of a seed are missing (NaN) where one of its datasets is.
    """
    weights = np.ones((1, len(clips))) if weights is None else weights
    true = clips["true"].to_numpy()
    k = len(CLASSES)
    tables = []
    for rows in positions(clips["dataset"]).values():
        cell = true[rows] * k + predicted[:, rows]
        counts = np.empty((len(weights), len(predicted), k * k))
        for seed, one in enumerate(cell):
            counts[:, seed] = weights[:, rows] @ np.eye(k * k)[one]
        counts[:, (predicted[:, rows] < 0).any(1)] = np.nan
        tables.append(counts.reshape(len(weights), len(predicted), k, k))
    counts = np.stack(tables, axis=2)
    known = np.stack([np.bincount(true[rows], minlength=k) > 0 for rows in positions(clips["dataset"]).values()])
    single = rates(counts, known)
    pooled = rates(counts.sum(2, keepdims=True), known.any(0))
    return np.concatenate([single, single.mean(2, keepdims=True), pooled], axis=2)


def positions(names: pd.Series) -> dict[str, np.ndarray]:
    """The rows of each name, in order of appearance."""
    return {name: np.flatnonzero(names == name) for name in names.unique()}


def resamples(clips: pd.DataFrame, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Weights (1 + draws + S, N): the clips once each, bootstrap draws of subjects, each of the S subjects left out."""
    subjects = clips["subject"].to_numpy(dtype=str)
    left_out = (subjects[None, :] != np.unique(subjects)[:, None]).astype(float)
    return np.vstack([np.ones((1, len(clips))), subject_weights(clips, draws, seed), left_out])


def interval(values: np.ndarray, draws: int = DRAWS, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """The BCa bootstrap interval (Efron, 1987) of a statistic's values (1 + draws + S, ...) under `resamples`.

    Bias is read from the draws, skew from the subjects left out: at 16 to 30 subjects the plain percentiles are too
    narrow. Missing (NaN) where the statistic is.
    """
    from scipy.special import ndtr, ndtri

    estimate = values[0]
    drawn = values[1 : 1 + draws]
    left_out = values[1 + draws :]
    if np.isnan(estimate).all():
        return np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    below = ((drawn < estimate).sum(0) + 0.5 * (drawn == estimate).sum(0)) / draws
    bias = ndtri(np.clip(below, 0.5 / draws, 1 - 0.5 / draws))
    pull = left_out.mean(0) - left_out
    scale = (pull**2).sum(0) ** 1.5
    skew = np.divide((pull**3).sum(0), 6 * scale, out=np.zeros_like(scale), where=scale > 1e-30)
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + ndtri(tail)
        share = ndtr(bias + z / (1 - skew * z))
        ordered = np.sort(drawn, axis=0)
        place = np.nan_to_num(share) * (draws - 1)
        low = np.floor(place).astype(int)
        lower = np.take_along_axis(ordered, low[None], 0)[0]
        after = np.take_along_axis(ordered, np.minimum(low + 1, draws - 1)[None], 0)[0]
        ends.append(np.where(np.isnan(estimate), np.nan, lower + (place - low) * (after - lower)))
    return ends[0], ends[1]


def over_seeds(values: np.ndarray) -> np.ndarray:
    """The mean over the seeds that have a value, (B, seeds, ...) to (B, ...); NaN where none has."""
    present = ~np.isnan(values)
    total = np.where(present, values, 0).sum(1)
    return np.divide(total, present.sum(1), out=np.full_like(total, np.nan), where=present.any(1))


def flip_test(
    first: np.ndarray, second: np.ndarray, clips: pd.DataFrame, flips: int = DRAWS, seed: int = 0
) -> np.ndarray:
    """p-values (G + 2, 3) that two settings, (seeds, N) predictions each, differ in each figure of `evaluate`.

    Two-sided, over the same seeds and subjects. The unit is the subject within its dataset, seeds averaged: were the
    settings alike, a subject's predictions under one could as well be those under the other, so whole subjects swap
    settings at random.
    """
    rng = np.random.default_rng(seed)
    subjects, of = np.unique(clips["subject"].to_numpy(dtype=str), return_inverse=True)
    swap = rng.integers(0, 2, (flips, len(subjects)))[:, of].astype(float)
    swap = np.vstack([np.zeros((1, len(clips))), swap])
    both = (first >= 0) & (second >= 0)
    settings = np.where(both, first, -1), np.where(both, second, -1)
    cells = _mixed(*settings, clips, swap), _mixed(*settings, clips, 1 - swap)
    gaps = np.abs(over_seeds(cells[1]) - over_seeds(cells[0]))
    hits = (gaps[1:] >= gaps[0] - 1e-12).sum(0)
    return np.where(np.isnan(gaps[0]), np.nan, (1 + hits) / (1 + flips))


def _mixed(first: np.ndarray, second: np.ndarray, clips: pd.DataFrame, swap: np.ndarray) -> np.ndarray:
    """`evaluate` of predictions taken from `second` where `swap` (B, N) is 1 and from `first` elsewhere."""
    doubled = pd.concat([clips, clips], ignore_index=True)
    return evaluate(np.hstack([first, second]), doubled, np.hstack([1 - swap, swap]))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's correction of several p-values (M,): the chance of one false finding among all stays below the level."""
    p = np.asarray(p, dtype=float)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return corrected
