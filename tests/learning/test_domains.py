"""Probes against closed forms, and nothing of a clip in what describes it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mutual_info_score, silhouette_score

from melib.corpus.index import subject_weights
from melib.learning import domains, probes
from melib.learning.domains import cnn_features, halves, probe_table, tsne_map, views_of, what_clusters, why_no_probe
from melib.learning.probes import TooFewClips, compact, entropy, mutual_information, probe, probe_scores
from melib.learning.softmax import FLOOR, Softmax
from melib.prepare.samples import Samples
from tests.conftest import settings, toy


def people(count, clips=6, datasets=2):
    """An index of `count` subjects per dataset with `clips` clips each."""
    rows = [(f"D{d}", f"D{d}/s{s:02d}") for d in range(datasets) for s in range(count) for _ in range(clips)]
    return pd.DataFrame(rows, columns=["dataset", "subject"])


def scored(x, y, index, **more):
    return probe_scores(*probe(x, y, index["subject"], **more), y, index, draws=200)


def test_entropy_and_mutual_information_of_counts():
    a, b = pd.Series(list("aabbcc")), pd.Series(list("ppqqqq"))
    assert entropy(np.arange(8)) == pytest.approx(3)
    assert mutual_information(a, a) == pytest.approx(np.log2(3))
    assert mutual_information(pd.Series(list("aabb")), pd.Series(list("pqpq"))) == pytest.approx(0)
    assert mutual_information(a, b) == pytest.approx(mutual_info_score(a, b) / np.log(2))


def test_compact_keeps_distances():
    x = np.random.default_rng(0).normal(size=(7, 3, 5, 5))
    small, flat = compact(x), x.reshape(7, -1)
    assert small.shape == (7, 7)
    assert small @ small.T == pytest.approx(flat @ flat.T)


def test_a_separable_dataset_is_read_to_the_last_bit_but_the_floor():
    index = people(10)
    y = np.arange(len(index)) % 4
    found = scored(np.eye(4)[y] + 0.01 * np.random.default_rng(0).normal(size=(len(y), 4)), y, index)
    assert found["accuracy"] == found["accuracy_low"] == 1
    assert found["chance"] == 0.25
    assert 1.9 < found["bits"] <= found["entropy"] == 2


def test_shuffled_labels_are_predicted_at_chance_with_no_bits():
    index, rng = people(20), np.random.default_rng(1)
    y = rng.permutation(np.arange(len(index)) % 3)
    found = scored(rng.normal(size=(len(y), 30)), y, index)
    assert found["accuracy"] == pytest.approx(1 / 3, abs=0.08)
    assert found["accuracy_low"] < 1 / 3 < found["accuracy_high"]
    assert found["bits"] < 0.02


def test_two_gaussians_are_bounded_by_their_mutual_information_and_nearly_reach_it():
    index, rng = people(100), np.random.default_rng(2)
    y = np.arange(len(index)) % 2
    found = scored((rng.normal(size=len(y)) + 2 * y)[:, None], y, index)
    grid, normal = np.linspace(-8, 10, 4001), lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    zero, one = normal(grid), normal(grid - 2)
    mixed = (zero + one) / 2
    true = ((zero * np.log2(zero / mixed) + one * np.log2(one / mixed)) / 2).sum() * (grid[1] - grid[0])
    assert found["bits_low"] < true < found["bits_high"]
    assert found["bits"] == pytest.approx(true, abs=0.05)


def test_rare_classes_count_alike_in_the_accuracy():
    index, rng = people(30), np.random.default_rng(3)
    y = (np.arange(len(index)) % 6 == 0).astype(int)  # one in six
    _, read = probe((rng.normal(size=len(y)) + 1.5 * y)[:, None], y, index["subject"])
    recalls = [(read[y == k] == k).mean() for k in (0, 1)]
    assert recalls == pytest.approx([0.77, 0.77], abs=0.12)  # Phi(.75); by probability alone it would be about 1 and .2


def test_recognising_a_person_is_worth_nothing():
    index = people(40, datasets=1)
    person = np.unique(index["subject"], return_inverse=True)[1]
    # A split by clips would read this perfectly; of a stranger there is nothing but the luck of the folds.
    found = [scored(np.eye(40)[person], person % 2, index, seed=seed) for seed in range(6)]
    assert np.mean([one["accuracy"] for one in found]) == pytest.approx(0.5, abs=0.1)
    assert np.mean([one["bits"] for one in found]) < 0.02


def test_labels_of_the_test_fold_do_not_reach_its_predictions(monkeypatch):
    index, rng = people(10), np.random.default_rng(4)
    x, y = rng.normal(size=(120, 8)), rng.integers(0, 3, 120)

    def first_and_second_half(y, subjects, count, seed):
        first, second = np.array_split(np.arange(len(y)), 2)
        return [(first, second), (second, first)]

    monkeypatch.setattr(probes, "folds", first_and_second_half)
    other = y.copy()
    other[60:] = rng.permutation(y[60:])
    before, after = (probe(x, labels, index["subject"])[0] for labels in (y, other))
    assert np.array_equal(before[60:], after[60:])
    assert not np.array_equal(before[:60], after[:60])


def test_certain_and_even_predictions_have_closed_forms():
    index = people(4, clips=3)
    y = np.arange(24) % 3
    certain = probe_scores(np.eye(3)[y] * (1 - 1e-12) + 1e-13, y, y, index, draws=50)
    even = probe_scores(np.full((24, 3), 1 / 3), np.zeros(24, dtype=int), y, index, draws=50)
    assert certain["bits"] == pytest.approx(np.log2(3))
    assert (certain["accuracy_low"], certain["accuracy_high"]) == (1, 1)
    assert even["bits"] == pytest.approx(0, abs=1e-9)
    assert even["accuracy"] == pytest.approx(even["chance"])


def test_bootstrap_draws_whole_subjects_within_their_dataset():
    index = people(5, clips=3).iloc[::-1]
    weights = subject_weights(index, 300, seed=0)
    for _, rows in index.reset_index(drop=True).groupby("subject"):
        assert (weights[:, rows.index] == weights[:, rows.index[:1]]).all()
    for _, rows in index.reset_index(drop=True).groupby("dataset"):
        assert (weights[:, rows.index].sum(1) == 15).all()
    assert weights.mean() == pytest.approx(1)
    assert 0.7 < weights[:, 0].var() < 0.9  # multinomial: 5 draws of 1/5 each, variance 0.8


def test_halves_keep_subjects_whole_and_share_the_datasets():
    index = toy(subjects=8).index
    parts = halves(index, seed=0)
    assert (pd.Series(parts).groupby(index["subject"]).nunique() == 1).all()
    share = pd.crosstab(index["dataset"], parts, normalize="index")
    assert share.to_numpy() == pytest.approx(0.5, abs=0.13)


def test_no_label_of_a_part_reaches_the_features_of_that_part():
    samples = toy(subjects=4)
    parts = halves(samples.index, seed=0)
    first = parts == 0
    index = samples.index.copy()
    index.loc[first, "label"] = index.loc[first, "label"].to_numpy()[::-1]
    before, after = (cnn_features(s, settings(), "label", parts) for s in (samples, Samples(index, samples.arrays)))
    assert np.array_equal(before[first], after[first])
    assert not np.array_equal(before[~first], after[~first])


def test_training_moves_the_features_and_a_seed_fixes_them():
    samples = toy(subjects=3)
    drawn, again = (cnn_features(samples, settings(), None) for _ in range(2))
    assert np.array_equal(drawn, again)
    assert drawn.shape == (54, 64 * 2 * 2)
    kinds = [drawn, *(cnn_features(samples, settings(), target) for target in ("label", "dataset"))]
    apart = [tsne_map(x, samples.index, 0)["silhouette_dataset"].iloc[0] for x in kinds]
    assert apart[2] > apart[0]
    with pytest.raises(ValueError, match="leaves none to train on"):
        cnn_features(samples, settings(), "label", np.zeros(54, dtype=int))


def test_probe_table_reads_dataset_and_class():
    samples = toy(subjects=8)
    name = np.eye(3)[pd.Categorical(samples.index["dataset"]).codes]
    table = probe_table({"pixels": samples.arrays["pixels"], "name": name}, samples.index, halves(samples.index, 0), 0)
    accuracy = table.set_index(["features", "target"])["accuracy"]
    assert accuracy["pixels", "label"] > 0.95
    assert accuracy["pixels", "dataset"] > 0.6
    assert accuracy["name", "dataset"] == 1
    assert accuracy["name", "label"] == pytest.approx(1 / 3, abs=0.1)


def test_map_keeps_the_order_and_its_silhouettes_are_of_the_features():
    samples = toy(subjects=4)
    x = samples.arrays["pixels"]
    found = tsne_map(x, samples.index, seed=0)
    assert found["clip_id"].tolist() == samples.index["clip_id"].tolist()
    assert found["silhouette_label"].iloc[0] == pytest.approx(silhouette_score(x, samples.index["label"]))
    one = tsne_map(x[:12], samples.index[:12], seed=0)
    assert one["silhouette_dataset"].isna().all()


def labelled(index):
    return index.assign(label=np.resize(["positive", "negative", "surprise"], len(index)))


def test_what_passes_the_check_can_be_probed_and_what_does_not_is_said_in_a_sentence():
    rng = np.random.default_rng(0)
    verdicts = set()
    for count in (1, 2, 3, 4):
        for clips in (1, 3, 6):
            for datasets in (1, 2, 3):
                index = labelled(people(count, clips, datasets))
                reason = why_no_probe(index, 0)
                verdicts.add(bool(reason))
                if reason:
                    assert reason.startswith("How well a sample's dataset can be predicted is not measured here")
                    assert f"D0 {count}" in reason
                else:
                    views = {"noise": rng.normal(size=(len(index), 4))}
                    table = probe_table(views, index, halves(index, 0), 0)
                    assert table["accuracy"].between(0, 1).all()
    assert verdicts == {True, False}
    with pytest.raises(TooFewClips, match="3 clips of 1 subjects"):
        halves(labelled(people(1, 3, 1)), 0)


def test_what_the_silhouettes_say():
    def maps(happiness, pooled):
        rows = [("happiness", f"net {n}", value, np.nan) for n, value in enumerate(happiness)]
        rows += [("all", f"net {n}", *pair) for n, pair in enumerate(pooled)]
        return pd.DataFrame(rows, columns=["clips", "features", "silhouette_dataset", "silhouette_label"])

    pooled = [(0.1, 0.3), (0.5, 0.0), (0.2, 0.1)]
    text = what_clusters(maps([0.4, 0.9, 0.2], pooled))
    assert "**cluster by dataset; what clusters is the pictures, before any training**" in text
    assert "silhouette +0.40, untrained +0.20" in text and text.endswith("than by dataset in: net 0.")
    assert "the training made the clusters" in what_clusters(maps([0.4, 0.9, -0.2], pooled))
    assert "**do not cluster by dataset**" in what_clusters(maps([-0.1, 0.9, 0.2], pooled))
    few = what_clusters(maps([np.nan] * 3, pooled))
    assert "is not measured: it takes two datasets" in few and "nan" not in few


def test_the_map_of_one_clip_is_a_point():
    table = tsne_map(np.ones((1, 5)), labelled(people(1, 1, 1)).assign(clip_id="a"), 0)
    assert table[["x", "y"]].to_numpy().tolist() == [[0, 0]] and table["silhouette_dataset"].isna().all()


def test_a_class_that_is_absent_in_training_keeps_its_share_of_the_prior():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), np.arange(20) % 2
    probabilities = Softmax(3).fit(x, y).predict_proba(x)
    assert probabilities.sum(1) == pytest.approx(1)
    assert probabilities[:, 2] == pytest.approx(FLOOR / 23)  # none of 20 clips, with one added to each of three classes
    alone = Softmax(2).fit(x, np.zeros(20, dtype=int))
    assert alone.predict_proba(x)[:, 0] == pytest.approx(1 - FLOOR / 22)
    assert alone.score(x, np.zeros(20, dtype=int)) == pytest.approx(np.log2(1 - FLOOR / 22))


def test_processes_change_nothing(monkeypatch):
    samples = toy(subjects=4, clips=3)
    chosen = settings(inputs="flow_image", epochs=2, brl_start=1)
    parts = halves(samples.index, 0)
    counts = []
    alone = views_of(samples, chosen, parts)
    monkeypatch.setattr(domains, "MANY_CLIPS", 0)
    beside = views_of(samples, chosen, parts, lambda done, total: counts.append((done, total)))
    assert list(alone) == list(beside) and counts == [(1, 2), (2, 2)]
    for name, values in alone.items():
        assert np.array_equal(values, beside[name])
    pd.testing.assert_frame_equal(*(probe_table(views, samples.index, parts, 0) for views in (alone, beside)))
