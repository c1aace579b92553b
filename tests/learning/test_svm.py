"""Support vector machines against scikit-learn's own on whole vectors, and the chi-square kernel against a loop."""

import numpy as np
import pytest
from sklearn.metrics import recall_score
from sklearn.svm import SVC

from melib.learning.estimators.base import Features
from melib.learning.estimators.svm import STRENGTHS, SVM
from tests.learning.test_estimators import features


def histograms(seed=0, clips=40, bins=12):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, clips)
    x = rng.random((clips, bins)) + 2 * np.eye(3)[y].repeat(bins // 3, 1)
    x[:, 0] = 0  # an empty bin
    return Features(x / x.sum(1, keepdims=True), y, np.arange(clips) % 2, np.arange(clips).astype(str))


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_the_linear_kernel_is_scikit_learns_linear_svm(weights):
    train, test = features(), features(seed=1)
    fitted = SVM({"C": 0.01, "kernel": "linear"}, weights).fit(train)
    weight = None if weights == "none" else "balanced"
    expected = SVC(C=0.01, kernel="linear", class_weight=weight, tol=1e-6).fit(train.x, train.y)
    np.testing.assert_allclose(fitted.decision_function(test.x), expected.decision_function(test.x), atol=5e-3)


def test_the_chi_square_kernel_is_that_of_a_loop():
    train, test = histograms(), histograms(1, clips=9)

    def distance(a, b):
        return sum((p - q) ** 2 / (p + q) for p, q in zip(a, b, strict=True) if p + q > 0)

    scale = np.mean([[distance(a, b) for b in train.x] for a in train.x])
    gram = np.exp([[-distance(a, b) / scale for b in train.x] for a in train.x])
    across = np.exp([[-distance(a, b) / scale for b in train.x] for a in test.x])
    expected = SVC(C=3, kernel="precomputed").fit(gram, train.y).decision_function(across)
    fitted = SVM({"C": 3.0, "kernel": "chi2"}).fit(train)
    np.testing.assert_allclose(fitted.decision_function(test.x), expected, atol=1e-6)


def test_negative_numbers_are_no_histograms():
    with pytest.raises(ValueError, match=r"chi-square kernel compares histograms.*normalise raw"):
        SVM({"C": 1.0, "kernel": "chi2"}).fit(features())


def test_c_is_chosen_by_leaving_each_source_out():
    train = features()
    means = []
    candidates = [strength / (train.x**2).sum(1).mean() for strength in STRENGTHS]
    for c in candidates:
        recalls = []
        for domain in range(3):
            rest, left_out = train.domain != domain, train.domain == domain
            model = SVC(C=c, kernel="linear").fit(train.x[rest], train.y[rest])
            recalls.append(recall_score(train.y[left_out], model.predict(train.x[left_out]), average="macro"))
        means.append(np.mean(recalls))
    assert SVM({"C": 0.0, "kernel": "linear"}).fit(train).choices() == {
        "C": pytest.approx(candidates[int(np.argmax(means))])
    }


def test_no_choice_where_a_source_alone_has_the_other_classes():
    train = features()
    one = Features(train.x, np.where(train.domain == 0, train.y, 1), train.domain, train.subject)
    with pytest.raises(ValueError, match=r"without one of them the training clips are all of one class\. Set C"):
        SVM({"C": 0.0, "kernel": "linear"}).fit(one)


def test_a_class_without_a_training_clip_is_never_predicted():
    train = features()
    two = train.rows(train.y != 1)
    predicted = SVM({"C": 1.0, "kernel": "linear"}).fit(two).decision_function(train.x).argmax(1)
    assert (predicted == SVC(C=1.0, kernel="linear").fit(two.x, two.y).predict(train.x)).all()
