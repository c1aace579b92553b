"""K-means of each class' AU vectors; the mean of its largest cluster is the class' prototype (the paper's 3.2.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from melib.aus.table import AUError
from melib.corpus.index import CLASSES, DATASETS, dataset_order

RESTARTS = 10
CANDIDATES = range(2, 9)  # the K that the silhouette chooses from


@dataclass(frozen=True)
class Clusters:
    """`centroids` (class x AU): the mean of each class' dominant cluster. `members`, by clip_id: dataset, subject,
    label, cluster; cluster 0 is the dominant one of its class."""

    centroids: pd.DataFrame
    members: pd.DataFrame


def training_clips(vectors: pd.DataFrame, index: pd.DataFrame, held_out: str | None) -> pd.DataFrame:
    """Dataset, subject and label (by clip_id) of the labelled clips with a vector, without the held-out dataset's."""
    present = dataset_order(index["dataset"])
    if held_out not in (None, *DATASETS, *present):
        raise AUError(f"held_out is {held_out!r}; expected one of {present}, or None to leave out none.")
    rows = index.set_index("clip_id")[["dataset", "subject", "label"]].dropna()
    return rows[rows.index.isin(vectors.index) & ~rows["dataset"].isin([held_out])]


def centroids(
    vectors: pd.DataFrame, index: pd.DataFrame, held_out: str | None, k: int | None = 3, seed: int = 0
) -> Clusters:
    """Cluster each class over the composite training set; the mean of its dominant cluster is its centroid.

    Args:
        vectors: rows by clip_id, a column per AU (see `clip_vectors`); nothing is scaled.
        index: has dataset, subject and label of the clips.
        held_out: this dataset takes no part; None leaves out none, which serves description only.
        k: clusters a class, fewer where it has fewer distinct vectors; None: the K of the greatest silhouette.
        seed: of k-means++ with its 10 restarts.

    Raises AUError for a class without vectors in the training datasets, an unknown dataset, and k < 1.
    """
    if k is not None and k < 1:
        raise AUError(f"k is {k}; expected 1 or more clusters a class, or None to choose by silhouette.")
    rows = training_clips(vectors, index, held_out)
    means = {}
    members = []
    for label in CLASSES:
        clips = rows[rows["label"] == label]
        if clips.empty:
            datasets = dataset_order(rows["dataset"])
            raise AUError(
                f"No clip of class {label!r} in the training datasets {datasets} has AUs: no centroid. Read some."
            )
        points = vectors.loc[clips.index].to_numpy(float)
        cluster = k_means(points, k or best_k(points, seed), seed)
        means[label] = points[cluster == 0].mean(0)
        members.append(clips.assign(cluster=cluster))
    table = pd.DataFrame(means, index=vectors.columns).T.rename_axis("label")
    return Clusters(table, pd.concat(members))


def k_means(points: np.ndarray, k: int, seed: int) -> np.ndarray:
    """The cluster (N,) of each of `points` (N, D), numbered from the largest; of equal ones, the tighter comes first.

    k-means++ on one thread, so that equal data give equal bits; k is lowered to the number of distinct points.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    k = min(k, len(np.unique(points, axis=0)))
    with threadpool_limits(1):
        fitted = KMeans(k, n_init=RESTARTS, random_state=seed).fit(points)
    away = ((points - fitted.cluster_centers_[fitted.labels_]) ** 2).sum(1)
    spread = np.bincount(fitted.labels_, away) / np.bincount(fitted.labels_)
    order = np.lexsort([spread, -np.bincount(fitted.labels_)])
    return np.argsort(order)[fitted.labels_]


def silhouettes(points: np.ndarray, seed: int) -> dict[int, float]:
    """The mean silhouette of K-means for each K of CANDIDATES that is below the number of distinct `points` (N, D)."""
    from sklearn.metrics import silhouette_score

    allowed = [k for k in CANDIDATES if k < len(np.unique(points, axis=0))]
    return {k: float(silhouette_score(points, k_means(points, k, seed))) for k in allowed}


def best_k(points: np.ndarray, seed: int) -> int:
    """The K of the greatest silhouette, the smaller of equal ones; 1 where there are too few points for one."""
    scores = silhouettes(points, seed)
    return max(scores, key=scores.get, default=1)
