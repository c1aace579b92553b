"""Predictions for a clip of one's own: those that the run recorded, and how far they are to be believed."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from melib.corpus.index import CLASSES
from melib.learning.calibration import last_logits, probabilities
from melib.learning.fit import fit
from melib.learning.record import read_run, save_run
from melib.learning.settings import RunSettings
from melib.prepare.data import Data
from melib.prepare.recording import open_recording
from melib.prepare.spot import Candidates
from melib.study.models import default_run, load_models
from melib.study.predict import (
    CAUTION,
    DRAWN,
    GRID,
    examine,
    example,
    held_out_clips,
    occlusion,
    open_held_out,
    predict,
    preparation,
    read_box,
)
from melib.study.verdict import DOUBTED, in_words
from tests.conftest import settings, toy


def recorded(model, clip_id):
    """The logits of a clip as the run recorded them in its last epoch, (3,)."""
    table = model.run.predictions
    row = table[(table["clip_id"] == clip_id) & (table["epoch"] == table["epoch"].max())]
    return row[list(CLASSES)].to_numpy()[0]


@pytest.fixture(scope="module")
def models(tiny_run):
    return load_models([tiny_run()])


@pytest.mark.parametrize(
    "changes",
    [
        {"mirror": True, "channels": "uv"},
        {"inputs": "apex", "augment": "oversample"},
        {"inputs": "lbptop", "network": "mlp"},  # features, standardised by the training clips
        {"inputs": "flow_image", "method": "logreg", "C": 0.01, "normalise": "centred", "mirror": True},
        {"inputs": "apex+flow_cells", "network": "atnet"},
    ],
)
def test_a_held_out_clip_gets_the_logits_that_the_run_recorded(tiny_run, changes):
    (model,) = load_models([tiny_run(**changes, held_out="CASME2")])
    root, clips = held_out_clips(model)
    for row in (clips.iloc[0], clips.iloc[-1]):
        own = open_held_out(root, row, preparation([model]))
        logits = model.logits(own.samples(model.run.settings.arrays, preparation([model])))
        np.testing.assert_allclose(logits[0], recorded(model, row["clip_id"]), rtol=1e-4, atol=1e-4)


def test_held_out_demo_clips_keep_their_class_and_most_apexes_are_found(models):
    """Accuracy of class and apex, by `held_out_clips`: as the run recorded with the annotated apex, near it without."""
    root, clips = held_out_clips(models[0])
    logits, true = last_logits(models[0].run.predictions, "held_out")
    right, far = [], []
    for _, row in clips.iterrows():
        own = open_held_out(root, row, preparation(models))
        right.append(predict(models, own).label == row["label"])
        spotted = open_held_out(root, row, preparation(models), find_apex=True).clip.row["apex"]
        far.append(abs(int(spotted) - int(row["apex"])))
    assert np.mean(right) == pytest.approx((logits.argmax(1) == true).mean())
    assert np.mean(np.array(far) <= 1) > 0.6


def test_runs_are_averaged_after_their_temperatures(tiny_run, models):
    pair = load_models([tiny_run(), tiny_run(held_out="SMIC")])
    own = example(models)
    prediction = predict(pair, own)
    samples = own.samples(["flow"], preparation(pair))
    each = [probabilities(model.logits(samples)[0], model.temperature or 1.0) for model in pair]
    np.testing.assert_allclose(prediction.probability[list(CLASSES)], np.mean(each, axis=0))
    assert prediction.by_run["held_out"].tolist() == ["SAMM", "SMIC"]
    assert len(prediction.training) > len(pair[0].measures)


def test_the_track_record_is_of_the_last_epoch(models):
    row = predict(models, example(models)).by_run.iloc[0]
    history = models[0].run.history.iloc[-1]
    assert (row["acc"], row["uar"]) == pytest.approx((history["held_out_acc"], history["held_out_uar"]))
    logits, true = last_logits(models[0].run.predictions, "held_out")
    called = CLASSES.index(max(CLASSES, key=lambda name: row[name]))
    assert row["called"] == (logits.argmax(1) == called).sum()
    assert row["right"] == ((logits.argmax(1) == called) & (true == called)).sum()


def test_drawn_faces_are_said_first_and_probabilities_stand_in_brackets(models):
    prediction = predict(models, example(models))
    text = in_words(prediction)
    assert text.startswith(f"{DOUBTED}\n- {DRAWN}")
    assert f"({prediction.probability['surprise']:.2f})" in text
    assert text.endswith(CAUTION)


def test_a_calibrated_run_on_real_faces_within_its_range_is_not_doubted(models):
    from dataclasses import replace

    own = example(models)
    measured = models[0].measures
    wide = pd.concat([measured * 0.1, measured * 10]).set_axis([*measured.index, *measured.index + "'"])
    real = replace(models[0], synthetic=False, measures=wide, temperature=2.0)
    prediction = predict([real], own)
    assert [doubt for doubt in prediction.doubts if "chance" not in doubt] == []
    assert any("not calibrated" in doubt for doubt in predict([replace(real, temperature=None)], own).doubts)
    for name, scale in (("motion", 0.01), ("light", 50)):
        far = replace(real, measures=wide.assign(**{name: wide[name] * scale}))
        assert any("outside what was seen in training" in doubt for doubt in predict([far], own).doubts)
        unknown = replace(real, measures=wide.assign(**{name: np.nan}))
        assert any("is unknown" in doubt for doubt in predict([unknown], own).doubts)


def test_occlusion_holds_each_region_still_in_turn(models):
    """A stand-in model that sums the motion of the lower right quarter: only its regions count."""
    from dataclasses import replace

    def logits(samples):
        flow = np.abs(np.asarray(samples.arrays["flow"], float))[:, :, 16:, 16:].sum(axis=(1, 2, 3))
        return np.stack([0 * flow, 0 * flow, flow], axis=1)

    counting = replace(models[0], logits=logits, temperature=20.0)
    prediction = predict([counting], example(models))
    steps = []
    regions = occlusion([counting], prediction, lambda done, total: steps.append((done, total)))
    assert regions.shape == (GRID, GRID)
    assert steps[-1] == (GRID**2, GRID**2)
    half = GRID // 2
    inside = regions[half:, half:].sum()
    assert inside > 0
    assert abs(regions.sum() - inside) < 0.35 * inside


def run_on_arrays(tmp_path, samples, **changes):
    """The folder of a run on a samples folder."""
    samples.save(tmp_path / "samples")
    wanted = settings(
        corpus=str(tmp_path / "samples"), out=str(tmp_path / "runs"), method="erm", network="mlp", **changes
    )
    fingerprint = json.loads((tmp_path / "samples" / "samples.json").read_text())["fingerprint"]
    data = Data(samples, fingerprint, False, pd.DataFrame(columns=["clip_id", "dataset", "reason"]))
    return save_run(fit(samples, wanted), wanted, data)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"inputs": "pixels"}, "was trained on pixels, which cannot be made from the frames of a clip"),
        (
            {"inputs": "flow_image"},
            r"was trained on flow_image of shape \(16, 16, 3\); from a clip it would be \(28, 28, 3\)",
        ),
        ({"inputs": "flow_image", "held_out": "all"}, "went through 3 folds and kept the weights of none"),
    ],
)
def test_a_run_on_other_arrays_is_refused(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        load_models([run_on_arrays(tmp_path, toy(size=16), image_size=16, **changes)])


def test_runs_of_different_inputs_or_preparation_are_not_averaged(tiny_run):
    with pytest.raises(ValueError, match=r"differ in inputs \(flow and apex\)"):
        load_models([tiny_run(), tiny_run(inputs="apex")])
    with pytest.raises(ValueError, match=r"differ in remove_head_motion \(False and True\)"):
        load_models([tiny_run(), tiny_run(remove_head_motion=True)])


def test_estimators_that_keep_no_weights_are_refused(tiny_run):
    with pytest.raises(ValueError, match="is a run of svm"):
        load_models([tiny_run(inputs="lbptop", method="svm")])


def test_a_run_of_a_corpus_that_has_changed_is_refused(tmp_path):
    folder = run_on_arrays(tmp_path, toy(size=16), inputs="flow_image", image_size=16)
    toy(size=16, seed=1).save(tmp_path / "samples")
    with pytest.raises(ValueError, match=r"was trained on data \w{8}, but these are"):
        load_models([folder])


def test_no_run_at_all(tmp_path):
    with pytest.raises(ValueError, match=r"No finished run in .* `make demo` trains some"):
        default_run(str(tmp_path))
    with pytest.raises(ValueError, match="are no finished runs"):
        load_models([tmp_path])


def test_the_default_is_the_first_run_that_can_predict(tiny_run):
    fitting = tiny_run()
    tiny_run(inputs="lbptop", method="svm")
    chosen = default_run(str(fitting.parent))
    assert chosen.name == min(
        path.parent.name for path in fitting.parent.glob("[!.]*/run.json") if "svm" not in path.parent.name
    )


def test_a_run_on_the_demo_corpus_is_the_default_before_others(tiny_run, tmp_path, monkeypatch):
    drawn = tiny_run()
    shutil.copytree(run_on_arrays(tmp_path, toy(size=16), inputs="flow_image", image_size=16), tmp_path / "all" / "A")
    assert default_run(str(tmp_path / "all")).name == "A"
    shutil.copytree(drawn, tmp_path / "all" / drawn.name)
    rest = RunSettings.at_rest() | {"corpus": read_run(drawn).settings.corpus}
    monkeypatch.setattr(RunSettings, "at_rest", lambda: rest)
    assert default_run(str(tmp_path / "all")).name == drawn.name


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "1,2,0,4"])
def test_a_box_is_four_numbers(box):
    with pytest.raises(ValueError, match="expected"):
        read_box(box)


def test_motion_far_beyond_training_on_a_real_face_is_marked(models, real_data):
    """5 px of a face 224 wide and more, where training clips have 1: p may be 1.00 and means nothing."""
    video = open_recording(real_data / "face_video" / "WolfgangLanger_Pexels.mp4")
    assert video.is_long()
    with pytest.raises(ValueError, match="an apex of 104 alone does not say where it begins"):
        examine(models, video.place, apex=104)
    prediction = examine(models, video.place, 98, 104, 110)
    assert 2.24 * prediction.ranges.loc["motion", "value"] > 5
    assert prediction.ranges.loc["motion", "within"] == "no"
    assert any(doubt.startswith("Its motion, onset to apex lies outside") for doubt in prediction.doubts)
    assert in_words(prediction).startswith(DOUBTED)


def test_candidates_are_offered_in_words_and_none_is_chosen():
    row = {"onset": 4, "apex": 10, "offset": 16, "seconds": 0.4, "contrast": 1.234, "motion": 2.0}
    table = pd.DataFrame([row | {"note": "may be a blink"}])
    text = in_words(Candidates("long.mp4", table, ("no face in 1 of 3 stretches",)))
    for words in ("long.mp4 is too long", "1.23", "may be a blink", "no face in 1 of 3", "Give onset, apex"):
        assert words in text
    assert "nowhere does the face move" in in_words(Candidates("long.mp4", table.iloc[:0], ()))
