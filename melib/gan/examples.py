"""Examples of what a fold's generator makes: each class' centroid, single AUs, growing ones, any vector."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from melib.corpus.index import CLASSES
from melib.gan.fold import Fold
from melib.gan.train import Trained, generate, heads

UNITS = ("AU01", "AU04", "AU06", "AU12", "AU15", "AU20", "AU26", "AU45")  # shown one by one
SIZES = (0, 1, 2, 3, 4, 5, 6, 8)  # multiples of the centroid of surprise


def first_faces(fold: Fold) -> np.ndarray:
    """The index rows of one neutral face of each training dataset, in the order of the index."""
    index = fold.index[fold.index["dataset"].isin(fold.sources)]
    return index.groupby("dataset", sort=False).head(1).index.to_numpy()


def centroid_faces(fold: Fold, trained: Trained) -> dict[tuple[str, str], tuple[np.ndarray, ...]]:
    """Each class' centroid on a face of each training dataset, by (dataset, class): source, colour, attention, result.

    Faces are (S, S, 3) uint8, attention (S, S) in [0, 1].
    """
    rows = first_faces(fold)
    keys = [(name, label) for name in fold.index["dataset"].iloc[rows] for label in CLASSES]
    faces = np.repeat(fold.data.samples.arrays["onset"][rows], len(CLASSES), axis=0)
    aus = fold.clusters.centroids.loc[[label for _, label in keys]].to_numpy()
    batches = zip(*heads(trained.generator, faces, aus, fold.settings), strict=True)
    results, colours, attention = (np.concatenate(part) for part in batches)
    return {key: (faces[k], colours[k], attention[k], results[k]) for k, key in enumerate(keys)}


def strips(fold: Fold, trained: Trained) -> dict[tuple[str, ...], np.ndarray]:
    """Two rows of eight faces (8, S, S, 3) uint8 of one person, by their titles.

    One row asks for each of UNITS alone, at 5; the other for the centroid of surprise, times each of SIZES.
    """
    names = fold.clusters.centroids.columns
    single = np.array([[5.0 * (name == unit) for name in names] for unit in UNITS])
    growing = np.array(SIZES)[:, None] * fold.clusters.centroids.loc["surprise"].to_numpy()
    titles = (UNITS, tuple(f"surprise × {size}" for size in SIZES))
    make = face_maker(fold, trained)
    face = fold.data.samples.arrays["onset"][first_faces(fold)[0]]
    pairs = zip(titles, (single, growing), strict=True)
    return {title: np.stack([make(face, aus) for aus in vectors]) for title, vectors in pairs}


def face_maker(fold: Fold, trained: Trained) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A function of one face (S, S, 3) uint8 and AUs (17,) that gives the face with those AUs put on, as far as they
    can be asked for."""

    def make(face: np.ndarray, aus: np.ndarray) -> np.ndarray:
        return generate(trained.generator, face[None], fold.possible(aus[None]), fold.settings)[0]

    return make
