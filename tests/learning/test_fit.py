import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from melib.compute import generator, stream_seed
from melib.corpus.index import CLASSES
from melib.learning.fit import fit
from melib.learning.fold import open_fold
from melib.learning.inputs import Inputs
from melib.learning.networks.build import build
from melib.learning.registry import NETWORKS
from melib.learning.selection import chosen_epochs
from melib.learning.settings import RunSettings
from melib.learning.split import FitError, balanced_batches, batches, placebo, split_samples
from melib.learning.training import build_algorithm
from melib.prepare.samples import Samples
from tests.conftest import inputs_for, of_every_kind, settings, toy


def weights(result):
    state = result.method.state_dict()
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}


def same(first, second):
    shared = weights(first).keys() & weights(second).keys()
    return len(shared) > 1 and all(torch.equal(weights(first)[name], weights(second)[name]) for name in shared)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_trains_and_two_runs_are_identical(network):
    samples = of_every_kind(toy(size=32, subjects=3, clips=3))
    run = settings(network=network, inputs=inputs_for(network), epochs=3, brl_start=2)
    first, second = fit(samples, run), fit(samples, run)
    assert first.history.equals(second.history)
    assert first.predictions.equals(second.predictions)
    assert same(first, second)
    assert first.history["penalty"].iloc[0] == 0 < first.history["penalty"].iloc[-1]


def test_it_learns_what_can_be_learned(toy_samples):
    history = fit(toy_samples, settings(epochs=15)).history
    assert history["held_out_uar"].iloc[-1] > 0.9
    assert history["loss"].iloc[-1] < history["loss"].iloc[0] / 2


def test_another_seed_gives_another_run(toy_samples):
    assert not fit(toy_samples, settings()).history.equals(fit(toy_samples, settings(seed=1)).history)


def test_without_lam_it_is_the_textbook_loop_bit_for_bit(toy_samples):
    run = settings(method="erm", val_share=0.0)
    result = fit(toy_samples, run)

    train = torch.from_numpy(np.flatnonzero(toy_samples.index["dataset"] != "SAMM"))
    images = torch.from_numpy(toy_samples.arrays["flow_image"]).permute(0, 3, 1, 2).float() / 127.5 - 1
    labels = torch.tensor([CLASSES.index(c) for c in toy_samples.index["label"]])
    model = build("cnn", [(3, 8, 8)], stream_seed(0, "weights")).to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(model.parameters(), lr=run.lr, weight_decay=run.weight_decay, fused=True)
    order = generator(0, "order")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for _ in range(run.epochs):
        for rows in train[torch.randperm(len(train), generator=order)].split(run.batch_size):
            loss = torch.nn.functional.cross_entropy(
                model(images[rows].contiguous(memory_format=torch.channels_last))[0], labels[rows]
            )
            adam.zero_grad()
            loss.backward()
            adam.step()
    torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), result.method.network.parameters(), strict=True))


def test_brl_acts_from_its_first_epoch_and_not_before(toy_samples):
    results = [fit(toy_samples, settings(method=method)) for method in ("erm", "brl")]
    plain, brl = (result.history for result in results)
    first = [result.predictions.query("epoch <= 2") for result in results]  # of the weights, epoch by epoch
    pd.testing.assert_frame_equal(*first, check_exact=True)
    assert not results[0].predictions.equals(results[1].predictions)
    columns = ["ce", "held_out_uar", "source_val_acc"]
    assert plain[columns][:2].equals(brl[columns][:2])
    assert plain["ce"][3] != brl["ce"][3]
    assert (brl["penalty"] > 0).tolist() == [False, False, True, True]
    np.testing.assert_allclose(brl["loss"][2:], 0.5 * brl["ce"][2:] + 0.5 * brl["penalty"][2:], rtol=1e-5)


def test_nothing_of_the_held_out_dataset_reaches_training(toy_samples):
    run = settings(epochs=6)
    before = fit(toy_samples, run)
    rng = np.random.default_rng(0)
    held_out = (toy_samples.index["dataset"] == "SAMM").to_numpy()
    index = toy_samples.index.copy()
    index.loc[held_out, "label"] = rng.permutation(index.loc[held_out, "label"].to_numpy())
    images = toy_samples.arrays["flow_image"].copy()
    images[held_out] = rng.integers(0, 256, images[held_out].shape)
    after = fit(Samples(index, {"flow_image": images}), run)

    assert same(before, after)
    assert not before.history["held_out_uar"].equals(after.history["held_out_uar"])
    epochs = [chosen_epochs(r.history, "source_val", 3) for r in (before, after)]
    assert epochs[0] == epochs[1]


