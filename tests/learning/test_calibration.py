"""Temperature scaling against closed forms and scikit-learn; the calibration error against a naive twin."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss

from melib.learning.calibration import (
    COLDEST,
    FEWEST,
    HOTTEST,
    calibration_error,
    fit_temperature,
    last_logits,
    log_loss,
    probabilities,
)


@pytest.fixture
def drawn():
    """Logits (4000, 3), and classes drawn from their softmax: calibrated by construction."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 3))
    true = np.array([rng.choice(3, p=chances) for chances in probabilities(logits)])
    return logits, true


def test_the_temperature_undoes_a_scale(drawn):
    logits, true = drawn
    fitted = fit_temperature(logits, true)
    assert fitted == pytest.approx(1, abs=0.1)
    for scale in (0.2, 5.0):
        assert fit_temperature(scale * logits, true) == pytest.approx(scale * fitted, rel=1e-2)


def test_the_loss_is_least_at_the_temperature_and_scikit_learn_agrees(drawn):
    logits, true = drawn
    fitted = fit_temperature(4 * logits, true)
    least = log_loss(4 * logits, true, fitted)
    assert least == pytest.approx(sklearn_log_loss(true, probabilities(4 * logits, fitted)))
    assert all(log_loss(4 * logits, true, fitted * factor) > least for factor in (0.9, 1.1))


def test_a_temperature_lowers_the_calibration_error_of_what_is_too_sure(drawn):
    logits, true = drawn
    before = calibration_error(probabilities(6 * logits), true)
    assert calibration_error(probabilities(6 * logits, fit_temperature(6 * logits, true)), true) < 0.4 * before


def test_its_ends(drawn):
    logits, true = drawn
    assert fit_temperature(logits, logits.argmax(1)) == pytest.approx(COLDEST, rel=0.1)
    assert fit_temperature(logits, logits.argmin(1)) == pytest.approx(HOTTEST, rel=0.1)
    assert fit_temperature(logits[: FEWEST - 1], true[: FEWEST - 1]) is None


def test_the_calibration_error_of_a_closed_form_and_of_a_naive_twin(drawn):
    sure = np.array([[1.0, 0, 0]] * 4)
    assert calibration_error(sure, np.array([0, 0, 0, 1])) == pytest.approx(0.25)
    logits, true = drawn
    chances = probabilities(logits)
    total = 0.0
    for k in range(10):
        inside = [n for n, p in enumerate(chances.max(1)) if k / 10 < p <= (k + 1) / 10]
        if inside:
            accuracy = np.mean([chances[n].argmax() == true[n] for n in inside])
            total += len(inside) / len(true) * abs(accuracy - np.mean([chances[n].max() for n in inside]))
    assert calibration_error(chances, true) == pytest.approx(total)


def test_the_last_epoch_of_one_split_is_taken():
    table = pd.DataFrame(
        {
            "split": ["held_out", "held_out", "source_val"],
            "epoch": [1, 2, 2],
            "label": ["surprise", "positive", "negative"],
            "positive": [0.0, 1.0, 2.0],
            "negative": [0.0, 3.0, 2.0],
            "surprise": [0.0, 5.0, 2.0],
        }
    )
    logits, true = last_logits(table, "held_out")
    assert logits.tolist() == [[1, 3, 5]]
    assert true.tolist() == [0]
