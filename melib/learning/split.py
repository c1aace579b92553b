"""What part each sample takes in a fold, and the batches that training draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from melib.compute import generator
from melib.corpus.index import CLASSES, dataset_order
from melib.errors import InputError
from melib.learning.settings import RunSettings
from melib.prepare.topup import synthetic
from melib.settings import ALL


class FitError(InputError):
    """Samples that cannot be trained on under these settings."""


def folds_of(index: pd.DataFrame, settings: RunSettings) -> list[str]:
    """The folds that a run goes through: the one that is held out, or all of its protocol's.

    Raises FitError where the held-out fold, or a dataset that the protocol is defined on, is not there.
    """
    rules = settings.rules
    if absent := sorted(set(rules.datasets) - set(index["dataset"])):
        raise FitError(
            f"protocol = {settings.protocol!r} is defined on {list(rules.datasets)}; {absent} are not there."
        )
    folds = rules.folds(index[index["dataset"].isin(datasets_of(index, settings))])
    if settings.held_out == ALL:
        return folds
    known = rules.folds(index)
    if settings.held_out not in known:
        some = f"{known[:5]} ..." if len(known) > 8 else f"{known}"
        raise FitError(
            f"held_out = {settings.held_out!r} is not in this corpus, which holds {some}. Choose one of them, or 'all'."
        )
    return [settings.held_out]


def datasets_of(index: pd.DataFrame, settings: RunSettings) -> list[str]:
    """The datasets that a run may train on: its `sources`, else its protocol's, else all that are there."""
    present = dataset_order(index["dataset"])
    if absent := sorted(set(settings.sources) - set(present)):
        raise FitError(f"Sources {absent} are not in this corpus, which holds {present}.")
    return list(settings.sources or settings.rules.datasets or present)


def split_samples(index: pd.DataFrame, settings: RunSettings, fold: str | None = None) -> pd.Series:
    """Each sample's part in a fold (default: the run's only one): train, source_val, held_out, or unused.

    source_val holds `val_share` of each source's subjects, drawn by subject, and no synthetic sample; held_out holds
    the real clips of the fold. Raises FitError where that leaves nothing to train on or to test.
    """
    fold = fold or folds_of(index, settings)[0]
    tested = settings.rules.test(index, fold)
    sources = [name for name in datasets_of(index, settings) if name != fold]
    labelled = index["label"].notna().to_numpy()
    real = ~synthetic(index)
    split = pd.Series("unused", index=index.index)
    split[labelled & ~tested & index["dataset"].isin(sources).to_numpy()] = "train"
    split[labelled & tested & real] = "held_out"
    present = dataset_order(index["dataset"][split == "train"])
    _check_sources(present, fold, settings)
    before = set(index["label"][split == "train"])
    if settings.val_share:
        _keep_subjects(split, index, present, real, settings)
    left = set(index["label"][split == "train"])
    if lacking := [name for name in CLASSES if name not in before]:
        raise FitError(
            f"No training clip of class {lacking} in {sources}; a run needs clips of all three: {list(CLASSES)}. Add "
            "some, or a dataset that has them, to the corpus (and to `sources`, where those are named)."
        )
    if lacking := [name for name in CLASSES if name not in left]:
        raise FitError(
            f"All training clips of class {lacking} are of subjects that were drawn for choosing an epoch: set "
            "val_share to 0 to train on everyone, or another seed."
        )
    if not (split == "held_out").any():
        raise FitError(
            f"{fold} has no labelled clip to test on, and a fold needs at least one. Label its clips, choose a mapping "
            "that gives their emotions a class, or hold out another."
        )
    return split


