import shutil
from dataclasses import asdict

import pytest

from melib.corpus.index import CorpusError
from melib.learning.data import load_data, open_samples
from melib.learning.settings import RunSettings
from melib.prepare.data import find_corpus, name_corpus, prepare_settings
from melib.prepare.settings import PrepareSettings
from melib.settings import SettingsError
from tests.conftest import settings, toy
from tests.corpus import own


def run(corpus, **changes):
    return RunSettings.from_parameters({"corpus": str(corpus), "profile": "tiny", "held_out": "SAMM", **changes})


def test_a_folder_of_samples_is_opened_as_it_is(tmp_path):
    first, second = toy().save(tmp_path / "a"), toy().save(tmp_path / "b")
    data = load_data(run(first))
    assert data.samples.index.equals(toy().index)
    assert (data.synthetic, len(data.skipped)) == (False, 0)
    assert data.fingerprint == name_corpus(str(first)) == name_corpus(str(second))  # content names it, not its path
    assert name_corpus(str(toy(seed=1).save(tmp_path / "c"))) != data.fingerprint


def test_a_data_root_is_prepared_once_and_tells_what_it_left_out(tmp_path, tiny_root, monkeypatch):
    root = shutil.copytree(tiny_root, tmp_path / "copy")
    broken = next((root / "MMEW" / "Micro_Expression" / "happiness").iterdir())
    for path in broken.iterdir():
        path.write_bytes(b"no image")
    monkeypatch.setattr("melib.prepare.data.resolve", lambda path: tmp_path / path)
    steps = []
    data = load_data(run(root), lambda name, done, total: steps.append((name, done, total)))
    assert data.synthetic
    assert list(data.skipped["clip_id"]) == [f"MMEW/{broken.name[:3]}/{broken.name}"]
    assert broken.name in data.skipped["reason"][0]
    assert not data.samples.index["clip_id"].isin(data.skipped["clip_id"]).any()
    assert steps[-1] == ("clips prepared", steps[-1][2], steps[-1][2])

    again: list = []
    second = load_data(run(root), lambda *step: again.append(step))
    assert second.fingerprint == data.fingerprint == name_corpus(str(root))
    assert not again


def test_every_setting_of_preparation_is_reached(tmp_path):
    """Each field of PrepareSettings follows a setting of the run, file paths made absolute."""
    given = dict(image_size=48, flow_method="dis", apex_rule="dcrois", remove_head_motion=True, face_detector="haar")
    files = {name: str(tmp_path / name) for name in ("boxes", "flow_weights")}
    assert asdict(prepare_settings(run("tiny", **given, **files))) == {**given, **files, "device": "cpu"}
    assert prepare_settings(run("tiny")) == PrepareSettings(run("tiny").image_size)


def test_a_data_root_that_is_not_there():
    with pytest.raises(CorpusError, match="nowhere"):
        load_data(run("/nowhere/at/all"))


def test_demo_corpora_go_by_name(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("melib.home.home", lambda: tmp_path)

    def write(root, size, seed, progress, shift):
        asked.append((root, size, seed, shift))
        return root

    monkeypatch.setattr("melib.prepare.data.write_demo", write)
    assert find_corpus("tiny") == tmp_path / "data" / "tiny"
    assert find_corpus("mine") == tmp_path / "mine"
    assert find_corpus("demo-seed2-shift-SAMM") == tmp_path / "data" / "demo-seed2-shift-SAMM"
    assert asked == [
        (tmp_path / "data" / "tiny", "tiny", 0, ""),
        (tmp_path / "data" / "demo-seed2-shift-SAMM", "demo", 2, "SAMM"),
    ]


def test_datasets_that_a_run_names_must_be_there(tmp_path):
    folder = toy().save(tmp_path / "samples")
    run = settings(corpus=str(folder), datasets="samm,SMIC", image_size=16)
    assert set(open_samples(run).samples.index["dataset"]) == {"SAMM", "SMIC"}
    with pytest.raises(CorpusError, match=r"\['MMEW'\] are not in .*\['SMIC', 'CASME', 'SAMM'\]"):
        open_samples(settings(corpus=str(folder), datasets="SAMM,MMEW", image_size=16))
    with pytest.raises(SettingsError, match="SAMM is held out but is not among `datasets`"):
        settings(datasets="SMIC,CASME")
    with pytest.raises(SettingsError, match=r"Sources \['CASME'\] are not among"):
        settings(datasets="SMIC,SAMM", sources="CASME")


def test_a_broken_dataset_is_left_out_loudly_unless_it_is_named(tmp_path, tiny_root, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = shutil.copytree(tiny_root, tmp_path / "root")
    own.of_frames(root)
    (sheet,) = (root / "MMEW").rglob("*.xlsx")
    sheet.write_bytes(b"no sheet")
    run = settings(corpus=str(root), inputs="flow", image_size=32)
    data = open_samples(run)
    assert set(data.samples.index["dataset"]) == {"SMIC", "CASME", "CASME2", "SAMM", "pilot"}
    assert "MMEW IS LEFT OUT" in caplog.text and "cannot be read as a sheet" in caplog.text
    named = open_samples(settings(corpus=str(root), inputs="flow", image_size=32, datasets="SAMM,pilot,SMIC"))
    assert set(named.samples.index["dataset"]) == {"SMIC", "SAMM", "pilot"} and named.fingerprint != data.fingerprint
    with pytest.raises(CorpusError, match=r"(?s)cannot be used yet.*MMEW.*cannot be read as a sheet"):
        open_samples(settings(corpus=str(root), inputs="flow", image_size=32, datasets="SAMM,SMIC,MMEW"))
