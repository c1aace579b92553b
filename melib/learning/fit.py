"""One run: from samples and settings to the records of every epoch of every fold."""

from __future__ import annotations

import multiprocessing
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from melib.compute import deterministic, pick_device, report_precision
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

    `history` has a row per fold and epoch: mean losses over the training clips and each metric on source_val and
    held_out. `predictions` has a row per clip and epoch: fold, clip_id, dataset, subject, label, epoch, split,
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
        progress: called after each epoch with (epochs done, epochs in all, the epoch's row of the history); with
            several `workers` after each fold.
        work: folder for checkpoints, from which an interrupted run goes on to the same bits.

    Raises:
        FitError: held-out fold or sources absent, too few sources, a class without a training clip.
    """
    folds = check(samples, settings)
    if not settings.is_estimator:
        report_precision(settings.precision, pick_device(settings.device))
    epochs = 1 if settings.is_estimator else settings.epochs
    meter = Meter(work, len(folds) * epochs)

    def done(epoch: int, row: dict) -> None:
        meter.update(epoch)
        if progress:
            progress(epoch, len(folds) * epochs, row)

    fit_fold = partial(_fit_fold, samples, settings, folds, work)
    workers = min(settings.workers, len(folds))
    if workers > 1:
        meter.update(0)
        return _join(_side_by_side(fit_fold, len(folds), workers, done, epochs), folds)
    parts = []
    for number in range(len(folds)):

        def done_of_fold(epoch: int, row: dict, before: int = number * epochs) -> None:
            done(before + epoch, row)

        parts.append(fit_fold(number, done_of_fold))
    return _join(parts, folds)


def _fit_fold(
    samples: Samples,
    settings: RunSettings,
    folds: list[str],
    work: Path | None,
    number: int,
    done: Callable[[int, dict], None],
) -> FoldResult:
    """Train on fold `number`: the same bits in any process.

    Inputs, and the method of all folds but the last, are let go: those of many folds would fill the memory.
    """
    with deterministic(settings.threads):
        fold = open_fold(samples, settings, folds[number], pick_device(settings.device))
        if settings.is_estimator:
            result = _fit_estimator(fold, done)
        else:
            result = train(fold, work / "training" / f"{number}.pt" if work else None, done)
    method = result.method if number == len(folds) - 1 else None
    return replace(result, fold=replace(fold, inputs=None), method=method)


def _side_by_side(
    fit_fold: Callable, folds: int, workers: int, done: Callable[[int, dict], None], epochs: int
) -> list[FoldResult]:
    """All folds, each in one of `workers` processes as it would be trained alone; `done` once a fold is finished."""
    parts = []
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for content in pool.imap(partial(_in_process, fit_fold), range(folds)):
            parts.append(pickle.loads(content))
            done(len(parts) * epochs, parts[-1].records.history[-1])
    return parts


def _in_process(fit_fold: Callable, number: int) -> bytes:
    """What a process hands back: one block of bytes, since each tensor by itself would take a file handle."""
    return pickle.dumps(fit_fold(number, _nothing))


def _nothing(_epoch: int, _row: dict) -> None:
    """A process counts no epochs; the one that started it counts folds."""


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
    estimator = settings.spec.load()(options, settings.class_weights)
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


def linear_logits(
    weights: Mapping[str, np.ndarray], settings: RunSettings, inputs: Inputs, rows: torch.Tensor
) -> torch.Tensor:
    """Scores (N, 3) of the `rows` (N,) by the stored `weight` and `bias` of a linear estimator, as `fit` makes them."""
    views = [x @ weights["weight"].T + weights["bias"] for x in _as_vectors(inputs, settings, rows)]
    return torch.from_numpy(np.mean(views, axis=0)).float()


def _vectors(fold: Fold, part: str) -> list[np.ndarray]:
    """The inputs of a part as vectors; see `_as_vectors`."""
    return _as_vectors(fold.inputs, fold.settings, fold.parts[part])


def _as_vectors(inputs: Inputs, settings: RunSettings, rows: torch.Tensor) -> list[np.ndarray]:
    """The inputs of the rows (N,) as vectors (N, D) float64, all arrays side by side; with `mirror` mirrored too."""
    turns = (False, True) if settings.mirror else (False,)
    size = 4 * settings.batch_size
    return [in_batches(_flatten, inputs, rows, size, turn).cpu().numpy().astype(np.float64) for turn in turns]


def _flatten(x: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.cat([one.flatten(1) for one in x], dim=1)


def _join(parts: list[FoldResult], folds: list[str]) -> Result:
    """The records of all folds as one result."""
    histories = []
    predictions = []
    for part in parts:
        histories.append(pd.DataFrame(part.records.history).assign(fold=part.fold.name))
        predictions += [_predictions(part, name) for name in part.records.logits[0]]
    metrics = [f"{name}_{metric}" for name in EVALUATED for metric in METRICS]
    history = pd.concat(histories, ignore_index=True)
    losses = [name for name in history.columns if name not in ("fold", "epoch", *metrics)]
    history = history.reindex(columns=["fold", "epoch", *losses, *metrics])
    last = parts[-1]
    diagnosis = Diagnosis.from_records(last.records.diagnoses) if last.records.diagnoses else None
    seconds = sum(part.seconds for part in parts)
    table = pd.concat(predictions, ignore_index=True)
    return Result(history, table, last.fold.split, last.method, folds, seconds, diagnosis)


def _predictions(result: FoldResult, part: str) -> pd.DataFrame:
    """The logits of a part in every epoch, a row per epoch and clip."""
    fold = result.fold
    logits = np.stack([by_part[part].numpy() for by_part in result.records.logits])
    rows = fold.index.iloc[fold.parts[part].cpu().numpy()][["clip_id", "dataset", "subject", "label"]]
    epochs = [row["epoch"] for row in result.records.history]
    table = pd.concat([rows] * len(epochs), ignore_index=True)
    table = table.assign(fold=fold.name, epoch=np.repeat(epochs, len(rows)), split=part)
    table[list(CLASSES)] = logits.reshape(-1, len(CLASSES))
    return table