def parts_table(index: pd.DataFrame, settings: RunSettings) -> pd.DataFrame:
    """Clips by part and dataset (rows) and class (columns); of several folds, the clips tested in any of them."""
    folds = folds_of(index, settings)
    if len(folds) == 1:
        part = split_samples(index, settings, folds[0])
    else:
        tested = (
            np.any([settings.rules.test(index, fold) for fold in folds], axis=0) & index["label"].notna().to_numpy()
        )
        part = pd.Series(np.where(tested, f"held out in one of {len(folds)} folds", "unused"), index=index.index)
    return pd.crosstab([part.rename("part"), index["dataset"]], index["label"], margins=True)


def _check_sources(present: list[str], fold: str, settings: RunSettings) -> None:
    """Raise FitError where no source is left, or one where the method compares several."""
    if not present:
        raise FitError(f"No dataset is left to train on with {fold} held out. Add one to the corpus or to `sources`.")
    if len(present) < 2 and settings.spec.compares_groups:
        raise FitError(
            f"Only {present} is left to train on with {fold} held out; {settings.method} compares datasets and needs "
            "at least two source datasets. Add a dataset to the corpus, or choose another method, such as erm."
        )


def _keep_subjects(split: pd.Series, index: pd.DataFrame, sources: list[str], real: np.ndarray, settings) -> None:
    """Move `val_share` of each source's subjects from train to source_val, in place."""
    draw = generator(settings.seed, "source_val")
    for source in sources:
        of_source = (split == "train").to_numpy() & (index["dataset"] == source).to_numpy()
        subjects = sorted(index["subject"][of_source & real].unique())
        wanted = max(1, round(settings.val_share * len(subjects)))
        chosen = {subjects[i] for i in torch.randperm(len(subjects), generator=draw)[:wanted].tolist()}
        kept = of_source & index["subject"].isin(chosen).to_numpy()
        split[kept] = "unused"  # a face kept for validation is not trained on in synthetic form either
        split[kept & real] = "source_val"


def codes(column: pd.Series, names: list[str] | tuple[str, ...]) -> torch.Tensor:
    """The place of each value in `names`, (N,) integer; -1 for a missing one."""
    return torch.from_numpy(pd.Categorical(column, categories=names).codes.astype(np.int64))


def class_weights(labels: np.ndarray) -> np.ndarray:
    """Weights (3,) by which every class counts alike: N / (3 n_c), over the training labels (N,) numbers.

    >>> class_weights(np.array([0, 0, 1, 2]))
    array([0.66666667, 1.33333333, 1.33333333])
    """
    counts = np.bincount(labels, minlength=len(CLASSES))
    return len(labels) / (len(CLASSES) * counts)


def batches(rows: torch.Tensor, size: int, order: torch.Generator) -> Iterator[torch.Tensor]:
    """`rows` once in random order, in batches; a last one of a single sample joins the one before it (batch norm)."""
    shuffled = rows[torch.randperm(len(rows), generator=order).to(rows.device)]
    parts = list(shuffled.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return iter(parts)


def balanced_batches(
    rows: torch.Tensor, domains: torch.Tensor, size: int, order: torch.Generator
) -> Iterator[torch.Tensor]:
    """As many batches as `batches` gives, each with the same number of `rows` (N,) of every dataset in `domains` (N,).

    A dataset is gone through in random order, again and again, so small ones are seen more often than large ones.
    """
    present = domains.unique()
    each = max(1, size // len(present))
    count = -(-len(rows) // (each * len(present)))
    columns = []
    for domain in present:
        members = rows[domains == domain]
        rounds = -(-count * each // len(members))
        drawn = [members[torch.randperm(len(members), generator=order).to(members.device)] for _ in range(rounds)]
        columns.append(torch.cat(drawn)[: count * each].view(count, each))
    return iter(torch.cat(columns, dim=1))


def placebo(domains: torch.Tensor, rows: torch.Tensor, order: torch.Generator) -> torch.Tensor:
    """Groups of the datasets' sizes that mean nothing: `domains` (N,) with those of the training `rows` shuffled."""
    shuffled = domains.clone()
    shuffled[rows] = domains[rows[torch.randperm(len(rows), generator=order).to(rows.device)]]
    return shuffled
