"""One run: from samples and settings to the records of every epoch of every fold."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from melib.compute import deterministic, pick_device
from melib.corpus.index import CLASSES
from melib.learning.algorithms.base import Algorithm
from melib.learning.diagnose import Diagnosis
from melib.learning.estimators.base import Estimator, Features
from melib.learning.fold import EVALUATED, Fold, open_fold
from melib.learning.inputs import Inputs, in_batches
from melib.learning.metrics import METRICS
from melib.learning.networks.build import check_inputs
from melib.learning.settings import RunSettings
from melib.learning.split import folds_of, split_samples
from melib.learning.training import FoldResult, Records, measure, train
from melib.prepare.samples import Samples
from melib.progress import Meter

Progress = Callable[[int, int, dict], None]


@dataclass(frozen=True)
class Result:
    """What one run leaves.

    `history` has a row a fold and epoch: the means of the losses over the training clips and each metric on source_val
    and held_out. `predictions` has a row a clip and epoch: fold, clip_id, dataset, subject, label, epoch, split,
    logits. `split` says what part each clip took (of a run of one fold). `method` is the algorithm or estimator as the
    last fold left it. `seconds` is the time the training took. `diagnosis` is there where `diagnose` was set.
    """

    history: pd.DataFrame
    predictions: pd.DataFrame
    split: pd.Series
    method: Algorithm | Estimator
    folds: list[str]
    seconds: float
    diagnosis: Diagnosis | None


def fit(samples: Samples, settings: RunSettings, progress: Progress | None = None, work: Path | None = None) -> Result:
    """Train on the sources, look at what is held out after every epoch, and select nothing; fold by fold.

    Every random draw (initial weights, an algorithm's own weights, the order of the samples, mirroring, validation
    subjects) has a stream of its own, so that BRL with lam = 0 trains to the same bits as cross-entropy.

    Args:
        samples: clips of several datasets; clips without label take no part, synthetic ones only in training.
        settings: see RunSettings; `corpus` and `out` are not read here.
        progress: called after each epoch with (epochs done, epochs in all, the epoch's row of the history).
        work: folder for checkpoints, from which an interrupted run goes on to the same bits.

    Raises:
        FitError: held-out fold or sources absent, too few sources, a class without a training clip.
    """
    device = pick_device(settings.device)
    folds = check(samples, settings)
    epochs = 1 if settings.is_estimator else settings.epochs
    meter = Meter(work, len(folds) * epochs)
    parts = []
    with deterministic(settings.threads):
        for number, name in enumerate(folds):

            def done(epoch: int, row: dict, before: int = number * epochs) -> None:
                meter.update(before + epoch)
                if progress:
                    progress(before + epoch, len(folds) * epochs, row)

            fold = open_fold(samples, settings, name, device)
            path = work / "training" / f"{number}.pt" if work else None
            parts.append(_fit_estimator(fold, done) if settings.is_estimator else train(fold, path, done))
    return _join(parts, folds)


def check(samples: Samples, settings: RunSettings) -> list[str]:
    """The folds of a run, once sure that `fit` will start; raises ValueError as it does."""
    folds = folds_of(samples.index, settings)
    first = Inputs(samples.select(np.arange(len(samples)) == 0), settings, np.array([True]), torch.device("cpu"))
    if not settings.is_estimator:
        check_inputs(settings.network, first.shapes)
    for name in folds:
        split_samples(samples.index, settings, name)
    return folds


def _fit_estimator(fold: Fold, done: Callable[[int, dict], None]) -> FoldResult:
    """Fit an estimator on one fold: a history of one epoch.

    With `mirror` it learns from each clip and its mirror image, and scores are the mean over both.
    """
    from threadpoolctl import threadpool_limits

    started = time.monotonic()
    settings = fold.settings
    options = {name: settings.option(name) for name in settings.spec.options}
    estimator = settings.spec.load()(options, settings.class_weights, settings.seed)
    target = Features(_vectors(fold, "held_out")[0]) if settings.spec.uses_target else None
    logits = {}
    with threadpool_limits(settings.threads):  # as torch: the number of threads changes the last bits
        estimator.fit(_training_features(fold), target)
        for name in (part for part in fold.parts if part in EVALUATED):
            views = [estimator.decision_function(x) for x in _vectors(fold, name)]
            logits[name] = torch.from_numpy(np.mean(views, axis=0)).float()
    row = {"epoch": 1, **measure(logits, fold)}
    done(1, row)
    return FoldResult(fold, Records([row], [logits]), estimator, time.monotonic() - started)


def _training_features(fold: Fold) -> Features:
    views = _vectors(fold, "train")
    rows = fold.train.numpy()
    subjects = fold.subjects[rows]
    labels = fold.labels.cpu().numpy()[rows]
    groups = fold.groups_on_host.numpy()[rows]
    return Features(np.concatenate(views), *(np.tile(column, len(views)) for column in (labels, groups, subjects)))


def _vectors(fold: Fold, part: str) -> list[np.ndarray]:
    """The inputs of a part as vectors (N, D) float64, all arrays side by side; with `mirror` mirrored too."""
    turns = (False, True) if fold.settings.mirror else (False,)
    rows, size = fold.parts[part], 4 * fold.settings.batch_size
    return [in_batches(_flatten, fold.inputs, rows, size, turn).cpu().numpy().astype(np.float64) for turn in turns]


def _flatten(x: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.cat([one.flatten(1) for one in x], dim=1)


def _join(parts: list[FoldResult], folds: list[str]) -> Result:
    """The records of all folds as one result."""
    histories = []
    predictions = []
    for part in parts:
        histories.append(pd.DataFrame(part.records.history).assign(fold=part.fold.name))
        for row, logits in zip(part.records.history, part.records.logits, strict=True):
            for name, values in logits.items():
                predictions.append(_predictions(part.fold, name, values.numpy(), row["epoch"]))
    metrics = [f"{name}_{metric}" for name in EVALUATED for metric in METRICS]
    history = pd.concat(histories, ignore_index=True)
    losses = [name for name in history.columns if name not in ("fold", "epoch", *metrics)]
    history = history.reindex(columns=["fold", "epoch", *losses, *metrics])
    last = parts[-1]
    diagnosis = Diagnosis.from_records(last.records.diagnoses) if last.records.diagnoses else None
    seconds = sum(part.seconds for part in parts)
    table = pd.concat(predictions, ignore_index=True)
    return Result(history, table, last.fold.split, last.method, folds, seconds, diagnosis)


def _predictions(fold: Fold, part: str, logits: np.ndarray, epoch: int) -> pd.DataFrame:
    """The logits (N, 3) of a part in one epoch, a row a clip."""
    rows = fold.index.iloc[fold.parts[part].cpu().numpy()]
    table = rows[["clip_id", "dataset", "subject", "label"]].assign(fold=fold.name, epoch=epoch, split=part)
    table[list(CLASSES)] = logits
    return table
