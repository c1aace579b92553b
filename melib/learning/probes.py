"""Linear probes: how well a dataset or a class can be predicted from features, with intervals over subjects."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from melib.corpus.index import subject_weights

NAME_ALONE = "the dataset's name, nothing else"  # what a probe can be given beside features of clips
COMPONENTS = 50  # principal components that a probe and a map see
STRENGTHS = (1e-3, 1e-2, 1e-1, 1)  # inverse weights of the probe's penalty, chosen within the training folds


def compact(x: np.ndarray) -> np.ndarray:
    """Turn (N, ...) so that at most N numbers per row hold it: every distance and angle stays, nothing is fitted."""
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
    """Predict `y` (N,) integer from 0 from `x` (N, ...) with a linear probe that never saw a clip of the same subject.

    Softmax regression on whitened principal components, within each part: five folds of whole subjects. Components,
    class prior and strength of the penalty (by three inner folds) come from the training folds alone. Returns the
    probabilities (N, K), the classes as frequent as they are, and the class (N,) predicted when all count alike: the
    one with the highest ratio of probability to prior.
    """
    from threadpoolctl import threadpool_limits

    subjects = np.asarray(subjects)
    k = int(y.max()) + 1
    parts = np.zeros(len(y)) if parts is None else parts
    probabilities = np.zeros((len(y), k))
    predicted = np.zeros(len(y), dtype=int)
    with threadpool_limits(1):  # many small fits, in which threads would wait for each other
        for part in np.unique(parts):
            rows = np.flatnonzero(parts == part)
            z = compact(x[rows])
            for train, test in folds(y[rows], subjects[rows], 5, seed):
                model, prior = _fit(z[train], y[rows][train], subjects[rows][train], k, seed)
                estimates = model.predict_proba(z[test])
                probabilities[rows[test]] = estimates
                predicted[rows[test]] = (estimates / prior).argmax(1)
    return probabilities, predicted


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
        warnings.filterwarnings("ignore", "The least populated class")  # an absent class has its prior
        return list(split)


def _fit(x: np.ndarray, y: np.ndarray, subjects: np.ndarray, k: int, seed: int):
    """A probe of `k` classes, its strength chosen by three folds of the training clips, and their class prior (K,)."""
    from sklearn.decomposition import PCA
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    from melib.learning.softmax import Softmax

    solver = "arpack" if min(x.shape) > COMPONENTS else "full"  # the same components, the quicker way
    components = PCA(min(COMPONENTS, len(x) - 1, x.shape[1]), whiten=True, svd_solver=solver, random_state=0)
    search = GridSearchCV(Softmax(k), {"C": STRENGTHS}, cv=folds(y, subjects, 3, seed))
    model = make_pipeline(components, search).fit(x, y)
    return model, search.best_estimator_.prior_


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
    """What a `probe` predicts, with 95 % intervals over subjects (drawn within each dataset, the probe held fixed).

    accuracy is the mean recall of the classes, chance 1/K. bits is H(Y) - CE, where CE is the mean of -log2 q(y | x)
    over clips that the probe q has not seen: in expectation a lower bound of I(X; Y), whatever q (Barber and Agakov,
    2003); below 0 it says nothing and is given as 0.
    """
    from melib.learning.softmax import surprisal

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
