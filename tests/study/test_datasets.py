"""Seven datasets, two of them of one's own: doctor, Table 1, a run on all of them; and the same with one broken."""

import shutil

import pytest

from melib.corpus.doctor import check_frames, exit_code, report
from melib.corpus.index import DATASETS
from melib.corpus.scan import read_index, scan
from melib.learning.data import open_samples
from melib.learning.fit import fit
from melib.learning.protocols import LeaveOneDatasetOut
from melib.prepare.describe import clip_facts, readable, table1, typical, unlike_paper
from melib.prepare.topup import top_up
from tests.conftest import settings
from tests.corpus import own

SEVEN = [*DATASETS, "CAS(ME)^2", "pilot"]


@pytest.fixture(scope="module")
def root(tiny_root, tmp_path_factory):
    root = shutil.copytree(tiny_root, tmp_path_factory.mktemp("seven") / "root")
    own.of_frames(root)
    own.of_videos(root)
    return root


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_doctor_table_and_run_over_seven_datasets(root):
    result = check_frames(scan(root))
    assert exit_code(result) == 0, report(result)
    assert list(result.editions) == SEVEN
    run = settings(corpus=str(root), inputs="flow", image_size=32, epochs=2, brl_start=1, held_out="CAS(ME)^2")
    samples = open_samples(run).samples
    facts = clip_facts(samples)
    table = table1(result.index, facts)
    assert list(table["dataset"]) == SEVEN and not table["skipped"].any()
    assert unlike_paper(table) == list(DATASETS)  # tiny: fewer clips than the paper's
    shown = readable(table)
    assert shown["CASME II"]["positive (paper)"].endswith("(32)") and shown["pilot"]["positive (paper)"] == "3"
    assert [name.split("/")[0] for name in typical(facts, "positive")] == SEVEN
    assert LeaveOneDatasetOut().folds(samples.index) == SEVEN
    assert list(top_up(samples.index).index) == SEVEN
    fitted = fit(samples, run)
    held_out = fitted.predictions[fitted.predictions["split"] == "held_out"]
    assert held_out["clip_id"].str.startswith("CAS(ME)^2/").all() and held_out["clip_id"].nunique() == 9


@pytest.mark.parametrize("broken", ["SAMM", "pilot", "CAS(ME)^2"])
def test_one_broken_dataset_leaves_the_others(root, tmp_path, broken, caplog):
    copy = shutil.copytree(root, tmp_path / "copy")
    for path in (copy / broken).rglob("*"):
        if path.suffix in (".xlsx", ".csv"):
            path.write_bytes(b"")
    assert exit_code(scan(copy)) == 1
    assert list(read_index(copy)["dataset"].unique()) == [name for name in SEVEN if name != broken]
    assert f"{broken} IS LEFT OUT" in caplog.text
