"""How much a sample betrays its dataset: CNN features, what probes read from them, and their map."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn

from melib.compute import deterministic, generator, pick_device, stream_seed
from melib.corpus.index import CLASSES, dataset_order
from melib.learning.inputs import Inputs, in_batches
from melib.learning.networks.base import Network
from melib.learning.networks.build import build
from melib.learning.probes import COMPONENTS, compact, folds, probe, probe_scores
from melib.learning.settings import RunSettings
from melib.learning.split import batches, codes
from melib.prepare.samples import Samples


def cnn_features(
    samples: Samples, settings: RunSettings, target: str | None, parts: np.ndarray | None = None
) -> np.ndarray:
    """Features (N, D) float32 of all samples from the paper's CNN, trained on all of them to tell `target`.

    With `parts` (N,) no network sees the clips that it describes: each part's come from one trained on the others.
    `target` is "label", "dataset", or None for a network as it was drawn. Of `settings`, inputs, flow_encoding, epochs,
    batch_size, lr, weight_decay, seed, threads and device count. Raises ValueError for a single part.
    """
    if parts is None:
        return _features(samples, settings, target, np.ones(len(samples), dtype=bool))
    if len(np.unique(parts)) < 2:
        raise ValueError("All clips are in one part, which leaves none to train on; give parts as `halves` makes them.")
    features_by_part = {part: _features(samples, settings, target, parts != part) for part in np.unique(parts)}
    return np.stack([features_by_part[part][row] for row, part in enumerate(parts)])


def _features(samples: Samples, settings: RunSettings, target: str | None, train: np.ndarray) -> np.ndarray:
    device = pick_device(settings.device)
    with deterministic(settings.threads):
        inputs = Inputs(samples, settings, train, device)
        network = build("cnn", inputs.shapes, stream_seed(settings.seed, "weights"))
        network = network.to(device, memory_format=torch.channels_last)
        if target is not None:
            _train(network, inputs, target, samples.index, np.flatnonzero(train), settings)
        rows = torch.arange(len(samples))
        return in_batches(lambda x: network(*x)[1], inputs, rows, 4 * settings.batch_size).cpu().numpy()


def _targets(index: pd.DataFrame) -> dict[str, list[str]]:
    """What features can be asked for, and the names it goes by."""
    return {"dataset": dataset_order(index["dataset"]), "label": list(CLASSES)}


def _train(network: Network, inputs: Inputs, target: str, index: pd.DataFrame, rows: np.ndarray, settings) -> None:
    """Train a network to name the `target` of the clips in `rows`, by cross-entropy."""
    device = next(network.parameters()).device
    names = _targets(index)[target]
    truth = codes(index[target], names).to(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(settings.seed, "head"))
        network.head = nn.Linear(network.head.in_features, len(names)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    order = generator(settings.seed, "order")
    for _ in range(settings.epochs):
        for batch in batches(torch.from_numpy(rows).to(device), settings.batch_size, order):
            loss = nn.functional.cross_entropy(network(*inputs.batch(batch))[0], truth[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def halves(index: pd.DataFrame, seed: int) -> np.ndarray:
    """Two parts (N,) of 0 and 1: subjects stay whole, datasets and classes are spread evenly."""
    parts = np.zeros(len(index), dtype=int)
    strata = (index["dataset"] + " " + index["label"]).to_numpy(dtype=str)
    parts[folds(strata, index["subject"], 2, seed)[1][1]] = 1
    return parts


def probe_table(views: dict[str, np.ndarray], index: pd.DataFrame, parts: np.ndarray, seed: int) -> pd.DataFrame:
    """`probe_scores` for the dataset and for the class, from each view (N, ...) of the clips.

    The columns `features` and `target` (dataset, label) name the view and what is read.
    """
    rows = []
    for name, x in views.items():
        for target, classes in _targets(index).items():
            y = np.unique(codes(index[target], classes), return_inverse=True)[1]
            measured = probe_scores(*probe(x, y, index["subject"], parts, seed), y, index, seed=seed)
            rows.append({"features": name, "target": target, **measured})
    return pd.DataFrame(rows)


def tsne_map(x: np.ndarray, index: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A t-SNE map of `x` (N, D): clip_id, dataset, label, x, y and the silhouettes by dataset and by label.

    Silhouettes are of the features themselves, not of the map, which keeps neighbours and no distances; missing where
    there is one group.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits

    x = compact(x)
    table = index[["clip_id", "dataset", "label"]].reset_index(drop=True)
    with threadpool_limits(1):
        parts = PCA(min(COMPONENTS, *x.shape), svd_solver="full").fit_transform(x).astype(np.float32)
        tsne = TSNE(init="pca", perplexity=min(30, (len(x) - 1) / 3), random_state=seed)
        table[["x", "y"]] = tsne.fit_transform(parts)
    for name in ("dataset", "label"):
        groups = table[name].to_numpy(dtype=str)
        known = 1 < len(set(groups)) < len(x)
        table[f"silhouette_{name}"] = silhouette_score(x, groups) if known else np.nan
    return table