def test_feature_vectors_are_scaled_by_training_rows_alone(toy_samples):
    run = settings(inputs="pixels", network="mlp")
    before = fit(toy_samples, run)
    held_out = (toy_samples.index["dataset"] == "SAMM").to_numpy()
    pixels = toy_samples.arrays["pixels"].copy()
    pixels[held_out] = pixels[held_out] * 1000 + 7
    assert same(before, fit(Samples(toy_samples.index, {"pixels": pixels}), run))

    train = ~held_out
    inputs = Inputs(toy_samples, run, train, torch.device("cpu"))
    scaled = inputs.batch(torch.from_numpy(np.flatnonzero(train)))[0].numpy()
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(0), 1, atol=1e-4)


def test_validation_keeps_whole_subjects_of_every_source(toy_samples):
    split = split_samples(toy_samples.index, settings(val_share=0.4))
    table = toy_samples.index.assign(split=split)
    assert table.groupby("subject")["split"].nunique().eq(1).all()
    kept = table[table["split"] == "source_val"].groupby("dataset")["subject"].nunique()
    assert kept.to_dict() == {"SMIC": 2, "CASME": 2}
    assert set(table[table["dataset"] == "SAMM"]["split"]) == {"held_out"}


def test_synthetic_samples_are_only_ever_trained_on(toy_samples):
    index = toy_samples.index.assign(synthetic=np.arange(len(toy_samples)) % 2 == 0)
    split = split_samples(index, settings(val_share=0.4))
    assert set(split[index["synthetic"]]) == {"train", "unused"}
    kept = set(index["subject"][split == "source_val"])
    assert not kept & set(index["subject"][split == "train"])


def test_clips_without_label_take_no_part(toy_samples):
    index = toy_samples.index.astype({"label": "string"})
    index.loc[::4, "label"] = None
    split = split_samples(index, settings())
    assert set(split[index["label"].isna()]) == {"unused"}
    result = fit(Samples(index, toy_samples.arrays), settings())
    assert set(result.predictions["clip_id"]) <= set(index["clip_id"][index["label"].notna()])


def test_predictions_are_keyed_by_clip_and_explain_the_metrics(toy_samples):
    result = fit(toy_samples, settings())
    rows = result.predictions.query("split == 'held_out' and epoch == 4")
    hits = rows[list(CLASSES)].to_numpy().argmax(1) == rows["label"].map(CLASSES.index).to_numpy()
    assert rows["clip_id"].is_unique
    assert hits.mean() == pytest.approx(result.history["held_out_acc"].iloc[-1])


