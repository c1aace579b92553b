import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from melib.corpus.index import TABLE1
from melib.learning.metrics import METRICS, confusion, rates, scores

LABELS = [0, 1, 2]


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_scikit_learn_over_three_fixed_classes(seed):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, rng.integers(1, 4), 12)  # some draws lack a class
    predicted = rng.integers(0, rng.integers(1, 4), 12)
    counts = confusion(true, predicted)
    assert (counts == confusion_matrix(true, predicted, labels=LABELS)).all()
    expected = {
        "acc": accuracy_score(true, predicted),
        "uar": recall_score(true, predicted, labels=LABELS, average="macro", zero_division=0),
        "uf1": f1_score(true, predicted, labels=LABELS, average="macro", zero_division=0),
    }
    assert scores(counts) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_torchmetrics_where_every_class_occurs(seed):
    """torchmetrics leaves a class out of its macro means where it neither occurs nor is predicted."""
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_f1_score

    rng = np.random.default_rng(seed)
    true, predicted = (torch.from_numpy(rng.permutation(np.arange(30) % 3)) for _ in range(2))
    expected = {
        "acc": multiclass_accuracy(predicted, true, 3, average="micro").item(),
        "uar": multiclass_accuracy(predicted, true, 3, average="macro").item(),
        "uf1": multiclass_f1_score(predicted, true, 3, average="macro").item(),
    }
    assert scores(confusion(true.numpy(), predicted.numpy())) == pytest.approx(expected, rel=1e-6)


def test_a_class_that_the_data_lack_counts_everywhere_and_one_that_a_draw_left_out_does_not():
    counts = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 0]])
    assert rates(counts).tolist() == list(scores(counts).values())
    assert dict(zip(METRICS, rates(counts, np.array([True, True, True])), strict=True)) == dict.fromkeys(METRICS, 1)
    assert rates(counts, np.array([True, True, False])).tolist() == list(scores(counts).values())


def test_always_negative_on_table_1():
    """Closed form: UAR is 1/3, UF1 is 2 N_neg / 3 (N + N_neg); means as in the method facts."""
    found = []
    for counts in TABLE1.values():
        true = np.repeat(LABELS, counts)
        found.append(scores(confusion(true, np.ones_like(true))))
        assert found[-1]["uf1"] == pytest.approx(2 * counts[1] / 3 / (sum(counts) + counts[1]))
    mean = {name: round(100 * np.mean([row[name] for row in found]), 2) for name in found[0]}
    assert mean == {"acc": 55.01, "uar": 33.33, "uf1": 23.50}
