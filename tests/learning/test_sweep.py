"""Each registered name once with its default partner, and each protocol once: trains, resumes, never looks ahead."""

import functools
import inspect
import re

import numpy as np
import pandas as pd
import pytest
import torch

from melib import checkpoint
from melib.corpus.index import CLASSES
from melib.learning.algorithms.base import Algorithm
from melib.learning.fit import fit
from melib.learning.registry import ALGORITHMS, METHODS, NETWORKS, PROTOCOLS
from melib.prepare.samples import Samples
from melib.spec import Option, Spec
from tests.conftest import inputs_for, of_every_kind, settings, toy

OWN = {"cnn", "resnet18", "poolformer_s12", "mlp"}  # networks of the paper and the workbook; all others are peers'
NEEDED = {
    "tgsr": {"block_size": 64, "blocks": 3},
    "svm": {"normalise": "raw"},
}  # what the toy samples, or a choice, need
CASES = [
    *({"method": name, **NEEDED.get(name, {})} for name in METHODS),
    *({"network": name, "method": "erm", "inputs": inputs_for(name)} for name in NETWORKS),
    {"method": "erm", "class_weights": "balanced", "mirror": True, "normalise": "centred", "channels": "uv",
     "dropout": 0.5, "label_smoothing": 0.1},
    {"method": "dr", "form": "DRLS", "class_weights": "balanced"},
    {"method": "svm", "kernel": "chi2", "normalise": "raw"},
    {"method": "logreg", "class_weights": "balanced", "mirror": True, "normalise": "centred", "input_size": 7},
]  # fmt: skip
NAMES = ["-".join(f"{key}={value}" for key, value in case.items()) for case in CASES]


def run(case):
    return settings(**{"epochs": 3, "brl_start": 2, "protocol": "lodo", **case})


def samples():
    return of_every_kind(toy(size=16, subjects=3, clips=3))


def learned(result):
    """What was learned, as tensors by name."""
    if hasattr(result.method, "arrays"):
        return {name: torch.from_numpy(array) for name, array in result.method.arrays().items()}
    return {name: value for name, value in result.method.state_dict().items() if isinstance(value, torch.Tensor)}


