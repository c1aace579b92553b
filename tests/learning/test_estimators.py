"""Logistic regression against scikit-learn on the whole vectors, and a choice of C that a naive loop agrees with."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

from melib.learning.estimators.base import Features
from melib.learning.estimators.logreg import STRENGTHS, LogReg, span


def features(clips=60, size=200, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, clips)
    x = rng.normal(size=(clips, size))
    x[:, :3] += 1.5 * np.eye(3)[y]
    domain = rng.integers(0, 3, clips)
    subject = np.array([f"{d}/{s}" for d, s in zip(domain, rng.integers(0, 4, clips), strict=True)])
    return Features(x, y, domain, subject)


@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize("size", [20, 200])  # fewer and more numbers than clips
def test_it_is_scikit_learns_fit_to_the_whole_vectors(size, weights):
    train, test = features(size=size), features(size=size, seed=1)
    fitted = LogReg({"C": 0.1}, weights).fit(train)
    weight = None if weights == "none" else "balanced"
    expected = LogisticRegression(C=0.1, class_weight=weight, max_iter=5000, tol=1e-8).fit(train.x, train.y)
    scores = fitted.decision_function(test.x)
    expected_scores = expected.decision_function(test.x)
    centred = [z - z.mean(1, keepdims=True) for z in (scores, expected_scores)]  # softmax leaves a constant open
    np.testing.assert_allclose(*centred, atol=2e-3)


def test_c_is_chosen_by_leaving_each_source_out():
    train = features()
    means = []
    for c in STRENGTHS:
        recalls = []
        for domain in range(3):
            rest, left_out = train.domain != domain, train.domain == domain
            model = LogisticRegression(C=c, max_iter=5000).fit(train.x[rest], train.y[rest])
            predicted = model.predict(train.x[left_out])
            recalls.append(recall_score(train.y[left_out], predicted, average="macro"))
        means.append(np.mean(recalls))
    assert LogReg({"C": 0.0}).fit(train).choices() == {"C": STRENGTHS[int(np.argmax(means))]}


def test_with_one_source_c_is_chosen_over_its_subjects():
    train = features()
    one = Features(train.x, train.y, np.zeros(60, int), train.subject)
    assert LogReg({"C": 0.0}).fit(one).choices()["C"] in STRENGTHS


def test_a_class_without_a_training_clip_is_never_predicted():
    train = features()
    two = train.rows(train.y != 1)
    predicted = LogReg({"C": 1.0}).fit(two).decision_function(train.x).argmax(1)
    expected = LogisticRegression(C=1.0, max_iter=5000).fit(two.x, two.y).predict(train.x)
    assert (predicted == expected).all()


def test_the_span_holds_every_row():
    x = np.random.default_rng(0).normal(size=(7, 30))
    basis = span(x)
    np.testing.assert_allclose(basis.T @ basis, np.eye(7), atol=1e-10)
    np.testing.assert_allclose(x @ basis @ basis.T, x, atol=1e-10)
