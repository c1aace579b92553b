"""Peers' tables on runs of toy samples: against sums of their own, with printed figures and oracles set apart."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from melib.corpus.index import CLASSES, DATASETS
from melib.learning.data import load_data
from melib.learning.fit import fit
from melib.learning.record import read_run, save_run
from melib.learning.registry import NETWORKS
from melib.prepare.arrays import ARRAYS
from melib.prepare.data import Data
from melib.study import peers, peers_report
from melib.study.outcomes import read_outcomes
from melib.study.plan import read_grid
from melib.study.rows import INPUTS, row_of
from melib.study.table9 import published
from melib.study.tuning import tunes
from tests.conftest import settings, toy

NAMES = ("SMIC", "CASME2", "SAMM")
SKIPPED = pd.DataFrame(columns=["clip_id", "dataset", "reason"])
HOLDOUT = (
    *({"method": method, "network": "cnn", "seed": seed} for method in ("erm", "brl") for seed in range(3)),
    *({"method": "erm", "network": "ststnet", "seed": seed} for seed in range(3)),
    {"method": "logreg", "C": 0.01},
    {"method": "dr", "C": 1.0},
)


def train(folder, **change):
    samples = toy(NAMES, subjects=3, clips=3, seed=1)
    data = Data(samples, "f" * 12, False, SKIPPED)
    run = settings(**{"epochs": 3, "brl_start": 2, "val_share": 0, "out": str(folder), **change})
    return save_run(fit(samples, run), run, data)


@pytest.fixture(scope="module")
def holdout_folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("holdout")
    return [train(folder, held_out=name, **change) for change in HOLDOUT for name in NAMES]


@pytest.fixture(scope="module")
def holdout(holdout_folders):
    return peers.measure(read_outcomes(holdout_folders, alike=False), "holdout")


@pytest.fixture(scope="module")
def composite_folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("composite")
    common = {"protocol": "cde2019", "held_out": "all", "method": "erm"}
    return [train(folder, network=network, **common) for network in ("ststnet", "cnn")]


@pytest.fixture(scope="module")
def composite(composite_folders):
    return peers.measure(read_outcomes(composite_folders, alike=False), "composite")


def cell(rows, row, column, metric, selection="last"):
    wanted = (rows["row"] == row) & (rows["column"] == column) & (rows["metric"] == metric)
    return rows[wanted & (rows["selection"] == selection)].iloc[0]


@pytest.mark.parametrize("column", ["pooled", *NAMES])
def test_pooled_uf1_and_uar_equal_scikit_learns_on_the_predictions_file(composite, composite_folders, column):
    """Last epoch of every fold, and the epoch of best accuracy on each subject itself."""
    table = pd.read_parquet(composite_folders[0] / "predictions.parquet").query("split == 'held_out'")
    table["hit"] = table["label"].to_numpy() == np.array(CLASSES)[table[list(CLASSES)].to_numpy().argmax(1)]
    later = table[table["epoch"] >= 2]
    by_epoch = later.groupby(["fold", "epoch"])["hit"].mean().unstack()
    best = by_epoch.idxmax(axis=1)
    for selection, epochs in (("last", table["epoch"].max()), ("oracle", table["fold"].map(best))):
        chosen = table[table["epoch"] == epochs]
        assert len(chosen) == 27
        chosen = chosen if column == "pooled" else chosen[chosen["dataset"] == column]
        predicted = np.array(CLASSES)[chosen[list(CLASSES)].to_numpy().argmax(1)]
        kwargs = dict(labels=list(CLASSES), average="macro", zero_division=0)
        for metric, score in (("uf1", f1_score), ("uar", recall_score)):
            value = cell(composite, "STSTNet", column, metric, selection)["value"]
            assert value == pytest.approx(100 * score(chosen["label"], predicted, **kwargs))


def test_printed_figures_stand_beside_their_method_and_are_called_that(composite):
    lines = peers_report.results(composite, "uf1").set_index("method")
    assert lines.loc["STSTNet", "printed"] == "73.5 (last)"
    assert lines.loc["CNN", "printed"] == ""
    figures = peers_report.printed_figures(composite)
    assert set(figures.query("method == 'STSTNet'")["re-run here"]) == {"yes"}
    assert set(figures.query("method == 'CausalNet'")["re-run here"]) == {"no"}
    assert figures.query("method == 'HTNet' and metric == 'UF1'")["pooled"].tolist() == ["86.0"]
    assert not composite.loc[composite["kind"] == "printed", "parameters"].notna().any()


def test_the_price_of_choosing_on_the_test_set_is_what_it_adds(composite):
    lines = peers_report.oracles(composite, "uf1").set_index("method")
    honest, chosen = (cell(composite, "STSTNet", "pooled", "uf1", rule)["value"] for rule in ("last", "oracle"))
    assert float(lines.loc["STSTNet", "price"]) == pytest.approx(chosen - honest, abs=0.06)
    assert "price" not in peers_report.results(composite, "uf1").columns


def test_transductive_rows_and_floors_are_tables_of_their_own(holdout):
    by_kind = {kind: list(peers_report.results(holdout, "uar", kind)["method"]) for kind in peers_report.KINDS}
    assert by_kind == {
        "result": ["CNN", "CNN, BRL", "STSTNet", "logistic regression, C 0.01"],
        "transductive": ["DR (linear kernel), C 1.0"],
        "floor": ["always negative", "guessing by class shares"],
    }
    assert "logistic regression, C 0.01" not in list(peers_report.oracles(holdout, "uar")["method"])  # it has no epochs


def test_the_gain_of_the_papers_method_over_a_peer(holdout):
    for row in ("STSTNet", "logistic regression, C 0.01"):
        line = cell(holdout, row, "mean", "uar")
        ours = cell(holdout, "CNN, BRL", "mean", "uar")
        assert line["gain"] == pytest.approx(ours["value"] - line["value"])
        assert line["gain_low"] <= line["gain"] <= line["gain_high"]
        sure = line["p"] <= 0.05
        expected = "holds" if line["gain_low"] > 0 and sure else "does not" if line["gain_high"] < 0 and sure else None
        assert line["verdict"] == (expected or "undecided")
    assert np.isnan(cell(holdout, "CNN, BRL", "mean", "uar")["gain"])


def test_a_verdict_takes_three_seeds_of_networks(tmp_path):
    changes = [change for change in HOLDOUT if change.get("seed", 0) == 0 and change["method"] != "dr"]
    folders = [train(tmp_path, held_out=name, **change) for change in changes for name in NAMES]
    rows = peers.measure(read_outcomes(folders, alike=False), "holdout")
    assert set(rows["verdict"].dropna()) == {"undecided"}


def test_estimators_alone_have_no_oracle(tmp_path):
    folders = [train(tmp_path, held_out=name, method="logreg", C=0.01) for name in NAMES]
    rows = peers.measure(read_outcomes(folders, alike=False), "features")
    assert peers_report.oracles(rows, "uar").empty
    text = "\n".join(peers_report.section(rows, "features"))
    assert "Chosen on the test set" not in text and "(d) Best of 1 by UAR: logistic regression, C 0.01" in text


def test_the_sources_choose_the_setting_of_a_transductive_method(tmp_path):
    folders = []
    for held_out, lam in product(NAMES, (0.1, 10.0)):
        given = {"held_out": held_out, "method": "dr", "C": 1.0, "lam": lam}
        folders.append(train(tmp_path, **given))
        folders += [train(tmp_path, **given, sources=[name]) for name in NAMES if name != held_out]
    rows = peers.measure(read_outcomes(folders, alike=False), "holdout")
    (tuned,) = [name for name in rows["row"].unique() if "tuned on the sources over 2 settings" in name]
    settings = [name for name in rows.loc[rows["kind"] == "transductive", "row"].unique() if name != tuned]
    assert len(settings) == 2
    assert rows[rows["row"] == tuned]["drawn"].all() and not rows[rows["row"].isin(settings)]["drawn"].any()
    for held_out in NAMES:
        each = [cell(rows, name, held_out, "acc")["value"] for name in settings]
        assert cell(rows, tuned, held_out, "acc")["value"] in each
        assert cell(rows, tuned, held_out, "acc", "oracle")["value"] == max(each)
    assert list(peers_report.oracles(rows, "uar")["method"]) == [tuned]


def test_what_runs_cost(holdout, tmp_path):
    line = peers_report.results(holdout, "uar").set_index("method").loc["STSTNet"]
    folder = train(tmp_path, held_out="SAMM", method="erm", network="ststnet")
    assert line["parameters"] == f"{read_run(folder).facts['parameters']:,}"
    assert int(line["MB"].replace(",", "")) > 50


@pytest.mark.parametrize("name", peers.PEER_TABLES)
def test_no_two_rows_of_a_table_have_one_name(name):
    names = list(peers.row_names(name).values())
    assert len(set(names)) == len(names) > 1


def test_a_table_says_what_was_not_run(composite, tmp_path):
    peers_report.write_peers(composite, tmp_path)
    text = (tmp_path / "peers.md").read_text()
    assert "Table 9 anew: one dataset held out, four sources, demo corpus: **not run.** `melib run" in text
    assert "Needs frames, which these clips lack: CNN on apex" in text
    planned = text.split("Planned and **not run**: ")[1].split("\n")[0]
    assert "SSSNet; " in planned and "Dual-Inception" in planned
    assert not {"STSTNet", "CNN"} & set(planned.split("; "))
    nothing = composite[composite["kind"] == "printed"].assign(table="demo")
    missing = peers_report.standing(nothing, "demo").split("**not run**: ")[1]
    assert "; ELRCN (small, frame differences for flow: stand-in) (5 rows); pyramid of" in missing
    printed_alone = composite[(composite["row"] != "STSTNet") | (composite["kind"] == "printed")]
    assert "STSTNet" in peers.lacking(printed_alone, "composite").values()
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "peers.csv")[["row", "value"]], composite[["row", "value"]].reset_index(drop=True),
        check_dtype=False, atol=1e-3,
    )  # fmt: skip


def test_a_table_stays_where_the_folder_holds_more_of_it(
    composite_folders, composite, holdout, tmp_path, monkeypatch, caplog
):
    runs = {peers.PEER_TABLES["composite"].grid: composite_folders}
    monkeypatch.setattr(peers_report, "was_read", lambda _: True)
    monkeypatch.setattr(peers_report, "read_plan", lambda grid: grid)
    monkeypatch.setattr(peers_report, "finished", lambda grid: runs.get(grid, []))
    assert set(peers_report.tables_of_runs(tmp_path)["table"]) == {"composite"}
    fewer = composite[composite["row"] != "STSTNet"]
    peers_report.write_peers(pd.concat([fewer, holdout]), tmp_path)
    rows = peers_report.tables_of_runs(tmp_path)
    assert "STSTNet" in set(rows.loc[(rows["table"] == "composite") & (rows["kind"] == "result"), "row"])
    assert len(rows[rows["table"] == "holdout"]) == len(holdout)
    assert "(c) stays" in caplog.text and "(b)" not in caplog.text
    others = composite[composite["row"] != "CNN"]
    peers_report.write_peers(others, tmp_path)
    runs[peers.PEER_TABLES["composite"].grid] = composite_folders[1:]
    rows = peers_report.tables_of_runs(tmp_path)  # as many rows as there are, but another one
    assert {"STSTNet", "CNN"} <= set(rows["row"]) and "(not run here: 1 of its rows); added: 1." in caplog.text
    peers_report.write_peers(composite, tmp_path)
    runs[peers.PEER_TABLES["composite"].grid] = composite_folders[:1]
    rows = peers_report.tables_of_runs(tmp_path)
    assert len(rows) == len(composite) and "(b) stays" in caplog.text and "added: 0." in caplog.text
    runs.clear()
    with pytest.raises(ValueError, match="No finished run of a peer"):
        peers_report.tables_of_runs(tmp_path / "empty")


def test_rows_that_a_table_lacks_are_added_as_if_all_had_been_run_at_once(holdout_folders, holdout, tmp_path):
    """A table of all rows but one, written and read again, with that row from a folder of its runs and CNN + BRL's."""
    kept = holdout[(holdout["row"] != "STSTNet") | (holdout["kind"] == "printed")]
    partial = holdout[(holdout["row"] == "STSTNet") & (holdout["column"] == "SAMM")]  # its other datasets were not run
    kept = kept.assign(parameters=11_178_051)
    peers_report.write_peers(pd.concat([kept, partial]), tmp_path)
    few = [folder for folder in holdout_folders if "ststnet" in folder.name or "brl-cnn" in folder.name]
    assert len(few) == 2 * 9
    measured = peers.measure(read_outcomes(few, alike=False), "holdout")
    rows = peers.joined(peers_report.read_peers(tmp_path), measured)
    keys = ["row", "kind", "selection", "column", "metric"]
    cells = ["value", "gain", "compared", "p_single", "p", "verdict"]
    ours, theirs = (table[keys + cells].sort_values(keys, ignore_index=True) for table in (rows, holdout))
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-4, check_dtype=False)
    assert cell(rows, "CNN", "mean", "uar")["parameters"] == 11_178_051  # to the last digit
    alone, among = (cell(table, "STSTNet", "mean", "uar") for table in (measured, rows))
    assert alone["p"] < among["p"]  # corrected over more rows


