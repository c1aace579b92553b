import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from melib.aus.table import NAMES, AUError
from melib.corpus.index import CLASSES, TABLE1
from melib.folder import DamagedError, check_done, is_done
from melib.gan.fold import (
    KINDS,
    asked_faces,
    open_fold,
    pair_flow,
    save_generated,
    save_gif,
    seen,
    sequence,
    top_up_samples,
    trained_generator,
)  # fmt: skip
from melib.gan.train import GanError, generate, train
from melib.learning.data import load_data
from melib.learning.settings import RunSettings
from melib.prepare.data import open_corpus
from melib.prepare.samples import Samples, SamplesError, read_manifest
from melib.prepare.settings import PrepareSettings
from melib.prepare.topup import composites, plan_table, top_up
from tests.conftest import spoil
from tests.gan.conftest import counts


def run(fold, folder, **changes):
    shared = dict(corpus=fold.settings.corpus, target=fold.settings.target, generated=str(folder.parent))
    return RunSettings.from_parameters(dict(profile="tiny", held_out="SAMM") | shared | changes)


@pytest.mark.parametrize("kind", KINDS)
def test_generated_samples_fill_the_plan_with_faces_of_the_same_dataset(made, kind):
    fold, _, folder = made
    samples = Samples.load(folder / "samples" / kind)
    plan = fold.plan(kind).stack()
    assert counts(samples.index) == plan[plan > 0].to_dict()
    assert samples.index["synthetic"].all() and read_manifest(folder / "samples" / kind)["synthetic"]
    assert "SAMM" not in set(samples.index["dataset"])
    faces = fold.index.set_index("clip_id").loc[samples.index["source"]]
    assert (faces["dataset"].to_numpy() == samples.index["dataset"].to_numpy()).all()
    assert (faces["subject"].to_numpy() == samples.index["subject"].to_numpy()).all()
    assert (fold.data.samples.arrays["onset"][samples.index["row"].to_numpy()] == samples.arrays["onset"]).all()
    assert (samples.arrays["apex"] != samples.arrays["onset"]).any(axis=(1, 2, 3)).all()
    shown = samples.index["shown"] == samples.index["label"]
    assert shown.all() == (kind != "shuffled")
    asked, labels = (sorted(samples.index["dataset"] + samples.index[name]) for name in ("shown", "label"))
    assert asked == labels  # shuffled asks for the same vectors, under other labels


@pytest.mark.parametrize("how", ["flipped", "truncated", "removed"])
def test_every_damage_of_a_generated_folder_is_named(made, tmp_path, how):
    fold, _, folder = made
    copy = shutil.copytree(folder, tmp_path / folder.name)
    files = sorted(path for path in copy.rglob("*") if path.is_file() and path.name != "done")
    assert len(files) > 15
    for path in files:
        content = path.read_bytes()
        spoil(path, how)
        name = path.relative_to(copy).as_posix()
        (problem,) = check_done(copy, hashes=True)
        assert name in problem
        if how != "flipped":  # sizes agree: only the hash differs
            with pytest.raises(DamagedError, match="--remake-damaged"):
                trained_generator(replace(fold, settings=replace(fold.settings, out=str(tmp_path))))
        path.write_bytes(content)
    assert check_done(copy, hashes=True) == []


def test_subjects_take_turns(made):
    fold, _, _ = made
    for dataset, part in asked_faces(fold, "balance").groupby("dataset"):
        people = fold.index.loc[fold.index["dataset"] == dataset, "subject"].nunique()
        assert part["subject"].iloc[:people].nunique() == min(people, len(part))


def test_the_aus_asked_for_are_the_centroids_with_their_variation(made):
    fold, _, _ = made
    still = replace(fold, settings=replace(fold.settings, variation=0.0, magnify=2.0))
    asked = asked_faces(still, "even")
    assert np.allclose(asked[list(NAMES)], 2 * fold.clusters.centroids.loc[asked["label"]])
    varied = asked_faces(fold, "even")[list(NAMES)] / (asked[list(NAMES)] / 2).where(asked[list(NAMES)] != 0)
    assert varied.std(axis=None) == pytest.approx(fold.settings.variation, rel=0.3)


