import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from melib.corpus.index import CLASSES
from melib.learning.record import read_run
from melib.learning.selection import select
from melib.study.answers import answers, compared, counts, course, flipped, folders_in, rules_of, run_table
from tests.conftest import spoil
from tests.explore.conftest import toy_runs  # noqa: F401


@pytest.fixture
def run(toy_runs):  # noqa: F811
    return read_run(toy_runs.folders[0])


@pytest.mark.parametrize("rule", ["last", "source_val", "oracle_per_metric"])
def test_counts_of_the_answers_give_the_uar_of_the_selection(run, rule):
    table = answers(run, rule)
    matrix = counts(table)
    uar = np.mean([matrix[k, k] / matrix[k].sum() for k in range(3)])
    selected = select(run.history, run.predictions, run.settings.first_selected).set_index("selection")
    assert uar == pytest.approx(selected.loc[rule, "uar"])
    assert table["sure"].is_monotonic_decreasing


def test_probabilities_are_the_softmax_of_the_logits(run):
    clip_id = run.predictions.query("split == 'held_out'")["clip_id"].iloc[0]
    rows = run.predictions.query("split == 'held_out' and clip_id == @clip_id").sort_values("epoch")
    table = course(run, clip_id)
    assert list(table.index) == list(rows["epoch"])
    np.testing.assert_allclose(table, softmax(rows[list(CLASSES)].to_numpy(float), axis=1))


def test_flipped_clips_are_mended_spoilt_or_wrong_both_times():
    first = pd.DataFrame({"clip_id": list("abcd"), "subject": "s", "true": "positive",
                          "predicted": ["positive", "negative", "negative", "positive"]})  # fmt: skip
    second = first.assign(predicted=["negative", "positive", "surprise", "positive"])
    table = flipped(first, second)
    assert dict(zip(table["clip_id"], table["change"], strict=True)) == {
        "b": "mended", "a": "spoilt", "c": "both wrong"}  # fmt: skip
    assert list(table["clip_id"]) == ["b", "a", "c"]


def test_a_paired_test_of_a_run_with_itself_finds_nothing_and_needs_the_same_clips(toy_runs):  # noqa: F811
    brl, _, other = (answers(read_run(folder), "last") for folder in toy_runs.folders)
    rows = compared(brl, brl)
    assert (rows["difference"] == 0).all()
    assert (rows["p"] == 1).all()
    with pytest.raises(ValueError, match="30 and 30 clips, 0 of them the same"):
        compared(brl, other)


def test_a_rule_without_validation_subjects_is_refused(run):
    lone = pd.DataFrame(run.history.assign(source_val_uar=np.nan))
    without = type(run)(run.folder, run.settings, run.facts, lone)
    assert "source_val" not in rules_of(without)
    with pytest.raises(ValueError, match="kept no subjects for 'source_val'"):
        answers(without, "source_val")


def test_the_table_of_runs_leaves_out_what_is_unfinished_or_damaged(toy_runs, tmp_path, caplog):  # noqa: F811
    import shutil

    for folder in toy_runs.folders:
        shutil.copytree(folder, tmp_path / folder.name)
    names = [folder.name for folder in toy_runs.folders]
    spoil(tmp_path / names[0] / "predictions.parquet", "truncated")
    (tmp_path / names[1] / "done").unlink()
    (tmp_path / "notes.txt").touch()
    assert len(folders_in(tmp_path)) == 2
    table = run_table(folders_in(tmp_path))
    assert [folder.name for folder in table["folder"]] == [names[2]]
    assert table["method"].to_list() == ["erm"]
    assert names[0] in caplog.text
    assert folders_in(tmp_path / "nowhere") == []