def test_transductive_rows_are_not_added_since_others_choose_among_them(holdout):
    planned = next(name for row, name in peers.row_names("holdout").items() if row.method == "dr")
    run = holdout.assign(row=holdout["row"].replace("DR (linear kernel), C 1.0", planned))
    kept = run[run["row"] != planned]
    assert planned in set(run["row"]) and planned not in set(peers.joined(kept, run)["row"])


def test_a_table_in_words(composite, holdout):
    """Its numbers are those of the cells."""
    text = peers_report.conclusion(holdout, "holdout")
    honest = holdout.query("kind == 'result' and selection == 'last' and metric == 'uar' and column == 'mean'")
    best = honest.loc[honest["value"].idxmax()]
    assert f"Best of 4 by UAR: {best['row']}, {best['value']:.1f}." in text
    verdicts = honest["verdict"].value_counts()
    assert f"surely above {verdicts.get('holds', 0)} of 3 other rows" in text
    text = peers_report.conclusion(composite, "composite")
    own, chosen = (cell(composite, "STSTNet", "pooled", "uf1", rule)["value"] for rule in ("last", "oracle"))
    other, better = (cell(composite, "CNN", "pooled", "uf1", rule)["value"] for rule in ("last", "oracle"))
    assert f"adds {(chosen - own + better - other) / 2:+.1f} at the median of 2 networks" in text
    assert f"STSTNet was printed with 73.5, {73.5 - own:+.1f} from here." in text


