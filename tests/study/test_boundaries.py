"""Figure 7's numbers: the run's own features, a plane fitted on what it says and on nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, recall_score

from melib.corpus.index import CLASSES
from melib.errors import InputError
from melib.learning.fit import fit
from melib.learning.record import read_run, save_run
from melib.prepare.data import Data
from melib.study.boundaries import COLUMNS, CORNERS, panels, plane, run_features, runs_there
from tests.conftest import settings, toy


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    data = Data(toy(), "0123456789abcdef", synthetic=True, skipped=pd.DataFrame())
    run = settings(out=str(tmp_path_factory.mktemp("runs")), lam=0.5)
    result = fit(data.samples, run)
    return data, result, save_run(result, run, data)


def cloud(seed=0, clips=60):
    """Features (N, 7) of unequal spread that depend on the class a little, with parts and labels."""
    rng = np.random.default_rng(seed)
    labels = np.array(CLASSES, dtype=object)[rng.integers(0, 3, clips)]
    features = rng.normal(size=(clips, 7)) * [5, 3, 1, 1, 1, 1, 1]
    features[:, 0] += 6 * (labels == "negative")
    return features, labels, np.where(np.arange(clips) % 3, "train", "held_out").astype(object)


def part(table, role):
    return table[table["role"] == role].reset_index(drop=True)


def test_without_a_run_the_demo_corpus_has_a_committed_figure_and_own_data_have_none(trained, tmp_path):
    data, _, folder = trained
    wanted = {"there": settings(out=str(folder.parent), lam=0.5), "absent": settings(out=str(folder.parent), lam=0.1)}
    own = replace(data, synthetic=False)
    assert runs_there(wanted, data) == runs_there(wanted, own) == {"there": folder}
    del wanted["there"]
    assert runs_there(wanted, data) == {}
    with pytest.raises(InputError, match=r"No run on these data is there: absent\. `-p train True`"):
        runs_there(wanted, own)
    elsewhere = {"new": settings(out=str(tmp_path), epochs=1, brl_start=1)}
    (made,) = runs_there(elsewhere, own, train=True).values()
    assert read_run(made).settings.epochs == 1


def test_features_are_those_that_gave_the_stored_logits(trained):
    data, result, folder = trained
    features, split = run_features(read_run(folder), data)
    assert (split == result.split).all()
    weight, bias = (p.detach().numpy() for p in result.method.network.head.parameters())
    stored = result.predictions.query("epoch == 4 and split == 'held_out'")
    np.testing.assert_allclose(features[split == "held_out"] @ weight.T + bias, stored[list(CLASSES)], atol=1e-4)


def test_a_run_of_other_data_is_refused(trained):
    data, _, folder = trained
    other = Data(data.samples, "another", synthetic=True, skipped=data.skipped)
    with pytest.raises(ValueError, match=r"trained on data 01234567, but these are another"):
        run_features(read_run(folder), other)


@pytest.mark.parametrize("on", ["held_out", "train"])
def test_the_plane_is_that_of_a_singular_value_decomposition(on):
    features, labels, split = cloud()
    table = plane(features, labels, split, on)
    known = features[split == on]
    _, values, axes = np.linalg.svd(known - known.mean(0), full_matrices=False)
    (score,) = part(table, "score").to_dict("records")
    np.testing.assert_allclose([score["share_x"], score["share_y"]], (values**2 / (values**2).sum())[:2])
    places = (features[split == "held_out"] - known.mean(0)) @ axes[:2].T / values[:2] * np.sqrt(len(known) - 1)
    np.testing.assert_allclose(np.abs(part(table, "held_out")[["x", "y"]]), np.abs(places), atol=1e-8)
    assert len(part(table, "train")) == (0 if on == "held_out" else 40)


@pytest.mark.parametrize("classes", [CLASSES, CLASSES[:2]])
def test_the_regions_of_the_table_give_its_scores(classes):
    features, labels, split = cloud()
    keep = np.isin(labels, classes)
    table = plane(features[keep], labels[keep], split[keep], "train")
    regions, clips = part(table, "region"), part(table, "held_out")
    values = clips[["x", "y"]].to_numpy() @ regions[["x", "y"]].to_numpy().T + regions["bias"].to_numpy()
    predicted = regions["label"].to_numpy()[values.argmax(1)]
    score = part(table, "score").iloc[0]
    assert score["acc"] == pytest.approx(accuracy_score(clips["label"], predicted))
    recall = recall_score(clips["label"], predicted, labels=list(CLASSES), average="macro", zero_division=0)
    assert score["uar"] == pytest.approx(recall)
    assert len(set(predicted)) > 1


def test_the_fit_on_training_clips_does_without_the_held_out_clips():
    features, labels, split = cloud()
    before = plane(features, labels, split, "train")
    rng, theirs = np.random.default_rng(1), split == "held_out"
    features[theirs], labels[theirs] = rng.normal(size=(theirs.sum(), 7)), rng.permutation(labels[theirs])
    after = plane(features, labels, split, "train")
    for role in ("region", "train"):
        pd.testing.assert_frame_equal(part(before, role), part(after, role))
    assert not part(before, "held_out").equals(part(after, "held_out"))


def test_panels_hold_both_fits_and_the_network(trained):
    data, result, folder = trained
    table = panels({"flow": folder}, "SAMM", data)
    assert list(table.columns) == list(COLUMNS)
    scored = part(table, "score").set_index("fit")
    assert set(scored.index) == {"network", "held_out", "train"}
    assert scored.loc["network", "uar"] == result.history["held_out_uar"].iloc[-1]
    points = part(table, "probability")
    inside = (points[["x", "y"]] >= -1e-9).all(axis=None) and (points["y"] <= CORNERS[2, 1] + 1e-9).all()
    assert inside and set(points["clip_id"]) == set(part(table, "held_out")["clip_id"])
    assert (table[table["role"] == "held_out"].groupby("fit").size() == 30).all()
