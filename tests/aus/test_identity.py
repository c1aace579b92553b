import numpy as np
import pandas as pd
import pytest

from melib.aus.identity import EMFACS, _emfacs, _stray, identity
from melib.aus.table import AUS
from melib.corpus.index import CLASSES
from tests.aus.files import corpus

DATASETS = ("SMIC", "SAMM", "MMEW")


def shape(aus):
    return np.isin(AUS, aus).astype(float)


def made(emotion, person, camera, seed=0):
    """Clips whose vectors sum a class' shape and a subject's and a dataset's offsets, in these strengths, and noise."""
    rng, tables, indexes = np.random.default_rng(seed), [], []
    for name in DATASETS:
        shapes = {label: shape(next(iter(EMFACS[label].values()))) for label in CLASSES}
        vectors, index = corpus({label: np.tile(emotion * shapes[label], (12, 1)) for label in CLASSES}, name)
        people = {subject: person * rng.normal(0, 1, 17) for subject in index["subject"].unique()}
        vectors += np.stack([people[subject] for subject in index["subject"]])
        vectors += camera * rng.normal(0, 1, 17) + rng.normal(0, 0.1, vectors.shape)
        tables.append(vectors)
        indexes.append(index)
    return pd.concat(tables), pd.concat(indexes, ignore_index=True)


@pytest.mark.parametrize("about", ["label", "subject", "dataset"])
def test_what_the_vectors_are_about_is_found(about):
    strengths = {"label": (3, 0, 0), "subject": (0, 3, 0), "dataset": (0, 0, 3)}[about]
    table = identity(*made(*strengths), None, k=1 if about != "subject" else 4, draws=8).set_index("measure")
    agreement = table.loc[["ami_label", "ami_subject", "ami_dataset"]]
    assert agreement["value"].idxmax() == f"ami_{about}"
    assert agreement.loc[f"ami_{about}", "value"] > 0.95
    shuffled = table.loc["ami_label", ["shuffled_low", "shuffled_high"]]
    assert shuffled.iloc[0] < 0.02 and shuffled.iloc[1] < 0.15
    if about == "label":
        assert table.loc["emfacs_own", "value"] < 0.05 < 0.3 < table.loc["emfacs_other", "value"]
        assert table.loc["emfacs_own", "high"] < table.loc["emfacs_own", "shuffled_low"]
        assert table.loc[["stray_folds", "stray_subjects"], "value"].max() < 0.05
    else:
        assert abs(table.loc["ami_label", "value"]) < 0.1
        assert table.loc["stray_subjects", "value"] > 0.5


def test_distances_to_prototypes_and_straying_by_hand():
    means = np.stack([shape((6, 12)), shape((1, 4, 15)), shape((6,))])
    distance = _emfacs(means)
    assert distance["emfacs_own"] == pytest.approx((0 + 0 + 1) / 3)
    cosine = 1 / np.sqrt(3 * 4)  # of 1+4+15 and 1+2+5+26
    assert distance["emfacs_other"] == pytest.approx((1 + (1 - cosine) + (1 - 1 / np.sqrt(2))) / 3)
    assert _stray([np.zeros((3, 17)), np.full((3, 17), 2.0)]) == pytest.approx(np.sqrt(17))


def test_held_out_values_do_not_enter():
    vectors, index = made(1, 1, 1)
    scrambled = vectors.copy()
    scrambled[vectors.index.str.startswith("SAMM")] = 5.0
    first, second = (identity(v, index, "SAMM", 2, draws=3) for v in (vectors, scrambled))
    pd.testing.assert_frame_equal(first, second)