def test_a_row_that_lacks_a_dataset_is_not_whole(tmp_path):
    folders = [train(tmp_path, held_out=name, method="erm", network="cnn") for name in NAMES]
    folders.append(train(tmp_path, held_out="SAMM", method="erm", network="off_apexnet"))
    rows = peers.measure(read_outcomes(folders, alike=False), "holdout")
    line = (
        peers_report.results(rows, "uar")
        .set_index("method")
        .loc[lambda table: table.index.str.startswith("OFF-ApexNet")]
    )
    assert line[["SMIC", "mean"]].to_numpy().tolist() == [["not run", "not run"]]
    assert "OFF-ApexNet (padding, pooling assumed)" in peers.lacking(rows, "holdout").values()
    alone = rows[rows["row"].str.startswith("OFF-ApexNet")]
    assert peers_report.conclusion(alone, "holdout") == "(c) No row was run whole."


def test_every_row_of_table_a_trains_on_clips(tiny_root):
    """Two epochs of each method, network and switch on the tiny corpus, one dataset held out."""
    tiny = dict(corpus=str(tiny_root), profile="tiny", held_out="SAMM", seed=0, epochs=2, brl_start=1)
    rows = read_grid(peers.PEER_TABLES["demo"].grid, **tiny, sources=[[]])
    peer_networks = set(NETWORKS) - {"mlp"}
    assert {row.network for row in rows if not row.is_estimator} == peer_networks
    samples = {}
    for row in rows:
        if row.inputs not in samples:
            samples[row.inputs] = load_data(row).samples
        history = fit(samples[row.inputs], row).history
        assert np.isfinite(history["held_out_uar"]).all(), row


