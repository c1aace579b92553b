import pandas as pd
import pytest

from melib.learning.fit import fit
from melib.learning.record import read_run, save_run
from melib.prepare.data import Data
from melib.study.results import collect, results_table, seed_counts, side_by_side, to_markdown, varied
from tests.conftest import settings, toy


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    data = Data(toy(), "f00d", synthetic=True, skipped=pd.DataFrame())
    runs = [
        settings(out=str(out), held_out=held_out, lam=lam, seed=seed, network="mlp", hidden=8)
        for held_out in ("SAMM", "SMIC")
        for lam in (0, 0.5)
        for seed in (0, 1)
    ]
    return [save_run(fit(data.samples, run), run, data) for run in runs]


def test_one_row_a_run_and_rule(folders):
    rows = collect(folders)
    assert len(rows) == 8 * 4
    assert varied(rows) == ["seed", "lam"]
    history = read_run(folders[0]).history
    row = rows.query("run == @folders[0].name and selection == 'last'").iloc[0]
    assert [row.acc, row.uar, row.uf1] == history[["held_out_acc", "held_out_uar", "held_out_uf1"]].iloc[-1].tolist()


def test_settings_stand_side_by_side_with_intervals(folders):
    table = (
        side_by_side(folders)
        .query("selection == 'last' and metric == 'uar' and seeds == 2")
        .set_index(["row", "column"])
    )
    means = collect(folders).query("selection == 'last' and held_out == 'SAMM'").groupby("lam")["uar"].mean()
    assert sorted(table.xs("SAMM", level="column")["value"]) == pytest.approx(sorted(100 * means))
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert table["corpus"].unique().tolist() == ["f00d"]


def test_the_table_averages_seeds_and_then_datasets(folders):
    rows = collect(folders)
    table = results_table(rows, "uar")
    assert list(table.columns) == ["SMIC", "SAMM", "mean"]
    assert list(table.index)[:2] == [("0", "last"), ("0.5", "last")]
    samm = 100 * rows.query("held_out == 'SAMM' and lam == 0.5 and selection == 'last'")["uar"].mean()
    smic = 100 * rows.query("held_out == 'SMIC' and lam == 0.5 and selection == 'last'")["uar"].mean()
    assert table.loc[("0.5", "last")].tolist() == pytest.approx([smic, samm, (smic + samm) / 2])


def test_a_missing_cell_stays_missing_and_takes_the_mean_with_it(folders):
    table = results_table(collect(folders[:6]), "acc")
    assert table.loc[("0.5", "last")].isna().tolist() == [True, False, True]


def test_markdown_names_rules_and_what_is_synthetic(folders):
    text = to_markdown(collect(folders), "Results")
    assert "synthetic demo corpus" in text
    assert "| lam | selection | SMIC | SAMM | mean |" in text
    assert "optimistic, and no results" in text
    assert text.count("oracle_per_metric") == 3 * 2 + 1


def test_cells_of_fewer_seeds_are_marked(folders):
    unequal = [folder for folder in folders if not ("SMIC__" in folder.name and "lam0.0" in folder.name)]
    unequal = [folder for folder in unequal if not ("SAMM__" in folder.name and "__s1__" in folder.name)]
    rows = collect(unequal)
    counts = seed_counts(rows)
    assert counts.loc[("0.5", "last")].tolist() == [2, 1, 1] and counts.loc[("0", "last")].tolist() == [0, 1, 0]
    text = to_markdown(rows, "Results")
    assert "of fewer seeds than the 2 of other cells" in text
    line = next(line for line in text.splitlines() if line.startswith("| 0.5 | last |"))
    smic, samm, mean = line.split("|")[3:6]
    assert "*" not in smic and samm.strip().endswith("\\*") and mean.strip().endswith("\\*")
    assert "fewer seeds" not in to_markdown(collect(folders), "Results")


def test_nothing_to_collect():
    with pytest.raises(ValueError, match="No finished run"):
        collect([])
