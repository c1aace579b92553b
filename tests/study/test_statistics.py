"""Intervals and tests against closed forms, scipy, and simulations in which the truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import balanced_accuracy_score, f1_score

from melib.learning.metrics import METRICS, rates, scores
from melib.study.statistics import (
    evaluate,
    flip_test,
    holm,
    interval,
    over_seeds,
    positions,
    resamples,
)
from tests.benchmarks.coverage import coverage, simulate

UAR = METRICS.index("uar")


@pytest.fixture(scope="module")
def study():
    clips, draw = simulate(np.random.default_rng(5))
    return clips, draw(), draw()


def test_metrics_of_each_dataset_of_their_mean_and_of_all_clips(study):
    clips, predicted, _ = study
    found = evaluate(predicted, clips)
    assert found.shape == (1, 3, 7, 3)
    for seed in range(3):
        for place, rows in enumerate(positions(clips["dataset"]).values()):
            true, guess = clips["true"].to_numpy()[rows], predicted[seed, rows]
            assert found[0, seed, place, 0] == pytest.approx((true == guess).mean())
            assert found[0, seed, place, 1] == pytest.approx(balanced_accuracy_score(true, guess))
            assert found[0, seed, place, 2] == pytest.approx(f1_score(true, guess, average="macro", labels=[0, 1, 2]))
    np.testing.assert_allclose(found[0, :, 5], found[0, :, :5].mean(1))
    pooled = balanced_accuracy_score(clips["true"], predicted[0])
    assert found[0, 0, 6, UAR] == pytest.approx(pooled)


def test_weights_are_repeated_clips(study):
    clips, predicted, _ = study
    weights = np.random.default_rng(0).integers(0, 3, len(clips))
    repeated = np.repeat(np.arange(len(clips)), weights)
    expected = evaluate(predicted[:, repeated], clips.iloc[repeated].reset_index(drop=True))
    order = list(positions(clips["dataset"]))
    assert list(clips.iloc[repeated]["dataset"].unique()) == order
    np.testing.assert_allclose(evaluate(predicted, clips, weights[None].astype(float)), expected)


def test_rates_are_scores_where_every_class_occurs():
    counts = np.random.default_rng(1).integers(1, 20, (5, 3, 3))
    np.testing.assert_allclose(rates(counts), [list(scores(c).values()) for c in counts])
    missing = np.array([[4, 1, 0], [0, 0, 0], [1, 0, 3]])
    assert rates(missing, np.array([True, True, True]))[UAR] == pytest.approx((0.8 + 0.75) / 2)
    assert rates(missing)[UAR] == rates(missing, np.array([True, False, True]))[UAR]
    assert scores(missing)["uar"] == pytest.approx((0.8 + 0.75) / 3)


def test_a_run_that_is_missing_leaves_no_mean(study):
    clips, predicted, _ = study
    partly = predicted.copy()
    partly[1, (clips["dataset"] == "SAMM").to_numpy()] = -1
    found = evaluate(partly, clips)[0]
    assert np.isnan(found[1, [3, 5, 6]]).all()
    assert not np.isnan(found[[0, 2]]).any()
    np.testing.assert_allclose(over_seeds(found[None])[0, 3], found[[0, 2], 3].mean(0))


def test_subjects_are_drawn_whole_and_within_their_dataset(study):
    clips, *_ = study
    weights = resamples(clips, draws=50)
    assert (weights[0] == 1).all()
    for rows in positions(clips["subject"]).values():
        assert (weights[:, rows] == weights[:, rows[:1]]).all()
    subjects = clips.drop_duplicates("subject")
    for rows in positions(subjects["dataset"]).values():
        assert (weights[1:51][:, subjects.index[rows]].sum(1) == len(rows)).all()
    left_out = weights[51:]
    assert len(left_out) == len(subjects)
    assert ((left_out == 0) @ np.ones(len(clips)) == clips.groupby("subject").size().sort_index().to_numpy()).all()


def test_the_interval_is_scipys_bca():
    """One clip per subject and one class: accuracy is a plain mean, which scipy bootstraps as well."""
    rng = np.random.default_rng(3)
    hit = rng.random(60) < 0.8
    clips = pd.DataFrame({"dataset": "A", "true": 0, "subject": [f"{i:02d}" for i in range(60)]})
    values = over_seeds(evaluate(np.where(hit, 0, 1)[None], clips, resamples(clips, draws=20000)))[:, 0, 0]
    low, high = interval(values, draws=20000)
    other = bootstrap((hit.astype(float),), np.mean, n_resamples=20000, method="BCa", rng=rng).confidence_interval
    assert (float(low), float(high)) == (pytest.approx(other.low, abs=0.017), pytest.approx(other.high, abs=0.017))


def test_swapping_subjects_equals_a_naive_loop(study):
    clips, first, second = study
    subjects, rng = np.unique(clips["subject"].to_numpy(dtype=str)), np.random.default_rng(7)
    swap = rng.integers(0, 2, (40, len(subjects)))
    gaps = []
    for flips in [np.zeros(len(subjects), int), *swap]:
        swapped = dict(zip(subjects, flips, strict=True))
        mask = clips["subject"].map(swapped).to_numpy(dtype=bool)
        a, b = np.where(mask, second, first), np.where(mask, first, second)
        gaps.append(abs(over_seeds(evaluate(b, clips)) - over_seeds(evaluate(a, clips)))[0])
    expected = (1 + (np.array(gaps[1:]) >= gaps[0] - 1e-12).sum(0)) / 41
    np.testing.assert_allclose(flip_test(first, second, clips, flips=40, seed=7), expected)


def test_a_real_difference_is_found_and_none_is_not(study):
    clips, first, _ = study
    better = np.where(np.random.default_rng(0).random(first.shape) < 0.5, clips["true"].to_numpy(), first)
    assert flip_test(first, better, clips)[5, UAR] < 0.001
    assert flip_test(first, first, clips)[5, UAR] == 1


def test_false_positives_of_the_paired_test():
    """Two settings of the same worth on the same subjects, 2,000 times: at most .07 are called different at .05."""
    rng, hits = np.random.default_rng(11), 0
    for number in range(2000):
        clips, draw = simulate(rng, seeds=1)
        small = (clips["dataset"] == "CASME").to_numpy()
        clips, pair = clips[small].reset_index(drop=True), (draw()[:, small], draw()[:, small])
        hits += flip_test(*pair, clips, flips=99, seed=number)[0, UAR] <= 0.05
    assert hits / 2000 <= 0.07


def test_intervals_hold_the_truth_nearly_as_often_as_they_say():
    assert (coverage(simulations=400, draws=300)["coverage"] >= 0.88).all()


def test_holm_by_hand():
    p = np.array([0.01, np.nan, 0.04, 0.03])
    np.testing.assert_allclose(holm(p), [0.03, np.nan, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1, 1])
