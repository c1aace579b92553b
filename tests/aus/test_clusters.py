import numpy as np
import pandas as pd
import pytest

from melib.aus.clusters import best_k, centroids, k_means, silhouettes
from melib.aus.table import AUError
from melib.corpus.index import CLASSES
from tests.aus.files import corpus


def groups(seed=0, sizes=(60, 30, 10)):
    """Vectors around three points far apart, and the means of the groups."""
    rng = np.random.default_rng(seed)
    centres = 4 * np.eye(17)[:3]
    parts = [centre + rng.normal(0, 0.2, (size, 17)) for centre, size in zip(centres, sizes, strict=True)]
    return np.concatenate(parts), [part.mean(0) for part in parts]


def test_the_centroid_is_the_mean_of_the_largest_of_three_known_groups():
    made = {label: groups(seed) for seed, label in enumerate(CLASSES)}
    vectors, index = corpus({label: points for label, (points, _) in made.items()})
    for k in (3, None):
        found = centroids(vectors, index, None, k)
        for label in CLASSES:
            np.testing.assert_allclose(found.centroids.loc[label], made[label][1][0], atol=1e-12)
        assert pd.crosstab(found.members["label"], found.members["cluster"]).to_numpy().tolist() == [[60, 30, 10]] * 3


def test_the_held_out_dataset_changes_nothing():
    rng = np.random.default_rng(0)
    parts = [
        corpus({label: rng.uniform(0, 5, (20, 17)) for label in CLASSES}, name) for name in ("SMIC", "SAMM", "MMEW")
    ]
    vectors, index = (pd.concat(part) for part in zip(*parts, strict=True))
    before = centroids(vectors, index.reset_index(drop=True), "SAMM", 3, seed=1)
    held_out = vectors.index.str.startswith("SAMM")
    scrambled = vectors.copy()
    scrambled[held_out] = rng.permutation(scrambled[held_out].to_numpy().ravel()).reshape(-1, 17)
    labels = index.assign(label=index["label"].where(index["dataset"] != "SAMM", "surprise"))
    for other in (scrambled, vectors[~held_out]):
        after = centroids(other, labels.reset_index(drop=True), "SAMM", 3, seed=1)
        assert after.centroids.to_numpy().tobytes() == before.centroids.to_numpy().tobytes()
        assert set(after.members["dataset"]) == {"SMIC", "MMEW"}
    with_it = centroids(scrambled, index.reset_index(drop=True), None, 3, seed=1)
    assert not np.allclose(with_it.centroids, before.centroids)


def test_of_two_equal_clusters_the_tighter_is_dominant():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0, 0.5, (20, 17)), 8 + rng.normal(0, 0.05, (20, 17))])
    for order in (slice(None), slice(None, None, -1)):
        cluster = k_means(points[order], 2, seed=0)
        assert (points[order][cluster == 0] > 4).all()


def test_tiny_classes_and_more_clusters_than_points():
    two = np.array([np.zeros(17), np.ones(17)])
    assert sorted(k_means(two, 5, 0)) == [0, 1]
    assert k_means(np.ones((6, 17)), 3, 0).tolist() == [0] * 6
    assert best_k(two, 0) == best_k(two[:1], 0) == 1
    assert silhouettes(groups()[0], 0).keys() == set(range(2, 9)) and best_k(groups()[0], 0) == 3
    vectors, index = corpus({"positive": two[1:], "negative": two, "surprise": groups()[0]})
    assert centroids(vectors, index, None, 3).centroids.loc["positive"].to_list() == [1.0] * 17


def test_what_cannot_be_clustered_is_named():
    vectors, index = corpus({label: groups()[0] for label in CLASSES[:2]})
    with pytest.raises(AUError, match=r"No clip of class 'surprise' in the training datasets \['SAMM'\] has AUs"):
        centroids(vectors, index, "SMIC")
    with pytest.raises(AUError, match="k is 0; expected 1 or more"):
        centroids(vectors, index, None, 0)
    with pytest.raises(AUError, match="held_out is 'SMICC'; expected one of"):
        centroids(vectors, index, "SMICC")
