"""Linear probes: how well a dataset or a class can be read from features, with intervals over subjects."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from melib.corpus.index import subject_weights

COMPONENTS = 50  # principal components that a probe and a map see
STRENGTHS = (1e-3, 1e-2, 1e-1, 1)  # inverse weights of the probe's penalty, chosen within the training folds
FLOOR = 0.01  # share of the class prior in every prediction: no single clip costs more than some bits


def compact(x: np.ndarray) -> np.ndarray:
    """Turn (N, ...) so that at most N numbers a row hold it: every distance and angle stays, nothing is fitted."""
    x = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    if x.shape[1] <= len(x):
        return x
    values, vectors = np.linalg.eigh(x @ x.T)
    return vectors * np.sqrt(values.clip(0))


class TooFewClips(ValueError):
    """Clips that cannot be split into folds of whole subjects."""


def probe(
    x: np.ndarray, y: np.ndarray, subjects: np.ndarray, parts: np.ndarray | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Read `y` (N,) integer from 0 from `x` (N, ...) with a linear probe that never saw a clip of the same subject.

    Softmax regression on whitened principal components, within each part: five folds of whole subjects. Components,
    class prior and strength of the penalty (by three inner folds) come from the training folds alone. Returns the
    probabilities (N, K), the classes as frequent as they are, and the class (N,) read when all count alike: the one
    with the highest ratio of probability to prior.
    """
    from threadpoolctl import threadpool_limits

    subjects = np.asarray(subjects)
    k = int(y.max()) + 1
    parts = np.zeros(len(y)) if parts is None else parts
    probabilities = np.zeros((len(y), k))
    read = np.zeros(len(y), dtype=int)
    with threadpool_limits(1):  # many small fits, in which threads would wait for each other
        for part in np.unique(parts):
            rows = np.flatnonzero(parts == part)
            z = compact(x[rows])
            true = y[rows]
            who = subjects[rows]
            for train, test in folds(true, who, 5, seed):
                trials = np.zeros((len(STRENGTHS), len(train), k))
                for fit, rest in folds(true[train], who[train], 3, seed):
                    trials[:, rest] = _fit(z[train[fit]], true[train[fit]], z[train[rest]], STRENGTHS, k)[0]
                best = np.argmin([surprisal(trial, true[train]).mean() for trial in trials])
                estimates, prior = _fit(z[train], true[train], z[test], STRENGTHS[best : best + 1], k)
                probabilities[rows[test]] = estimates[0]
                read[rows[test]] = (estimates[0] / prior).argmax(1)
    return probabilities, read


def folds(y: np.ndarray, subjects: np.ndarray, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(train, test) rows of `count` folds: subjects stay whole, the values of `y` (N,) are spread evenly.

    There are fewer folds where there are fewer subjects, or fewer clips of the most frequent value. Raises TooFewClips
    where that leaves one.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)[1]
    count = min(count, groups.max() + 1, np.unique(y, return_counts=True)[1].max())
    if count < 2:
        raise TooFewClips(
            f"{len(y)} clips of {groups.max() + 1} subjects cannot be split into folds of whole subjects."
        )
    split = StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(y, y, groups)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # _fit gives an absent class its prior
        return list(split)


def _fit(x, y, new, strengths, k) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (S, M, K) for the rows `new`, by a probe of each strength, and the prior (K,) of the rows `x`."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    prior = (np.bincount(y, minlength=k) + 1) / (len(y) + k)
    probabilities = np.zeros((len(strengths), len(new), k))
    if len(np.unique(y)) == 1:  # a single class
        probabilities[:, :, y[0]] = 1
        return (1 - FLOOR) * probabilities + FLOOR * prior, prior
    solver = "arpack" if min(x.shape) > COMPONENTS else "full"  # the same components, the quicker way
    pca = PCA(min(COMPONENTS, len(x) - 1, x.shape[1]), whiten=True, svd_solver=solver, random_state=0).fit(x)
    for trial, strength in zip(probabilities, strengths, strict=True):
        model = LogisticRegression(C=strength, max_iter=1000).fit(pca.transform(x), y)
        trial[:, model.classes_] = model.predict_proba(pca.transform(new))
    return (1 - FLOOR) * probabilities + FLOOR * prior, prior


def surprisal(probabilities: np.ndarray, y: np.ndarray) -> np.ndarray:
    """-log2 of the probability (N, K) given to each true class, (N,) bits."""
    return -np.log2(probabilities[np.arange(len(y)), y])


def entropy(y: np.ndarray) -> float:
    """H(Y) in bits, the values of `y` (N,) as frequent as they are."""
    share = np.unique(np.asarray(y), return_counts=True)[1] / len(y)
    return float(-(share * np.log2(share)).sum())


def mutual_information(a: pd.Series, b: pd.Series) -> float:
    """I(A; B) in bits of two columns of names, by their table of counts."""
    return entropy(a) + entropy(b) - entropy(a.astype(str) + "\n" + b.astype(str))


def probe_scores(
    probabilities: np.ndarray, read: np.ndarray, y: np.ndarray, index: pd.DataFrame, draws: int = 2000, seed: int = 0
) -> dict[str, float]:
    """What a `probe` reads, with 95 % intervals over subjects (drawn anew within each dataset, the probe held fixed).

    accuracy is the mean recall of the classes, chance 1/K. bits is H(Y) - CE, where CE is the mean of -log2 q(y | x)
    over clips that the probe q has not seen: in expectation a lower bound of I(X; Y), whatever q (Barber and Agakov,
    2003); below 0 it says nothing and is given as 0.
    """
    true = np.eye(probabilities.shape[1])[y]
    weights = np.vstack([np.ones(len(y)), subject_weights(index, draws, seed)])
    with np.errstate(invalid="ignore"):  # a draw without a class: the mean of the others
        accuracy = np.nanmean((weights @ (true * (read == y)[:, None])) / (weights @ true), axis=1)
    bits = (entropy(y) - weights @ surprisal(probabilities, y) / weights.sum(1)).clip(0)
    measured = {"chance": 1 / probabilities.shape[1], "entropy": entropy(y)}
    for name, values in (("accuracy", accuracy), ("bits", bits)):
        low, high = np.quantile(values[1:], (0.025, 0.975))
        measured |= {name: values[0], f"{name}_low": low, f"{name}_high": high}
    return measured
