import logging
import shutil
import time

import pandas as pd
import pytest

from melib.corpus.index import COLUMNS, DATASETS, CorpusError
from melib.corpus.layouts import dataset_of
from melib.corpus.scan import fingerprint, read_index, scan
from tests.corpus import copies


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return copies.all_five(tmp_path_factory.mktemp("five"))


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("SMIC", "SMIC"), ("SMIC_all_raw", "SMIC"), ("SMIC-E_raw image", "SMIC"),
        ("CASME", "CASME"), ("casme_raw_selected", "CASME"), ("CASME-coded-20190721.xls", "CASME"),
        ("CASME2", "CASME2"), ("CASME II", "CASME2"), ("CASMEII", "CASME2"), ("CASME_II", "CASME2"),
        ("CASME (II)", "CASME2"), ("casme Ⅱ", "CASME2"), ("CAS(ME)^2", None), ("CASME^2", None),
        ("CASME2_RAW_selected", "CASME2"), ("CASME2-coding-20140508.xlsx", "CASME2"),
        ("SAMM", "SAMM"), ("SAMM_CROP", "SAMM"), ("MMEW_Final", "MMEW"),
        ("CAS(ME)2", None), ("CASME3", None), ("CASMEIII", None), ("SAMM_longvideos", None), ("SAMM LV", None),
    ],
)  # fmt: skip
def test_folders_are_known_by_their_names(name, dataset):
    assert dataset_of(name) == dataset


def test_a_root_with_all_five(root):
    result = scan(root)
    assert result.root == root
    assert list(result.editions) == list(DATASETS)
    assert list(result.index.columns) == list(COLUMNS)
    assert result.index["dataset"].value_counts().to_dict() == dict(SMIC=3, CASME=4, CASME2=5, SAMM=4, MMEW=3)
    assert not [str(finding) for finding in result.findings if finding.level == "error"]
    pd.testing.assert_frame_equal(read_index(root), result.index)
    assert all((root / folder).is_dir() for folder in result.index["folder"])


def test_only_what_was_asked_for_is_read(root):
    index = read_index(root, ["SAMM", "SMIC"])
    assert index["dataset"].unique().tolist() == ["SMIC", "SAMM"]
    assert set(read_index(root, ["casme (Ⅱ)"])["dataset"]) == {"CASME2"}
    with pytest.raises(CorpusError, match=r"(?s)SMMA: .*Did you mean 'SAMM'\? Expected:"):
        read_index(root, ["SMMA"])
    with pytest.raises(CorpusError, match="Unknown mapping 'table2'"):
        read_index(root, mapping="table2")


def test_the_other_mapping_and_its_counts(root):
    result = scan(root, mapping="megc2019")
    index = result.index.set_index("clip")
    assert index.loc["028_4_1", "label"] == "negative"
    assert index.loc[index["dataset"] == "MMEW", "label"].isna().all()
    assert not any("Table 1" in finding.message for finding in result.findings)


def test_sheets_and_releases_may_lie_loose_in_the_root(root, tmp_path):
    shutil.copytree(root / "CASME2", tmp_path, dirs_exist_ok=True)
    index = read_index(tmp_path)
    assert index["folder"].iloc[0] == "CASME2_RAW_selected/sub01/EP02_01f"


def test_read_index_logs_warnings_and_raises_errors_with_remedies(root, tmp_path, caplog):
    shutil.copytree(root / "CASME2", tmp_path / "CASME2")
    with caplog.at_level(logging.WARNING):
        read_index(tmp_path)
    assert "instead of Table 1's 32/72/25" in caplog.text
    with pytest.raises(CorpusError, match=r"(?s)SAMM: Not there.*Expected:\n   SAMM/006.*MMEW: Not there"):
        read_index(tmp_path, ["CASME2", "SAMM", "MMEW"])


def test_the_fingerprint_names_the_content_and_not_the_place(root, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(root, moved)
    index = read_index(root)
    name = fingerprint(root, index)
    assert len(name) == 32 and int(name, 16)
    assert fingerprint(moved, read_index(moved)) == name
    dropped = next((moved / "SAMM/032/032_3_1").iterdir())  # without label: not trained on
    dropped.write_bytes(copies.JPG)
    assert fingerprint(moved, index) == name
    frame = moved / "SAMM/006/006_1_2/006_0563.jpg"
    frame.write_bytes(copies.JPG)
    changed = fingerprint(moved, index)
    assert changed != name
    frame.write_bytes(copies.GREY)
    assert fingerprint(moved, index) == name
    frame.rename(frame.with_name("006_00563.jpg"))
    assert fingerprint(moved, index) != name
    assert fingerprint(root, index.assign(label=index["label"].replace("positive", "negative"))) != name
    assert fingerprint(root, index.iloc[:-1]) != name


def test_a_thousand_clips_are_read_in_five_seconds(tmp_path):
    rows = [(f"{n % 26 + 1:02d}", f"EP{n // 26:02d}_{n % 26:02d}", 1, 4, 10, "4", "disgust") for n in range(1000)]
    copies.casme2(tmp_path, rows)
    for subject, clip, *_ in rows:
        copies.frames(
            tmp_path / f"CASME2/CASME2_RAW_selected/sub{subject}/{clip}", [f"img{n}.jpg" for n in range(1, 11)]
        )
    start = time.perf_counter()
    index = scan(tmp_path).index
    assert len(index) == 1000
    assert time.perf_counter() - start < 5
