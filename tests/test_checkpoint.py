import logging

import pandas as pd
import pytest
import torch

from melib import checkpoint
from melib.learning.fit import fit
from tests.conftest import settings, toy
from tests.learning.test_fit import same


class Killed(Exception):
    pass


def stop_after(last):
    def progress(epoch, *_):
        if epoch == last:
            raise Killed

    return progress


@pytest.fixture(autouse=True)
def _every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0)


CASES = {
    "cnn": dict(weight_decay=1e-2),
    "resnet18": dict(sampling="balanced"),
    "bf16": dict(network="cnn", precision="bf16"),
    "dropout": dict(network="cnn", dropout=0.5, label_smoothing=0.1, class_weights="balanced"),
    "diagnosed": dict(network="cnn", diagnose=True),
}


@pytest.mark.parametrize("case", CASES)
def test_a_training_that_is_stopped_again_and_again_ends_with_the_same_bits(tmp_path, case):
    samples = toy() if case == "diagnosed" else toy(size=16, subjects=3, clips=3)
    run = settings(**({"network": case} | CASES[case]))
    whole = fit(samples, run)
    for last in (1, 3):  # before and after BRL's start
        with pytest.raises(Killed):
            fit(samples, run, stop_after(last), tmp_path)
    seen = []
    resumed = fit(samples, run, lambda epoch, *_: seen.append(epoch), tmp_path)
    assert seen == [4]
    pd.testing.assert_frame_equal(whole.history, resumed.history, check_exact=True)
    pd.testing.assert_frame_equal(whole.predictions, resumed.predictions, check_exact=True)
    assert same(whole, resumed)
    if run.diagnose:
        for one, other in zip(vars(whole.diagnosis).values(), vars(resumed.diagnosis).values(), strict=True):
            pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_flips_go_on_where_they_stopped(tmp_path):
    samples = toy(size=32)
    samples.arrays["apex"] = samples.arrays["flow_image"]
    run = settings(inputs="apex", mirror=True)
    with pytest.raises(Killed):
        fit(samples, run, stop_after(2), tmp_path)
    assert same(fit(samples, run), fit(samples, run, work=tmp_path))


@pytest.mark.parametrize("damage", ["other settings", "torn", "empty"])
def test_a_checkpoint_that_does_not_fit_is_not_used(tmp_path, toy_samples, caplog, damage):
    with pytest.raises(Killed):
        fit(toy_samples, settings(seed=int(damage == "other settings")), stop_after(2), tmp_path)
    path = tmp_path / "training" / "0.pt"
    if damage != "other settings":
        path.write_bytes(path.read_bytes()[: 1000 if damage == "torn" else 0])
    with caplog.at_level(logging.WARNING):
        result = fit(toy_samples, settings(), work=tmp_path)
    assert "starts anew" in caplog.text
    assert same(result, fit(toy_samples, settings()))


def test_a_checkpoint_of_another_processor_is_not_continued_in_another_precision(
    tmp_path, toy_samples, monkeypatch, caplog
):
    run = settings(precision="bf16", device="cpu")
    for there in (True, False):  # bfloat16 instructions
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda there=there: {"avx512_bf16": there}, raising=False)
        if there:
            with pytest.raises(Killed):
                fit(toy_samples, run, stop_after(2), tmp_path)
    result = fit(toy_samples, run, work=tmp_path)
    assert "starts anew" in caplog.text
    assert same(result, fit(toy_samples, settings(device="cpu")))


def test_it_is_plain_data_and_says_how_far_it_is(tmp_path, toy_samples):
    with pytest.raises(Killed):
        fit(toy_samples, settings(diagnose=True), stop_after(3), tmp_path)
    state = torch.load(tmp_path / "training" / "0.pt", weights_only=True)
    assert len(state["records"]["history"]) == 3
    text = (tmp_path / "progress.json").read_text()
    assert '"total": 4' in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["progress.json", "training"]