def test_progress_is_told_after_each_epoch(toy_samples):
    seen = []
    fit(toy_samples, settings(), lambda *args: seen.append(args))
    assert [(epoch, epochs) for epoch, epochs, _ in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert seen[-1][2]["held_out_acc"] >= 0


def test_threads_and_determinism_are_given_back(toy_samples):
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fit(toy_samples, settings(threads=before[0] + 1))
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_no_batch_of_one():
    rows = torch.arange(9)
    parts = list(batches(rows, 4, torch.Generator()))
    assert [len(part) for part in parts] == [4, 5]
    assert sorted(torch.cat(parts).tolist()) == rows.tolist()


@pytest.mark.parametrize(
    "change, drop, message",
    [
        ({"held_out": "MMEW"}, {}, "'MMEW' is not in this corpus.*SMIC"),
        ({"sources": ["SMIC", "MMEW"]}, {}, "MMEW.*not in this corpus"),
        ({"sources": ["SMIC"]}, {}, "at least two source datasets"),
        ({}, {"dataset": "CASME"}, "at least two source datasets"),
        ({}, {"label": "surprise"}, "No training clip of class \\['surprise'\\].*Add some, or a dataset that has them"),
        ({"inputs": "apex"}, {}, "'apex'.*flow_image"),
        ({"mirror": True, "inputs": "pixels", "network": "mlp"}, {}, "mirror acts on images"),
        ({"device": "cuda:7"}, {}, "CUDA devices"),
        ({"device": "gpu"}, {}, "unknown; use auto"),
    ],
)
def test_what_cannot_be_trained_is_said(toy_samples, change, drop, message):
    mask = np.ones(len(toy_samples), bool)
    for column, value in drop.items():
        mask &= (toy_samples.index[column] != value).to_numpy()
    with pytest.raises(ValueError, match=message):
        fit(toy_samples.select(mask), settings(**change))


def test_a_fold_without_a_labelled_clip_is_said_with_what_to_do(toy_samples):
    index = toy_samples.index.copy()
    index.loc[index["dataset"] == "SAMM", "label"] = None
    with pytest.raises(FitError, match=r"SAMM has no labelled clip to test on.*Label its clips.*or hold out another"):
        split_samples(index, settings())


def test_a_class_that_validation_took_is_no_class_without_clips(toy_samples):
    """One subject alone has surprise, and is drawn for choosing an epoch."""
    keep = (toy_samples.index["label"] != "surprise") | (toy_samples.index["subject"] == "SMIC/s0")
    samples = toy_samples.select(keep.to_numpy())
    seed = next(s for s in range(50) if split_samples(toy_samples.index, settings(seed=s))[0] == "source_val")
    with pytest.raises(FitError, match=r"class \['surprise'\] are of subjects that were drawn .* set val_share to 0"):
        fit(samples, settings(seed=seed))


def test_a_loss_that_is_no_number_stops_the_run(toy_samples):
    pixels = toy_samples.arrays["pixels"].copy()
    pixels[0, 0] = np.inf
    with np.errstate(invalid="ignore"), pytest.raises(FitError, match="loss is nan in epoch 1"):
        fit(Samples(toy_samples.index, {"pixels": pixels}), settings(inputs="pixels", network="mlp"))


def test_the_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings().lam = 0.3


SWITCHES = [
    {"method": "erm"}, {"method": "erm", "ce_scale": 0.5}, {"method": "feature_means"},
    {"groups": "placebo"}, {"attention_weights": "frozen"},
    {"attention_weights": "reversed"}, {"spread": "variance"}, {"scale_ce": False}, {"weighting": "logit"},
    {"weighting": "loss"}, {"sampling": "balanced"},
]  # fmt: skip


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda s: "-".join(f"{k}-{v}" for k, v in s.items()))
def test_each_switch_acts_and_not_before_brl_starts(toy_samples, switch):
    plain, changed = fit(toy_samples, settings()), fit(toy_samples, settings(**switch))
    assert not same(plain, changed)
    if "sampling" not in switch:  # what is drawn differs from the first batch on
        columns = ["ce", "held_out_uar", "source_val_acc"]
        assert plain.history[columns][:2].equals(changed.history[columns][:2])


def test_scaled_cross_entropy_alone_is_what_the_loss_says(toy_samples):
    history = fit(toy_samples, settings(method="erm", ce_scale=0.5)).history
    np.testing.assert_allclose(history["loss"][2:], 0.5 * history["ce"][2:], rtol=1e-6)
    unscaled = fit(toy_samples, settings(scale_ce=False)).history
    np.testing.assert_allclose(unscaled["loss"][2:], unscaled["ce"][2:] + 0.5 * unscaled["penalty"][2:], rtol=1e-5)


def test_frozen_attention_weights_stay_at_their_first_draw(toy_samples):
    frozen, learned = fit(toy_samples, settings(attention_weights="frozen")), fit(toy_samples, settings())
    first = fit(toy_samples, settings(lam=0)).method.brl.weight
    assert torch.equal(frozen.method.brl.weight, first)
    assert not torch.equal(learned.method.brl.weight, first)


def test_balanced_batches_hold_as_many_of_each_dataset():
    rows, domains = torch.arange(40) + 100, torch.tensor([0] * 5 + [1] * 15 + [4] * 20)
    parts = [domains[part - 100] for part in balanced_batches(rows, domains, 12, torch.Generator().manual_seed(0))]
    assert len(parts) == 4  # 40 rows in batches of 12
    assert all(torch.equal(part.unique(return_counts=True)[1], torch.tensor([4, 4, 4])) for part in parts)
    seen = torch.cat(list(balanced_batches(rows, domains, 12, torch.Generator().manual_seed(0))))
    assert set(seen[domains[seen - 100] == 0].tolist()) == set(range(100, 105))  # the small one is gone through whole


