"""Features of finished runs, and how much of the dataset they still carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from melib.corpus.index import dataset_order
from melib.learning.record import Run
from melib.learning.settings import RunSettings
from melib.prepare.data import Data
from melib.prepare.samples import Samples

if TYPE_CHECKING:  # torch is imported where it is used
    from melib.learning.algorithms.base import Algorithm
    from melib.learning.fold import Fold


def run_features(run: Run, data: Data) -> tuple[np.ndarray, pd.Series]:
    """Features (N, D) float32 of all samples by the run's stored weights (last epoch), and each sample's part in it.

    Raises ValueError where `data` is not what the run was trained on.
    """
    import torch

    from melib.compute import deterministic
    from melib.learning.inputs import in_batches

    check_data(run, data)
    with deterministic(run.settings.threads):
        algorithm, fold = trained_algorithm(run, data.samples)
        rows = torch.arange(len(fold.labels))
        features = in_batches(lambda x: algorithm(x)[1], fold.inputs, rows, 4 * run.settings.batch_size)
    return features.cpu().numpy(), fold.split


def check_data(run: Run, data: Data) -> None:
    """Raise ValueError where `data` is not what the run was trained on."""
    if run.facts["data"] != data.fingerprint:
        raise ValueError(
            f"{run.folder.name} was trained on data {run.facts['data'][:8]}, but these are {data.fingerprint[:8]}: "
            "give the run's own corpus, or train on this one."
        )


def trained_algorithm(run: Run, samples: Samples) -> tuple[Algorithm, Fold]:
    """The algorithm of a run of one fold with its stored weights (last epoch), for evaluation, and the fold."""
    from melib.compute import pick_device
    from melib.learning.fold import open_fold
    from melib.learning.networks.build import load_weights
    from melib.learning.training import build_algorithm

    fold = open_fold(samples, run.settings, run.facts["folds"][0], pick_device(run.settings.device))
    algorithm = build_algorithm(fold).eval()
    load_weights(algorithm.network, run.folder / "model.safetensors")
    return algorithm, fold


def dataset_hits(run: Run, data: Data) -> pd.Series:
    """Whether a fresh linear probe predicts the dataset of each training clip from the run's features; index clip_id.

    The probe is fitted on other subjects (`probes.probe`). What it found is kept beside the runs, in `.probes/`.
    """
    from melib.learning.probes import probe

    kept = run.folder.parent / ".probes" / f"{run.folder.name}.parquet"
    if not kept.is_file():
        features, split = run_features(run, data)
        train = (split == "train").to_numpy()
        index = data.samples.index[train]
        y = pd.Categorical(index["dataset"], dataset_order(index["dataset"])).codes.astype(int)
        read = probe(features[train], y, index["subject"], seed=run.settings.seed)[1]
        kept.parent.mkdir(exist_ok=True)
        partial = kept.with_name(f".{kept.name}.partial")
        pd.DataFrame({"clip_id": index["clip_id"].astype(str), "hit": read == y}).to_parquet(partial, index=False)
        partial.rename(kept)
    return pd.read_parquet(kept).set_index("clip_id")["hit"]


def hits_reader() -> Callable[[Run], pd.Series]:
    """`dataset_hits` with the samples of each run's corpus, fold and top-up loaded once."""
    from melib.learning.data import load_data

    loaded: dict[tuple, Data] = {}
    names = RunSettings.having(part=("fold", "preparation"))
    names = (*names, "corpus", "inputs", "augment", "generated")

    def hits(run: Run) -> pd.Series:
        key = tuple(getattr(run.settings, name) for name in names)
        if run.settings.augment == "oversample":
            key = (*key, run.settings.seed)  # which clips are repeated depends on it
        if key not in loaded:
            loaded[key] = load_data(run.settings)
        return dataset_hits(run, loaded[key])

    return hits