def test_a_run_takes_the_generated_samples_into_training_alone(made):
    fold, _, folder = made
    from melib.learning.fit import split_samples

    for kind in KINDS:
        settings = run(fold, folder, augment=kind, inputs="apex")
        data = load_data(settings)
        split = split_samples(data.samples.index, settings)
        made_up = data.samples.index["synthetic"].to_numpy(dtype=bool)
        assert made_up.sum() == fold.plan(kind).to_numpy().sum() > 0
        assert set(split[made_up]) <= {"train", "unused"}
        assert "train" in set(split[made_up])
        assert data.fingerprint == f"{fold.data.fingerprint}+{folder.name}"
    flows = load_data(run(fold, folder, augment="balance")).samples.arrays["flow"]
    assert len(flows) == len(data.samples)


def test_a_generated_folder_for_something_else_is_refused(made, tmp_path):
    fold, _, folder = made
    for change in ({"held_out": "SMIC"}, {"sources": "SMIC,CASME"}, {"image_size": 48}):
        with pytest.raises(SamplesError, match=r"for others: \['SAMM__tiny.*papermill notebooks/03_gan.*-p held_out"):
            load_data(run(fold, folder, augment="even", **change))
    with pytest.raises(SamplesError, match=r"holds none\. Make it"):
        load_data(run(fold, folder, augment="even", generated=str(tmp_path)))
    shutil.copytree(folder, tmp_path / "g" / "one")
    shutil.copytree(folder, tmp_path / "g" / "two")
    with pytest.raises(SamplesError, match=r"2 generated folders fit.*'one', 'two'"):
        load_data(run(fold, folder, augment="even", generated=str(tmp_path / "g")))
    load_data(run(fold, folder, augment="even", generated=str(tmp_path / "g" / "one")))
    (tmp_path / "g" / "one" / "done").unlink()
    load_data(run(fold, folder, augment="even", generated=str(tmp_path / "g")))


def test_a_folder_that_is_there_is_left_alone(made):
    fold, trained, folder = made
    before = (folder / "gan.json").stat().st_mtime_ns
    assert save_generated(fold, trained) == folder
    assert is_done(folder)
    assert (folder / "gan.json").stat().st_mtime_ns == before


def test_the_held_out_dataset_changes_nothing(made, tmp_path, monkeypatch):
    """Pixels, labels and AUs of the held-out dataset scrambled: the same weights and the same samples, bit for bit."""
    import cv2

    fold, trained, folder = made
    monkeypatch.setattr("melib.prepare.data.resolve", lambda path: tmp_path / path)
    root = shutil.copytree(fold.settings.corpus, tmp_path / "corpus")
    rng = np.random.default_rng(0)
    for path in (root / "openface" / "SAMM").rglob("*.csv"):
        table = pd.read_csv(path)
        intensities = [name for name in table if name.strip().endswith("_r")]
        table[intensities] = rng.uniform(0, 5, (len(table), len(intensities)))
        table.to_csv(path, index=False)
    for path in (root / "SAMM").rglob("*.jpg"):
        image = cv2.imread(str(path))
        cv2.imwrite(str(path), np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8))

    def scrambled(*args, **more):
        data = open_corpus(*args, **more)
        held_out = data.samples.index["dataset"] == "SAMM"
        labels = data.samples.index.loc[held_out, "label"].to_numpy()
        data.samples.index.loc[held_out, "label"] = rng.permutation(labels)
        return data

    monkeypatch.setattr("melib.gan.fold.open_corpus", scrambled)
    other = open_fold(replace(fold.settings, corpus=str(root), out=str(tmp_path / "generated")))
    assert other.data.fingerprint != fold.data.fingerprint
    assert not other.index["label"].equals(fold.index["label"])
    assert other.clusters.centroids.equals(fold.clusters.centroids)
    again = train(other.frames(), other.settings)
    for name, weights in trained.generator.state_dict().items():
        assert torch.equal(weights, again.generator.state_dict()[name])
    for kind in KINDS:
        one, two = Samples.load(folder / "samples" / kind), top_up_samples(other, again, kind)
        for name, array in one.arrays.items():
            assert (array == two.arrays[name]).all()


def test_no_aus_no_generator(made, tmp_path):
    fold, _, _ = made
    with pytest.raises(AUError, match="no folder"):
        open_fold(replace(fold.settings, au_folder=str(tmp_path / "nothing")))
    samples = fold.data.samples.select(np.arange(len(fold.data.samples)) < 5).save(tmp_path / "samples")
    with pytest.raises(SamplesError, match="folder of samples: a generator needs AUs"):
        open_fold(replace(fold.settings, corpus=str(samples)))
    lacking = fold.onset[fold.onset.index.str.startswith("SMIC")]
    with pytest.raises(AUError, match="No clip of CASME has AUs"):
        replace(fold, onset=lacking).frames()
    some = shutil.copytree(Path(fold.settings.corpus) / "openface" / "SMIC", tmp_path / "openface" / "SMIC")
    with pytest.raises(AUError, match="No clip of CASME has AUs at onset and apex"):
        open_fold(replace(fold.settings, au_folder=str(some.parent)))


