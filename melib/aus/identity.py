"""Are the prototypes about emotion? Agreement of clusters of AU vectors with the class, the dataset and the person."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from melib.aus.clusters import centroids, k_means, training_clips
from melib.aus.table import AUS
from melib.corpus.index import CLASSES, dataset_order

VECTOR_TITLES = {"apex": "apex", "reencoded": "apex, re-encoded", "difference": "apex − onset"}
AGREEMENT = {"ami_label": "emotion class", "ami_dataset": "dataset", "ami_subject": "subject"}
# AUs of the prototypical expressions (EMFACS, Friesen and Ekman 1983), as far as they are among the 17.
EMFACS = {
    "positive": {"happiness": (6, 12)},
    "negative": {"anger": (4, 5, 7, 23), "disgust": (9, 15), "fear": (1, 2, 4, 5, 7, 20, 26), "sadness": (1, 4, 15)},
    "surprise": {"surprise": (1, 2, 5, 26)},
}


def identity(
    vectors: pd.DataFrame, index: pd.DataFrame, held_out: str | None, k: int = 3, draws: int = 200, seed: int = 0
) -> pd.DataFrame:
    """How far clusters and centroids of `vectors` are about emotion; one row per measure:

    - `ami_label`, `ami_dataset`, `ami_subject`: adjusted mutual information of 3 k clusters of all training clips, as
      many as the classes have together, with each of these (1: complete, 0: chance);
    - `emfacs_own`, `emfacs_other`: cosine distance of a class' centroid to the nearest EMFACS prototype of its class
      and of other classes, mean over classes (0: same AUs, 1: none in common);
    - `stray_folds`, `stray_subjects`: how far a class' centroid strays from its mean (root mean square) when one more
      dataset is left out, and when subjects are drawn anew, over the mean distance between the classes' centroids.

    Columns: measure, value, low, high (95 %, basic bootstrap over the subjects of each dataset, `draws` draws), and
    shuffled_low, shuffled_high: where 95 % of `draws` controls lie whose classes are shuffled within each dataset.
    Where all draws lie to one side of the value, so does the interval.
    """
    rows = training_clips(vectors, index, held_out)
    rng = np.random.default_rng(seed)
    points = vectors.loc[rows.index].set_axis(range(len(rows)))
    rows = rows.reset_index(drop=True)
    pooled = k_means(points.to_numpy(), k * len(CLASSES), seed)

    def fit(take: np.ndarray, rows: pd.DataFrame, held_out: str | None = None) -> np.ndarray:
        """Centroids (class, AU) of the clips at positions `take`, repeats being clips of their own."""
        drawn = rows.iloc[take].assign(clip_id=range(len(take)))
        return centroids(points.iloc[take].set_axis(drawn["clip_id"]), drawn, held_out, k, seed).centroids.to_numpy()

    everything = np.arange(len(rows))
    whole = fit(everything, rows)
    value = _agreement(rows, pooled) | _emfacs(whole)
    drawn = []
    means = []
    shuffled = []
    for _ in range(draws):
        take, people = _draw_subjects(rows, rng)
        while rows["label"].iloc[take].nunique() < len(CLASSES):  # in few clips: a class without any has no centroid
            take, people = _draw_subjects(rows, rng)
        means.append(fit(take, rows))
        drawn.append(_agreement(rows.iloc[take].assign(subject=people), pooled[take]) | _emfacs(means[-1]))
        mixed = rows.assign(label=rows.groupby("dataset")["label"].transform(lambda x: rng.permutation(x.to_numpy())))
        shuffled.append({"ami_label": _information(mixed["label"], pooled)} | _emfacs(fit(everything, mixed)))
    present = dataset_order(rows["dataset"])
    folds = [fit(everything, rows, name) for name in present] if len(present) > 1 else []
    gap = np.mean([np.linalg.norm(a - b) for a, b in combinations(whole, 2)])
    value |= {"stray_folds": _stray(folds) / gap if folds else np.nan, "stray_subjects": _stray(means) / gap}
    table = pd.DataFrame({"value": value})
    spread = pd.DataFrame(drawn).quantile([0.975, 0.025]).T
    table["low"] = 2 * table["value"] - spread[0.975]
    table["high"] = 2 * table["value"] - spread[0.025]
    table.loc[table.index.str.startswith("emfacs"), "low"] = table["low"].clip(lower=0)  # no distance is negative
    table[["shuffled_low", "shuffled_high"]] = pd.DataFrame(shuffled).quantile([0.025, 0.975]).T
    return table.rename_axis("measure").reset_index()


def too_few_clips(clips: int, k: int = 3) -> str:
    """Why the measures of `identity` say nothing of so few clips, in a sentence; empty from two clips a cluster up.

    >>> too_few_clips(18), too_few_clips(15)[:26]
    ('', '15 clips in 9 clusters say')
    """
    clusters = k * len(CLASSES)
    if clips >= 2 * clusters:
        return ""
    return f"{clips} clips in {clusters} clusters say nothing of emotion, dataset or subject; it takes {2 * clusters}."


def _information(truth: pd.Series, cluster: np.ndarray) -> float:
    from sklearn.metrics import adjusted_mutual_info_score

    return adjusted_mutual_info_score(truth, cluster)


def _agreement(rows: pd.DataFrame, cluster: np.ndarray) -> dict[str, float]:
    return {f"ami_{name}": _information(rows[name], cluster) for name in ("label", "dataset", "subject")}


def _emfacs(means: np.ndarray) -> dict[str, float]:
    """The two EMFACS distances of centroids (class, AU)."""
    nearest = []
    for expressions in EMFACS.values():
        shapes = np.array([[au in aus for au in AUS] for aus in expressions.values()], float)
        cosines = means @ shapes.T / np.outer(np.linalg.norm(means, axis=1), np.linalg.norm(shapes, axis=1))
        nearest.append(1 - cosines.max(1))
    distance = np.transpose(nearest)  # (class of the centroid, class of the prototype)
    others = np.where(np.eye(len(CLASSES), dtype=bool), np.inf, distance)
    return {"emfacs_own": float(np.diag(distance).mean()), "emfacs_other": float(others.min(1).mean())}


def _stray(fits: list[np.ndarray]) -> float:
    """Root mean square distance of class centroids from their mean over several fits (class, AU)."""
    away = np.stack(fits) - np.mean(fits, axis=0)
    return float(np.sqrt((away**2).sum(-1).mean()))


def _draw_subjects(rows: pd.DataFrame, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the clips of subjects drawn with replacement within each dataset, and whose they are: a subject
    that is drawn twice counts as two."""
    clips = []
    people = []
    for _, positions in sorted(rows.groupby("dataset").indices.items()):
        subjects = list(rows.iloc[positions].groupby("subject").indices.values())
        for person in rng.integers(len(subjects), size=len(subjects)):
            people += [len(clips)] * len(subjects[person])
            clips.append(positions[subjects[person]])
    return np.concatenate(clips), np.array(people)
