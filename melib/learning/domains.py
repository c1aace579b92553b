"""How well a sample's dataset can be predicted: CNN features, linear probes of them, and their map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import nn

from melib.compute import computed_in, deterministic, generator, pick_device, report_precision, stream_seed
from melib.corpus.index import CLASSES, dataset_order, print_name
from melib.learning.inputs import Inputs, in_batches
from melib.learning.networks.base import Network, run_network
from melib.learning.networks.build import build
from melib.learning.probes import COMPONENTS, NAME_ALONE, TooFewClips, compact, folds, probe, probe_scores
from melib.learning.settings import RunSettings
from melib.learning.split import batches, codes
from melib.prepare.samples import Samples

MANY_CLIPS = 300  # from which on the start of a process is soon made up for


def cnn_features(
    samples: Samples, settings: RunSettings, target: str | None, parts: np.ndarray | None = None
) -> np.ndarray:
    """Features (N, D) float32 of all samples from the paper's CNN, trained on all of them to predict `target`.

    With `parts` (N,) no network sees the clips that it describes: each part's come from one trained on the others.
    `target` is "label", "dataset", or None for a network as it was drawn. Of `settings`, inputs, flow_encoding, epochs,
    batch_size, lr, weight_decay, seed, precision, threads and device count. Raises ValueError for a single part.
    """
    report_precision(settings.precision, pick_device(settings.device))
    if parts is None:
        return _features(samples, settings, target, np.ones(len(samples), dtype=bool))
    if len(np.unique(parts)) < 2:
        raise ValueError("All clips are in one part, which leaves none to train on; give parts as `halves` makes them.")
    features_by_part = {part: _features(samples, settings, target, parts != part) for part in np.unique(parts)}
    return np.stack([features_by_part[part][row] for row, part in enumerate(parts)])


def _features(samples: Samples, settings: RunSettings, target: str | None, train: np.ndarray) -> np.ndarray:
    device = pick_device(settings.device)
    precision = computed_in(settings.precision, device)
    with deterministic(settings.threads):
        inputs = Inputs(samples, settings, train, device)
        network = build("cnn", inputs.shapes, stream_seed(settings.seed, "weights"))
        network = network.to(device, memory_format=torch.channels_last)
        if target is not None:
            _train(network, inputs, target, samples.index, np.flatnonzero(train), settings, precision)
        rows = torch.arange(len(samples))
        features = in_batches(lambda x: run_network(network, x, precision)[1], inputs, rows, 4 * settings.batch_size)
        return features.cpu().numpy()


def _targets(index: pd.DataFrame) -> dict[str, list[str]]:
    """What features can be asked for, and the names it goes by."""
    return {"dataset": dataset_order(index["dataset"]), "label": list(CLASSES)}


def _train(
    network: Network, inputs: Inputs, target: str, index: pd.DataFrame, rows: np.ndarray, settings, precision: str
) -> None:
    """Train a network to name the `target` of the clips in `rows`, by cross-entropy."""
    device = next(network.parameters()).device
    names = _targets(index)[target]
    truth = codes(index[target], names).to(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(settings.seed, "head"))
        network.head = nn.Linear(network.head.in_features, len(names)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
    order = generator(settings.seed, "order")
    for _ in range(settings.epochs):
        for batch in batches(torch.from_numpy(rows).to(device), settings.batch_size, order):
            logits, _ = run_network(network, inputs.batch(batch), precision)
            loss = nn.functional.cross_entropy(logits, truth[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def halves(index: pd.DataFrame, seed: int) -> np.ndarray:
    """Two parts (N,) of 0 and 1: subjects stay whole, datasets and classes are spread evenly."""
    parts = np.zeros(len(index), dtype=int)
    strata = (index["dataset"] + " " + index["label"]).to_numpy(dtype=str)
    parts[folds(strata, index["subject"], 2, seed)[1][1]] = 1
    return parts


def tsne_maps(
    samples: Samples, settings: RunSettings, kinds: dict[str, tuple[str, str | None]], progress: Callable
) -> pd.DataFrame:
    """`tsne_map` of the happiness clips and of all clips (column `clips`) for each kind of CNN features (`features`).

    `kinds` maps a title to the array that the network sees and the target that it is trained on, None for neither;
    `progress(done, total)` counts them.
    """
    jobs = [(samples, replace(settings, inputs=array), target, kind) for kind, (array, target) in kinds.items()]
    return pd.concat(in_processes(_maps, jobs, len(samples), progress), ignore_index=True)


def _maps(samples: Samples, settings: RunSettings, target: str | None, kind: str) -> pd.DataFrame:
    """The maps of one kind of features."""
    features = cnn_features(samples, settings, target)
    happy = (samples.index["label"] == "positive").to_numpy()
    return pd.concat(
        tsne_map(features[rows], samples.index[rows], settings.seed).assign(features=kind, clips=part)
        for part, rows in (("happiness", happy), ("all", slice(None)))
    )


def in_processes(function: Callable, jobs: list[tuple], clips: int, progress: Callable | None) -> list:
    """`function(*job)` of each job, in their order; side by side on all cores where there are `clips` enough to be
    worth the start of processes. `progress(done, total)` counts jobs.
    """
    from joblib import Parallel, delayed

    results = []
    work = Parallel(n_jobs=-1 if clips >= MANY_CLIPS else 1, return_as="generator")
    for result in work(delayed(function)(*job) for job in jobs):
        results.append(result)
        if progress:
            progress(len(results), len(jobs))
    return results


def views_of(
    samples: Samples, settings: RunSettings, parts: np.ndarray, progress: Callable[[int, int], None] | None = None
) -> dict[str, np.ndarray]:
    """What a probe is given, by name: the dataset's name alone, each array, and features of the CNN on the run's input,
    untrained, and on it and on flow, trained to name the emotion on the other half (`parts`, N).

    `progress(done, total)` counts the CNNs.
    """
    names = dataset_order(samples.index["dataset"])
    views = {NAME_ALONE: np.eye(len(names))[codes(samples.index["dataset"], names)]}
    views |= {f"{array}, raw": values for array, values in samples.arrays.items()}
    kinds = {f"CNN on {settings.inputs}, untrained": (settings.inputs, None)}
    arrays = [array for array in dict.fromkeys((settings.inputs, "flow")) if array in samples.arrays]
    kinds |= {f"CNN on {array}, emotion-trained": (array, "label") for array in arrays}
    jobs = [(samples, replace(settings, inputs=array), target, parts) for array, target in kinds.values()]
    return views | dict(zip(kinds, in_processes(cnn_features, jobs, len(samples), progress), strict=True))


def what_clusters(maps: pd.DataFrame) -> str:
    """What the silhouettes of `maps` say of clusters by dataset and by emotion, in two sentences.

    `maps` holds `tsne_map` of "happiness" and of "all" clips (column `clips`) and of several `features`: trained on the
    emotion, on the dataset, and untrained, in this order, then any others.
    """
    groups = maps.groupby(["clips", "features"], sort=False)[["silhouette_dataset", "silhouette_label"]].first()
    trained, _, drawn = groups.loc["happiness", "silhouette_dataset"].iloc[:3]
    if np.isnan([trained, drawn]).any():
        happiness = "Whether happiness clusters by dataset is not measured: it takes two datasets, with several clips."
    else:
        cause = "what clusters is the pictures, before any training" if drawn > 0 else "the training made the clusters"
        verdict = f"cluster by dataset; {cause}" if trained > 0 else "do not cluster by dataset"
        measured = f"silhouette {trained:+.2f}, untrained {drawn:+.2f}"
        happiness = f"Emotion-trained features of happiness **{verdict}** ({measured})."
    pooled = groups.loc["all"]
    if pooled.isna().any(axis=None):
        return happiness
    clear = pooled.index[pooled["silhouette_label"] > pooled["silhouette_dataset"].clip(lower=0)]
    names = "; ".join(clear) or "none"
    return f"{happiness} Over all clips, clusters by emotion are clearer than by dataset in: {names}."


def why_no_probe(index: pd.DataFrame, seed: int) -> str:
    """Why the dataset and the class of these clips cannot be probed, in a sentence; empty where they can."""
    try:
        parts = halves(index, seed)
        for target in ("dataset", "label"):
            for part in (0, 1):
                clips = index[parts == part]
                for train, _ in folds(clips[target].to_numpy(dtype=str), clips["subject"], 5, seed):
                    folds(clips[target].to_numpy(dtype=str)[train], clips["subject"].iloc[train], 3, seed)
    except TooFewClips:
        subjects = index.groupby("dataset")["subject"].nunique().reindex(dataset_order(index["dataset"]))
        return (
            "How well a sample's dataset can be predicted is not measured here: a probe is tested on subjects that it "
            "never saw, and takes several subjects of each dataset, with several clips. Subjects: "
            + ", ".join(f"{print_name(name)} {count}" for name, count in subjects.items())
            + "."
        )
    return ""


def probe_table(
    views: dict[str, np.ndarray],
    index: pd.DataFrame,
    parts: np.ndarray,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """`probe_scores` for the dataset and for the class, from each view (N, ...) of the clips.

    The columns `features` and `target` (dataset, label) name the view and what is read; `progress(done, total)` counts
    probes.
    """
    jobs = [(name, x, target, index, parts, seed) for name, x in views.items() for target in _targets(index)]
    return pd.DataFrame(in_processes(_probed, jobs, len(index), progress))


def _probed(name: str, x: np.ndarray, target: str, index: pd.DataFrame, parts: np.ndarray, seed: int) -> dict:
    """One row of `probe_table`."""
    y = np.unique(codes(index[target], _targets(index)[target]), return_inverse=True)[1]
    measured = probe_scores(*probe(x, y, index["subject"], parts, seed), y, index, seed=seed)
    return {"features": name, "target": target, **measured}


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
    if len(x) < 2:
        return table.assign(x=0.0, y=0.0, silhouette_dataset=np.nan, silhouette_label=np.nan)
    with threadpool_limits(1):
        parts = PCA(min(COMPONENTS, *x.shape), svd_solver="full").fit_transform(x).astype(np.float32)
        tsne = TSNE(init="pca", perplexity=min(30, (len(x) - 1) / 3), random_state=seed)
        table[["x", "y"]] = tsne.fit_transform(parts)
    for name in ("dataset", "label"):
        groups = table[name].to_numpy(dtype=str)
        known = 1 < len(set(groups)) < len(x)
        table[f"silhouette_{name}"] = silhouette_score(x, groups) if known else np.nan
    return table