def test_a_fold_takes_the_coders_own_aus(made):
    fold, _, _ = made
    sources = tuple(name for name in fold.sources if name != "SMIC")  # which has no codes
    coded = open_fold(replace(fold.settings, au_folder="codes", sources=sources))
    assert set(np.unique(coded.apex)) == {0.0, 5.0} and (coded.onset == 0).all(axis=None)
    with pytest.raises(AUError, match="No clip of SMIC has AUs"):
        open_fold(replace(fold.settings, au_folder="codes"))


def test_a_generator_that_saw_the_held_out_dataset_is_no_start(made, tmp_path, caplog):
    fold, _, folder = made
    start = replace(fold, settings=replace(fold.settings, start=str(folder / "generator.safetensors")))
    assert seen(start) == sorted(fold.sources)
    other = replace(start, settings=replace(start.settings, held_out="SMIC"))
    with pytest.raises(GanError, match=r"start = .* was trained on .*, but SMIC is held out here"):
        trained_generator(other)
    alone = shutil.copy(start.settings.start, tmp_path / "mine.safetensors")
    assert "unknown" in seen(replace(other, settings=replace(other.settings, start=str(alone))))
    assert "does not say what it was trained on" in caplog.text


def test_flow_of_a_generated_pair_is_that_of_prepare(made):
    """A face shifted by a whole pixel flows by a pixel."""
    fold, _, _ = made
    face = fold.data.samples.arrays["onset"][:2]
    flow = pair_flow(face, np.roll(face, 1, axis=2), PrepareSettings())
    assert flow.shape == (2, 2, 32, 32)
    assert np.abs(np.median(flow[:, 0, 8:-8, 8:-8]) - 1) < 0.25
    assert np.abs(np.median(flow[:, 1, 8:-8, 8:-8])) < 0.1


def test_a_finished_folder_gives_its_generator_back(made):
    fold, trained, folder = made
    again = trained_generator(fold)
    face, aus = fold.data.samples.arrays["onset"][:2], np.ones((2, 17))
    want = generate(trained.generator, face, aus, fold.settings)
    assert (generate(again.generator, face, aus, fold.settings) == want).all()
    assert again.history.equals(trained.history)
    assert all((again.grids[step] == grid).all() for step, grid in trained.grids.items())
    with Image.open(folder / "surprise.gif") as picture:
        assert picture.n_frames == 25
    with pytest.raises(GanError, match="made with other AU files"):
        trained_generator(replace(fold, apex=fold.apex + 1))


def test_table_3_of_the_papers_counts():
    rows = [(d, c) for d, counts in TABLE1.items() for c, n in zip(CLASSES, counts, strict=True) for _ in range(n)]
    index = pd.DataFrame(rows, columns=["dataset", "label"])
    table = composites(plan_table(index)).set_index(["scheme", "held_out"])
    assert (table["all"] == 936).all()
    assert len(table) == 10
    added = top_up(index, "even")
    for name in TABLE1:
        others = [other for other in TABLE1 if other != name]
        for k, label in enumerate(CLASSES):
            want = sum(TABLE1[other][k] + added.loc[other, label] for other in others)
            assert table.loc[("even", name), label] == want


def test_a_sequence_leaves_the_neutral_face_and_comes_back(made, tmp_path):
    fold, trained, _ = made
    row = int(np.flatnonzero(fold.index["clip_id"].isin(fold.onset.index))[0])
    face = fold.data.samples.arrays["onset"][row]
    clip = sequence(fold, trained, row, 3 * fold.clusters.centroids.loc["surprise"].to_numpy(), frames=9)
    assert clip.shape == (9, *face.shape)
    away = np.abs(clip.astype(int) - clip[0]).mean(axis=(1, 2, 3))
    assert away.argmax() == 4
    assert (clip[0] == clip[-1]).all()
    with Image.open(save_gif(clip, tmp_path / "clip.gif")) as picture:
        assert picture.n_frames == 9