def test_transductive_settings_are_few_and_can_be_chosen_by_leaving_a_source_out():
    runs = read_grid(peers.PEER_TABLES["demo"].grid)
    inner = {(row_of(run), run.held_out, run.sources) for run in runs if tunes(run)}
    outer = {row_of(run) for run in runs if run.is_estimator and run.spec.uses_target}
    assert len(outer) <= 30
    for held_out in DATASETS:
        for left_out in set(DATASETS) - {held_out}:
            rest = tuple(name for name in DATASETS if name not in (held_out, left_out))
            assert {(row, left_out, rest) for row in outer} <= inner


def test_every_table_of_clips_without_frames_names_what_needs_them():
    names = peers.needs_frames()
    assert "RN (from scratch) on apex frames" in names and "SVM on 3DHOG" in names and "SVM on LBP-TOP" not in names
    assert not [name for name in names if name.endswith(("on flow", "on flow images"))]
    called = {INPUTS.get(array, array) for array in (*ARRAYS, "apex+flow_cells")}
    assert {name.split(" on ", 1)[1] for name in names} <= called


def test_printed_figures_are_those_of_the_facts():
    """Sums that the sources state: margins of Table 9, ATNet's three figures, the composite's best printed epoch."""
    paper = published("table9").set_index(["method", "metric"])
    assert paper.loc[("the paper", "acc"), "CASME2"] - paper.loc[("DR", "acc"), "CASME2"] == pytest.approx(7.4)
    assert paper.loc[("the paper", "acc"), "SAMM"] - paper.loc[("RNMA", "acc"), "SAMM"] == pytest.approx(11.9)
    for name, margin in (("CASME2", 4.6), ("SAMM", 7.4)):
        gap = paper.loc[("the paper", "uar"), name] - paper.loc[("ATNet", "uar"), name]
        assert gap == pytest.approx(margin)
    composite = published("cde2019")
    meb = composite[composite["method"].str.endswith("(MEB)")].pivot(index="key", columns="selection", values="pooled")
    assert (meb["test set"] - meb["last"]).round(1).to_dict() == {"off_apexnet": 13.6, "ststnet": 6.1}
    chosen = set(composite.loc[composite["selection"] == "test set", "method"])
    assert {"HTNet", "CausalNet", "CapsuleNet"} <= chosen
    every = pd.concat([composite, published("hde"), published("table9")])
    assert set(every["selection"]) == {"last", "test set", "no epochs", "not known"}
    assert every[["terms", "source", "key"]].notna().all(axis=None)
    assert every[["pooled", *NAMES]].stack().dropna().between(10, 100).all()
