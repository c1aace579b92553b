"""A setting of an estimator chosen on the sources alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from melib.learning.estimators.base import Features
from melib.learning.metrics import confusion, scores

SUBJECT_FOLDS = 5


def choose_on_sources(
    train: Features, values: Sequence[float], predict: Callable[[np.ndarray, float], np.ndarray]
) -> float:
    """The first of `values` with the best mean UAR when each source dataset is left out in turn.

    With a single source, folds of its subjects take the place of datasets. `predict(rest, value)` gives the classes of
    the clips that are not in `rest` (N,) boolean, from a model with that value fitted on those that are. Raises
    ValueError where a source that is left out leaves clips of one class alone.
    """
    groups = train.domain
    if len(np.unique(groups)) < 2:
        groups = np.unique(train.subject, return_inverse=True)[1] % SUBJECT_FOLDS
    for group in np.unique(groups):
        if len(np.unique(train.y[groups != group])) < 2:
            raise ValueError(
                "C = 0 asks for a choice by leaving sources out, and without one of them the training clips are all "
                "of one class. Set C to a number."
            )
    means = []
    for value in values:
        recalls = []
        for group in np.unique(groups):
            left_out = groups == group
            counts = confusion(train.y[left_out], predict(~left_out, value))
            recalls.append(scores(counts)["uar"])
        means.append(np.mean(recalls))
    return values[int(np.argmax(means))]
