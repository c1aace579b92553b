import numpy as np
import pandas as pd
import pytest

from melib.learning.domains import halves, too_few
from melib.study.sentences import cluster_sentences, probe_sentences
from tests.conftest import toy


def maps(trained, untrained, by_emotion):
    rows = []
    for clips in ("happiness", "all"):
        for name, dataset, label in (
            ("emotion", trained, by_emotion),
            ("dataset", 0.9, -0.1),
            ("drawn", untrained, -0.2),
        ):
            rows.append({"clips": clips, "features": name, "silhouette_dataset": dataset, "silhouette_label": label})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    "trained, untrained, by_emotion, says",
    [
        (0.2, 0.1, 0.0, ["**cluster by dataset; what clusters is the pictures", "than by dataset in: none."]),
        (0.2, -0.1, 0.3, ["**cluster by dataset; the training made the clusters**", "than by dataset in: emotion."]),
        (-0.2, 0.1, 0.1, ["**do not cluster by dataset**", "than by dataset in: emotion."]),
        (-0.2, 0.1, -0.1, ["**do not cluster by dataset**", "than by dataset in: none."]),
    ],
)
def test_clusters_in_words(trained, untrained, by_emotion, says):
    text = cluster_sentences(maps(trained, untrained, by_emotion))
    assert all(part in text for part in says)


def probed(dataset_bits, emotion_bits, accuracy=0.6):
    rows = []
    for name in ("the name", "CNN on flow, emotion-trained"):
        for target, bits in (("dataset", dataset_bits), ("label", emotion_bits)):
            rows.append({"features": name, "target": target, "chance": 0.2, "accuracy": accuracy,
                         "accuracy_low": accuracy - 0.1, "accuracy_high": accuracy + 0.1, "bits": bits,
                         "bits_low": bits - 0.1, "bits_high": bits + 0.1})  # fmt: skip
    return pd.DataFrame(rows)


def test_probes_in_words():
    text = probe_sentences(probed(1.0, 0.4), 0.2, synthetic=True)
    assert "accuracy 0.60 (0.50 to 0.70), above chance (0.20), at least 1.00 bits" in text
    assert "0.40 bits, more than the dataset's name (0.20)" in text and "the name**" not in text
    assert "**1 of 1** networks carry more bits" in text and "by construction" in text
    other = probe_sentences(probed(0.4, 0.5, accuracy=0.25), 0.45, synthetic=False)
    assert "not surely above chance" in other and "not surely more than the dataset's name" in other
    assert "**0 of 1** networks" in other and "synthetic" not in other


def test_pilots_are_too_few_for_probes_and_toy_samples_are_not():
    index = toy(subjects=8, clips=6).index
    assert too_few(index, 0) == "" and set(halves(index, 0)) == {0, 1}
    pilot = index.drop_duplicates(["dataset", "label"])
    assert "9 clips of 3 subjects are too few for probes" in too_few(pilot, 0)
    one = index[index["dataset"] == "SAMM"]
    assert np.unique(one["dataset"]).size == 1 and "too few" in too_few(one, 0)