def same(first, second):
    one, other = learned(first), learned(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def scrambled(data: Samples, held_out: np.ndarray, pixels: bool) -> Samples:
    """Other labels, and other pixels if wanted, of the held-out clips."""
    rng = np.random.default_rng(0)
    index = data.index.copy()
    index.loc[held_out, "label"] = np.roll(index.loc[held_out, "label"].to_numpy(), 1)
    arrays = {name: array.copy() for name, array in data.arrays.items()}
    for array in arrays.values() if pixels else ():
        array[held_out] = rng.integers(0, 256, array[held_out].shape)
    return Samples(index, arrays)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_it_trains_resumes_to_the_same_bits_and_sees_nothing_of_what_is_held_out(case, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0)
    data, chosen = samples(), run(case)
    held_out = (data.index["dataset"] == "SAMM").to_numpy()
    whole = fit(data, chosen)
    assert np.isfinite(whole.history["held_out_uar"]).all()

    def stop(epoch, *_):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(data, chosen, stop, tmp_path)
    resumed = fit(data, chosen, work=tmp_path)
    assert same(whole, resumed)
    pd.testing.assert_frame_equal(whole.predictions, resumed.predictions, check_exact=True)

    assert same(whole, fit(scrambled(data, held_out, pixels=False), chosen))
    reacts = not same(whole, fit(scrambled(data, held_out, pixels=True), chosen))
    assert reacts == METHODS[chosen.method].uses_target


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("method", ["erm", "logreg"])
def test_each_protocol_tests_every_clip_once_and_folds_are_those_of_single_runs(protocol, method):
    data = toy(datasets=("SMIC", "CASME2", "SAMM"), size=8, subjects=2, clips=3)
    more = {"sources": ["SMIC", "CASME2"]} if protocol == "hde" else {}
    chosen = settings(protocol=protocol, held_out="SAMM" if more else "all", method=method, epochs=2, brl_start=1,
                      val_share=0, **more)  # fmt: skip
    result = fit(data, chosen)
    last = result.predictions.query("split == 'held_out' and epoch == epoch.max()")
    assert last["clip_id"].is_unique
    tested = data.index["dataset"].isin(["SAMM"] if more else ["SMIC", "CASME2", "SAMM"])
    assert set(last["clip_id"]) == set(data.index["clip_id"][tested])
    assert len(result.folds) == {"lodo": 3, "hde": 1}.get(protocol, 6)
    if not more:
        single = fit(data, settings(protocol=protocol, held_out=result.folds[1], method=method, epochs=2, brl_start=1,
                                    val_share=0))  # fmt: skip
        of_fold = result.predictions[result.predictions["fold"] == result.folds[1]].reset_index(drop=True)
        pd.testing.assert_frame_equal(of_fold, single.predictions, check_exact=True)
    for name in result.folds:
        rows = last[last["fold"] == name]
        assert set(rows["dataset" if protocol in ("lodo", "hde") else "subject"]) == {name}


@pytest.mark.parametrize("name", [*sorted(set(NETWORKS) - OWN), "dr", "tgsr"])
def test_a_peer_says_what_is_published_and_what_is_assumed_or_read_off_code(name):
    spec = NETWORKS.get(name) or METHODS[name]
    text = inspect.getdoc(spec.load())
    assert re.search(r"assumed|read\s+off", text)
    assert ("stand-in" in spec.title) == bool(re.search(r"stand-in|in place of", text))


def test_one_source_is_enough_unless_groups_are_compared():
    data = toy(size=16, subjects=3, clips=3)
    one = dict(protocol="hde", sources=["SMIC"])
    assert len(fit(data, run({**one, "method": "erm"})).history) == 3
    for method, spec in ALGORITHMS.items():
        if spec.compares_groups:
            with pytest.raises(ValueError, match="compares datasets and needs at least two source datasets"):
                fit(data, run({**one, "method": method}))


class Transductive(Algorithm):
    """Brings the mean features of sources and held-out clips together."""

    def loss(self, batch):
        logits, features = self(batch.x)
        gap = (features.mean(0) - self(batch.target_x)[1].mean(0)).square().mean()
        return {"loss": self.cross_entropy(logits, batch.y) + gap}


def test_only_what_declares_it_is_given_held_out_inputs_and_never_their_labels(monkeypatch):
    spec = Spec("transductive", f"{__name__}:Transductive", {"ce_scale": Option(1.0)}, uses_target=True)
    for registry in (ALGORITHMS, METHODS):
        monkeypatch.setitem(registry, "erm", spec)
    data, chosen = samples(), run({"method": "erm"})
    held_out = (data.index["dataset"] == "SAMM").to_numpy()
    whole = fit(data, chosen)
    assert same(whole, fit(scrambled(data, held_out, pixels=False), chosen))
    assert not same(whole, fit(scrambled(data, held_out, pixels=True), chosen))


def other_values(name: str, option: Option) -> list:
    """Every other choice of an option of that name; of a number another one within its bounds."""
    if name == "block_size":
        return [128]  # divides the toy samples' vectors
    if option.choices:
        return [choice for choice in option.choices if choice != option.default]
    if isinstance(option.default, bool):
        return [not option.default]
    low, high = option.bounds
    doubled = 2 * option.default or type(option.default)(2)
    return [doubled if low <= doubled <= high else option.default / 2]


CHOICES = [
    *({"method": name, option: value} for name, spec in METHODS.items() for option in spec.options
      for value in other_values(option, spec.options[option])),
    *({"network": name, "method": "erm", "inputs": inputs_for(name), option: value} for name, spec in NETWORKS.items()
      for option in spec.options for value in other_values(option, spec.options[option])),
]  # fmt: skip


@functools.cache
def usual(name: str, network: bool):
    """The run of a method or network with its options at their defaults."""
    case = {"network": name, "method": "erm", "inputs": inputs_for(name)} if network else {"method": name}
    return fit(samples(), run({**case, **NEEDED.get(name, {})}))


@pytest.mark.parametrize("case", CHOICES, ids=["-".join(map(str, case.values())) for case in CHOICES])
def test_every_choice_of_every_option_changes_what_is_learned(case):
    name = case.get("network", case["method"])
    result = fit(samples(), run({**NEEDED.get(name, {}), **case}))
    logits = result.predictions[list(CLASSES)].to_numpy()
    assert np.isfinite(logits).all()
    assert not np.array_equal(logits, usual(name, "network" in case).predictions[list(CLASSES)].to_numpy())
