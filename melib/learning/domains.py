"""How much a sample betrays its dataset: CNN features, linear probes and the bits they read."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import torch
from torch import nn

from melib.corpus.index import CLASSES, DATASETS
from melib.learning.backbones import build
from melib.learning.fit import batches, codes, deterministic, generator, pick_device, stream_seed
from melib.learning.inputs import Inputs
from melib.learning.settings import RunSettings
from melib.prepare.samples import Samples

TARGETS = {"dataset": DATASETS, "label": CLASSES}
COMPONENTS = 50  # principal components that a probe and a map see
STRENGTHS = (1e-3, 1e-2, 1e-1, 1)  # inverse weights of the probe's penalty, chosen within the training folds
FLOOR = 0.01  # share of the class prior in every prediction: no single clip costs more than some bits


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
    found = {part: _features(samples, settings, target, parts != part) for part in np.unique(parts)}
    return np.stack([found[part][row] for row, part in enumerate(parts)])


def _features(samples: Samples, settings: RunSettings, target: str | None, train: np.ndarray) -> np.ndarray:
    device, seed = pick_device(settings.device), settings.seed
    with deterministic(settings.threads):
        inputs = Inputs(samples, settings.inputs, train, device, settings.flow_encoding)
        model = build("cnn", inputs.shape, stream_seed(seed, "weights"))
        model = model.to(device, memory_format=torch.channels_last)
        if target is not None:
            truth = codes(samples.index[target], TARGETS[target]).to(device)
            rows = torch.from_numpy(np.flatnonzero(train)).to(device)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(stream_seed(seed, "head"))
                model.head = nn.Linear(model.head.in_features, len(TARGETS[target])).to(device)
            optimizer = torch.optim.Adam(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
            order = generator(seed, "order")
            for _ in range(settings.epochs):
                for batch in batches(rows, settings.batch_size, order):
                    loss = nn.functional.cross_entropy(model(inputs.batch(batch))[0], truth[batch])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
        blocks = torch.arange(len(samples), device=device).split(4 * settings.batch_size)
        with torch.inference_mode():
            return torch.cat([model(inputs.batch(block))[1].cpu() for block in blocks]).numpy()


def halves(index: pd.DataFrame, seed: int) -> np.ndarray:
    """Two parts (N,) of 0 and 1: subjects stay whole, datasets and classes are spread evenly."""
    parts = np.zeros(len(index), dtype=int)
    strata = (index["dataset"] + " " + index["label"]).to_numpy(dtype=str)
    parts[_folds(strata, index["subject"], 2, seed)[1][1]] = 1
    return parts


def compact(x: np.ndarray) -> np.ndarray:
    """Turn (N, ...) so that at most N numbers a row hold it: every distance and angle stays, nothing is fitted."""
    x = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    if x.shape[1] <= len(x):
        return x
    values, vectors = np.linalg.eigh(x @ x.T)
    return vectors * np.sqrt(values.clip(0))


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

    subjects, k = np.asarray(subjects), int(y.max()) + 1
    parts = np.zeros(len(y)) if parts is None else parts
    probabilities, read = np.zeros((len(y), k)), np.zeros(len(y), dtype=int)
    with threadpool_limits(1):  # many small fits, in which threads would wait for each other
        for part in np.unique(parts):
            rows = np.flatnonzero(parts == part)
            z, true, who = compact(x[rows]), y[rows], subjects[rows]
            for train, test in _folds(true, who, 5, seed):
                trials = np.zeros((len(STRENGTHS), len(train), k))
                for fit, rest in _folds(true[train], who[train], 3, seed):
                    trials[:, rest] = _fit(z[train[fit]], true[train[fit]], z[train[rest]], STRENGTHS, k)[0]
                best = np.argmin([surprisal(trial, true[train]).mean() for trial in trials])
                found, prior = _fit(z[train], true[train], z[test], STRENGTHS[best : best + 1], k)
                probabilities[rows[test]], read[rows[test]] = found[0], (found[0] / prior).argmax(1)
    return probabilities, read


def _folds(y: np.ndarray, subjects: np.ndarray, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)[1]
    split = StratifiedGroupKFold(min(count, groups.max() + 1), shuffle=True, random_state=seed).split(y, y, groups)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # _fit gives an absent class its prior
        return list(split)


def _fit(x, y, new, strengths, k) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (S, M, K) for the rows `new`, by a probe of each strength, and the prior (K,) of the rows `x`."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    solver = "arpack" if min(x.shape) > COMPONENTS else "full"  # the same components, the quicker way
    pca = PCA(min(COMPONENTS, len(x) - 1, x.shape[1]), whiten=True, svd_solver=solver, random_state=0).fit(x)
    prior = (np.bincount(y, minlength=k) + 1) / (len(y) + k)
    found = np.zeros((len(strengths), len(new), k))
    for trial, strength in zip(found, strengths, strict=True):
        model = LogisticRegression(C=strength, max_iter=1000).fit(pca.transform(x), y)
        trial[:, model.classes_] = model.predict_proba(pca.transform(new))
    return (1 - FLOOR) * found + FLOOR * prior, prior


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
    found = {"chance": 1 / probabilities.shape[1], "entropy": entropy(y)}
    for name, values in (("accuracy", accuracy), ("bits", bits)):
        low, high = np.quantile(values[1:], (0.025, 0.975))
        found |= {name: values[0], f"{name}_low": low, f"{name}_high": high}
    return found


def subject_weights(index: pd.DataFrame, draws: int, seed: int) -> np.ndarray:
    """How often each clip counts when subjects are drawn with replacement within their dataset, (draws, N)."""
    rng, weights = np.random.default_rng(seed), np.zeros((draws, len(index)))
    for _, part in index.reset_index(drop=True).groupby("dataset"):
        names, of = np.unique(part["subject"].to_numpy(dtype=str), return_inverse=True)
        weights[:, part.index] = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)[:, of]
    return weights


def probe_table(views: dict[str, np.ndarray], index: pd.DataFrame, parts: np.ndarray, seed: int) -> pd.DataFrame:
    """`probe_scores` for the dataset and for the class, from each view (N, ...) of the clips.

    The columns `features` and `target` (dataset, label) name the view and what is read.
    """
    rows = []
    for name, x in views.items():
        for target, classes in TARGETS.items():
            y = np.unique(codes(index[target], classes), return_inverse=True)[1]
            found = probe_scores(*probe(x, y, index["subject"], parts, seed), y, index, seed=seed)
            rows.append({"features": name, "target": target, **found})
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

    x, found = compact(x), index[["clip_id", "dataset", "label"]].reset_index(drop=True)
    with threadpool_limits(1):
        parts = PCA(min(COMPONENTS, *x.shape), svd_solver="full").fit_transform(x).astype(np.float32)
        tsne = TSNE(init="pca", perplexity=min(30, (len(x) - 1) / 3), random_state=seed)
        found[["x", "y"]] = tsne.fit_transform(parts)
    for name in TARGETS:
        groups = found[name].to_numpy(dtype=str)
        known = 1 < len(set(groups)) < len(x)
        found[f"silhouette_{name}"] = silhouette_score(x, groups) if known else np.nan
    return found