def test_placebo_groups_keep_the_sizes_and_lose_the_meaning():
    domains, rows = torch.arange(300) % 4, torch.arange(200)
    groups = placebo(domains, rows, torch.Generator().manual_seed(0))
    assert torch.equal(groups[:200].bincount(), domains[:200].bincount())
    assert torch.equal(groups[200:], domains[200:])
    assert (groups[:200] == domains[:200]).float().mean() < 0.4


def test_a_diagnosis_changes_nothing_and_says_what_is_there(toy_samples):
    plain, watched = fit(toy_samples, settings()), fit(toy_samples, settings(diagnose=True))
    assert same(plain, watched)
    assert plain.history.equals(watched.history)
    assert plain.diagnosis is None
    epochs, attention = watched.diagnosis.epochs, watched.diagnosis.attention
    assert epochs["norm_w"].iloc[-1] == pytest.approx(float(watched.method.brl.weight.detach().norm()))
    means = attention[attention["epoch"] == 4].set_index("dataset")["mean"]
    assert epochs["gap"].iloc[-1] == pytest.approx(means.max() - means.min(), rel=1e-4)
    assert epochs["probe_label"].iloc[-1] > 0.9
    assert (epochs[["inside", "gradient_ce", "gradient_brl"]] > 0).all(axis=None)
    assert (epochs["inside"] <= 1).all()


def test_a_new_switch_renames_no_run():
    assert settings(groups="placebo").run_name("data") != settings().run_name("data")
    assert settings(lam=0.5, diagnose=False).run_name("data") == settings().run_name("data")
    assert RunSettings.from_parameters({"held_out": "SAMM"}).digest("x") == "4555adc0"


@pytest.mark.parametrize("method", ["brl", "svm"])
def test_folds_side_by_side_are_those_of_one_process_bit_for_bit(method, toy_samples, tmp_path):
    chosen = {"held_out": "all", "method": method, "epochs": 2, "brl_start": 1, "val_share": 0.2}
    alone = fit(toy_samples, settings(**chosen))
    seen = []
    both = fit(toy_samples, settings(**chosen, workers=2), lambda done, total, _: seen.append((done, total)), tmp_path)
    pd.testing.assert_frame_equal(alone.predictions, both.predictions, check_exact=True)
    pd.testing.assert_frame_equal(alone.history, both.history, check_exact=True)
    epochs = 2 if method == "brl" else 1
    assert seen == [(fold * epochs, 3 * epochs) for fold in (1, 2, 3)]
    assert settings(**chosen).digest("data") == settings(**chosen, workers=2).digest("data")


def test_an_error_in_a_process_is_that_of_the_run(toy_samples):
    """Weight decay that overshoots: each step multiplies the weights by -99."""
    diverging = settings(held_out="all", workers=2, method="erm", optimizer="sgd", lr=10, weight_decay=10, epochs=40)
    with pytest.raises(FitError, match=r"The loss is .* in epoch \d+: lower lr"):
        fit(toy_samples, diverging)


def test_sgd_with_steps_is_torchs_own(toy_samples):
    """Six epochs of one batch each, against SGD and StepLR of torch on the same network and clips."""
    chosen = settings(method="erm", network="mlp", hidden=8, optimizer="sgd", lr=0.05, lr_step=2, lr_factor=0.3,
                      epochs=6, batch_size=1000, val_share=0, weight_decay=0.01)  # fmt: skip
    result = fit(toy_samples, chosen)
    fold = open_fold(toy_samples, chosen, "SAMM", torch.device("cpu"))
    network = build_algorithm(fold).network
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.3)
    for _ in range(6):
        logits, _ = network(*fold.inputs.batch(fold.train))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits, fold.labels[fold.train]).backward()
        optimizer.step()
        schedule.step()
    for name, weights in network.state_dict().items():
        torch.testing.assert_close(result.method.network.state_dict()[name], weights, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("there, warned", [({"amx_bf16": False, "avx2": True}, True), ({"avx512_bf16": True}, False)])
def test_bf16_without_instructions_for_it_is_computed_in_fp32(there, warned, toy_samples, monkeypatch, caplog):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: there, raising=False)
    runs = {
        name: fit(toy_samples, settings(method="erm", precision=name, device="cpu", epochs=1, brl_start=1))
        for name in ("bf16", "fp32")
    }
    assert ("precision bf16 is computed in fp32" in caplog.text) == warned
    assert runs["bf16"].method.task.precision == ("fp32" if warned else "bf16")
    ours, exact = (run.predictions[list(CLASSES)].to_numpy() for run in runs.values())
    assert np.array_equal(ours, exact) == warned
