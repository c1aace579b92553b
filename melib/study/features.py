"""Features of finished runs, and how much of the dataset they still carry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from melib.corpus.index import DATASETS
from melib.learning.record import Run
from melib.prepare.data import Data


def run_features(run: Run, data: Data) -> tuple[np.ndarray, pd.Series]:
    """Features (N, D) float32 of all samples by the run's stored weights (last epoch), and each sample's part in it.

    Raises ValueError where `data` is not what the run was trained on.
    """
    import torch
    from safetensors.torch import load_file

    from melib.compute import deterministic, pick_device
    from melib.learning.backbones import build
    from melib.learning.fit import split_samples
    from melib.learning.inputs import Inputs

    if run.facts["data"] != data.fingerprint:
        raise ValueError(
            f"{run.folder.name} was trained on data {run.facts['data'][:8]}, but these are {data.fingerprint[:8]}: "
            "give the run's own corpus, or train on this one."
        )
    settings, split = run.settings, split_samples(data.samples.index, run.settings)
    device = pick_device(settings.device)
    with deterministic(settings.threads), torch.inference_mode():
        train = (split == "train").to_numpy()
        inputs = Inputs(data.samples, settings.inputs, train, device, settings.flow_encoding)
        model = build(settings.backbone, inputs.shape, settings.seed).to(device, memory_format=torch.channels_last)
        stored = load_file(run.folder / "model.safetensors", device=str(device))
        model.load_state_dict({name: value for name, value in stored.items() if not name.startswith("brl.")})
        model.eval()
        blocks = torch.arange(len(inputs), device=device).split(4 * settings.batch_size)
        return torch.cat([model(inputs.batch(block))[1].float().cpu() for block in blocks]).numpy(), split


def dataset_hits(run: Run, data: Data) -> pd.Series:
    """Whether a fresh linear probe tells the dataset of each training clip from the run's features; index clip_id.

    The probe is fitted on other subjects (`probes.probe`). What it found is kept beside the runs, in `.probes/`.
    """
    from melib.learning.probes import probe

    kept = run.folder.parent / ".probes" / f"{run.folder.name}.parquet"
    if not kept.is_file():
        features, split = run_features(run, data)
        train = (split == "train").to_numpy()
        index = data.samples.index[train]
        y = np.unique(pd.Categorical(index["dataset"], DATASETS).codes, return_inverse=True)[1]
        read = probe(features[train], y, index["subject"], seed=run.settings.seed)[1]
        kept.parent.mkdir(exist_ok=True)
        partial = kept.with_name(f".{kept.name}.partial")
        pd.DataFrame({"clip_id": index["clip_id"].astype(str), "hit": read == y}).to_parquet(partial, index=False)
        partial.rename(kept)
    return pd.read_parquet(kept).set_index("clip_id")["hit"]


def hits_reader() -> Callable[[Run], pd.Series]:
    """`dataset_hits` with the samples of each run's corpus loaded once."""
    from melib.learning.data import load_data
    from melib.prepare.data import prepare_settings

    loaded: dict[tuple, Data] = {}

    def hits(run: Run) -> pd.Series:
        key = run.settings.corpus, prepare_settings(run.settings)
        if key not in loaded:
            loaded[key] = load_data(run.settings)
        return dataset_hits(run, loaded[key])

    return hits
