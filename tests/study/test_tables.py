"""Tables and verdicts from runs whose predictions are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from melib.corpus.index import CLASSES, DATASETS, TABLE1
from melib.learning.metrics import METRICS, confusion, rates, scores
from melib.learning.record import Run
from melib.learning.selection import RULES, select
from melib.learning.settings import RunSettings
from melib.study import claims, tables
from melib.study.outcomes import Outcomes, matches, read_outcomes
from melib.study.report import has_runs, latex, markdown, write_report
from melib.study.rows import row_of
from melib.study.table9 import layout9, table9

EPOCHS = 4
SETTINGS = {lam: tables.cnn("flow", **tables.weighted(lam)) for lam in (0, 0.5)}


def clips(dataset: str, subjects: int = 8, each: int = 6) -> pd.DataFrame:
    rows = [
        (f"{dataset}-{s}-{c}", f"{dataset}/s{s}", CLASSES[(s + c) % 3]) for s in range(subjects) for c in range(each)
    ]
    return pd.DataFrame(rows, columns=["clip_id", "subject", "label"]).assign(split="held_out", dataset=dataset)


def run(held_out: str, hit: float, seed: int = 0, synthetic: bool = True, **setting) -> Run:
    """A run that hits a clip with the chance `hit`, the same clips first whatever its setting."""
    rng = np.random.default_rng([seed, DATASETS.index(held_out)])
    if setting.get("lam") == 0:  # cross-entropy
        setting = {"method": "erm", **{name: value for name, value in setting.items() if name != "lam"}}
    settings = RunSettings.from_parameters(
        {"held_out": held_out, "profile": "tiny", "epochs": EPOCHS, "brl_start": 2, "seed": seed, **setting}
    )
    table, history = clips(held_out), []
    true, luck = table["label"].map(CLASSES.index).to_numpy(), rng.random(len(table))
    parts = []
    for epoch in range(1, EPOCHS + 1):
        guess = np.where(luck < hit + 0.02 * (epoch == 3), true, (true + 1) % 3)
        parts.append(table.assign(epoch=epoch, fold=held_out, **dict(zip(CLASSES, np.eye(3)[guess].T, strict=True))))
        found = scores(confusion(true, guess))
        history.append(
            {
                "fold": held_out,
                "epoch": epoch,
                **{f"held_out_{m}": v for m, v in found.items()},
                "source_val_uar": -epoch,
            }
        )
    facts = {"synthetic": synthetic, "skipped": 0, "data": "toy"}
    facts["clips"] = {"train": {name: 48 for name in DATASETS if name != held_out}, "held_out": {held_out: 48}}
    known = Run(Path(f"{held_out}-{seed}"), settings, facts, pd.DataFrame(history))
    known.__dict__["predictions"] = pd.concat(parts, ignore_index=True)
    return known


def study(monkeypatch, runs) -> Outcomes:
    monkeypatch.setattr("melib.study.outcomes.read_run", lambda folder: folder)
    return read_outcomes(runs)


def judged(outcomes: Outcomes) -> pd.DataFrame:
    """The board by "topic: claim"."""
    board = claims.judge(outcomes)
    return board.set_index(board["topic"] + ": " + board["claim"])


def lodo(hit, seeds=3, **setting):
    return [run(name, hit, seed, **setting) for name in DATASETS for seed in range(seeds)]


def test_a_cell_is_the_mean_over_seeds_of_the_runs_own_records(monkeypatch):
    runs = lodo(0.6, inputs="flow", lam=0) + lodo(0.7, inputs="flow", lam=0.5, seeds=1)
    rows = (
        tables.tidy(study(monkeypatch, runs), "table6").set_index(["row", "selection", "column", "metric"]).sort_index()
    )
    for rule in RULES:
        for metric in METRICS:
            picked = [select(r.history, r.predictions, 2).set_index("selection").loc[rule, metric] for r in runs
                      if r.settings.method == "erm" and r.settings.held_out == "SAMM"]  # fmt: skip
            cell = rows.loc[("CNN", rule, "SAMM", metric)]
            assert cell["value"] == pytest.approx(100 * np.mean(picked))
            assert cell["sd"] == pytest.approx(100 * np.std(picked, ddof=1))
            assert cell["low"] <= cell["value"] <= cell["high"]
    means = rows.loc[("CNN", "last")].loc[list(DATASETS)].xs("uar", level="metric")["value"]
    assert rows.loc[("CNN", "last", "mean", "uar"), "value"] == pytest.approx(means.mean())
    assert rows.loc[("CNN", "last", "mean", "uar"), "seeds"] == 3
    assert np.isnan(rows.loc[("CNN + BRL", "last", "mean", "uar"), "sd"])  # one seed spreads nothing
    assert rows.loc[("CNN + BRL", "last", "mean", "uar"), "paper"] == 53.63


def test_two_runs_that_no_table_tells_apart_are_an_error_and_a_diagnosed_one_counts_once(monkeypatch):
    runs = lodo(0.6, inputs="flow", lam=0, seeds=2)
    outcomes = study(monkeypatch, [*runs, run("SAMM", 0.6, 0, inputs="flow", lam=0, threads=2)])
    assert {seed: len(found) for seed, found in outcomes.seeds(tables.cnn("flow", **tables.weighted(0))).items()} == {
        0: 5,
        1: 5,
    }
    for setting in ({"lam": 0, "batch_size": 99}, {"lam": 0.5, "precision": "bf16"}, {"lam": 0.5, "lr": 0.1}):
        with pytest.raises(ValueError, match=rf"SMIC-0 and SAMM-1 differ in {list(setting)[1]}, which no table"):
            study(monkeypatch, [*runs, run("SAMM", 0.6, 1, inputs="flow", **setting)])
    topped = [run("SAMM", 0.6, 0, inputs="apex", augment="even", target=target) for target in (0, 300)]
    with pytest.raises(ValueError, match="SAMM-0 and SAMM-0 differ in target"):
        study(monkeypatch, topped)
    fewer = run("SAMM", 0.6, 1, inputs="flow")
    fewer.__dict__["predictions"] = fewer.predictions[fewer.predictions["clip_id"] != "SAMM-0-0"]
    with pytest.raises(ValueError, match="SAMM-0 and SAMM-1 differ in held-out clips"):
        study(monkeypatch, [*runs, fewer])


def test_sources_may_go_with_the_held_out_dataset(monkeypatch):
    """Three datasets of five, each held out from the other two."""
    three = ("SMIC", "CASME2", "SAMM")
    runs = [run(name, 0.6, seed, inputs="flow", lam=lam, sources=[other for other in three if other != name])
            for name in three for seed in range(3) for lam in (0, 0.5)]  # fmt: skip
    for one in runs:
        one.facts["clips"]["train"] = dict.fromkeys(one.settings.sources, 48)
    outcomes = study(monkeypatch, runs)
    assert table9(outcomes)["terms"].iloc[-1] == "3 classes, 2 sources, no target data"
    board = judged(outcomes)
    assert board.loc["BRL on optical flow: BRL helps", ["seeds", "paper"]].tolist() == [3, "of other datasets"]
    runs[0].facts["clips"]["train"] = {"SAMM": 48, "MMEW": 48}
    with pytest.raises(ValueError, match="differ in sources"):
        study(monkeypatch, runs)


def test_a_seed_that_holds_out_one_dataset_is_no_seed_of_the_mean(monkeypatch):
    runs = [r for lam, hit in ((0, 0.4), (0.5, 0.8)) for r in lodo(hit, inputs="flow", lam=lam)
            if r.settings.seed == 0 or r.settings.held_out == "CASME2"]  # fmt: skip
    row = judged(study(monkeypatch, runs)).loc["BRL on optical flow: BRL helps"]
    assert (row["seeds"], row["verdict"]) == (1, "undecided")


def test_a_whole_study_may_be_of_another_flow_method_or_precision(monkeypatch):
    how = dict(precision="bf16", flow_method="raft_large", remove_head_motion=True, lr=1e-3)
    board = verdict(monkeypatch, 0.4, 0.8, **how)
    assert board.loc["BRL on optical flow: BRL helps", "verdict"] == "holds"


def test_settings_that_no_table_shows_are_told(monkeypatch, tmp_path):
    runs = [run("SAMM", 0.5, inputs="flow"), run("SAMM", 0.5, inputs="flow", sampling="balanced")]
    runs += [run("SAMM", 0.5, inputs="apex", lam=0.7)]  # Table 4 shows CASME II
    write_report(study(monkeypatch, runs), tmp_path)
    assert "\n2 finished runs are of settings that no table shows." in (tmp_path / "tables.md").read_text()


def test_brl_s_variants_have_their_rows(monkeypatch):
    variants = {"λ = 0.9": {"lam": 0.9}, "λ = 0.5, W frozen": {"attention_weights": "frozen"},
                "λ = 0.5, W gradient-reversed": {"attention_weights": "reversed"},
                "λ = 0.5, attention on the logits (SCN)": {"weighting": "logit"},
                "λ = 0.5, feature means matched instead": {"method": "feature_means"}}  # fmt: skip
    runs = [run("CASME2", 0.3 + 0.1 * k, inputs="flow", **one) for k, one in enumerate(variants.values())]
    rows = tables.tidy(study(monkeypatch, runs), "variants").query("selection == 'last' and metric == 'acc'")
    values = rows[rows["column"] == "CASME2"].set_index("row")["value"]
    hits = [100 * r.history["held_out_acc"].iloc[-1] for r in runs]
    assert values[list(variants)].tolist() == pytest.approx(hits)


def test_the_papers_means_stand_beside_means_of_its_five_datasets_alone(monkeypatch):
    runs = lodo(0.5, inputs="flow", lam=0, seeds=1)
    for some, expected in ((runs, True), (runs[:3], False)):
        rows = tables.tidy(study(monkeypatch, some), "table6")
        assert rows.loc[rows["column"] == "mean", "paper"].notna().any() == expected


def test_table_9_has_the_floors(monkeypatch):
    linear = lodo(0.5, inputs="flow", method="logreg", seeds=1)
    table = table9(study(monkeypatch, linear)).set_index(["row", "selection"])
    assert table.loc[("always negative", "no training"), "SMIC UAR"] == pytest.approx(100 / 3)
    own = linear[0].history["held_out_uar"].iloc[-1]
    assert table.loc[("linear on raw flow", "last"), "SMIC UAR"] == pytest.approx(100 * own)


def test_ours_of_table_9_is_printed_by_its_mean_under_the_result_and_the_oracle(monkeypatch):
    table = table9(study(monkeypatch, lodo(0.5, inputs="flow", seeds=1)))
    printed = layout9(table).set_index("setting")
    rows = table.set_index(["row", "selection"])[["SMIC UAR", "CASME II UAR", "SAMM UAR"]].mean(axis=1)
    line = printed.loc["CNN + BRL on flow"]
    assert line["mean"] == f"{rows[('CNN + BRL on flow', 'source_val')]:.1f}"
    assert line[tables.ORACLE] == f"{rows[('CNN + BRL on flow', 'oracle')]:.1f}"
    assert "linear on raw flow" not in printed.index and "ATNet" not in printed.index


def test_a_study_of_some_held_out_datasets_has_tables_too(monkeypatch, tmp_path):
    runs = [run(name, 0.6, inputs="flow", lam=lam) for name in ("SMIC", "SAMM") for lam in (0, 0.5)]
    outcomes = study(monkeypatch, runs)
    outcomes.hits = lambda run: pytest.fail("the clips of the other datasets are not known")
    write_report(outcomes, tmp_path)
    assert not (tmp_path / "table3.csv").exists()
    rows = pd.read_csv(tmp_path / "tables.csv")
    assert set(rows.loc[rows["selection"] == "no training", "row"]) == {"always negative"}


def test_an_effect_is_over_the_seeds_that_both_settings_have_on_all_its_datasets(monkeypatch):
    less = [r for r in lodo(0.6, inputs="flow", lam=0) if (r.settings.held_out, r.settings.seed) != ("SAMM", 2)]
    outcomes = study(monkeypatch, less + lodo(0.7, inputs="flow", lam=0.5))
    found = claims.effects(outcomes).query("contrast == 'over CE' and inputs == 'flow'").set_index("name")
    assert found.loc[["SMIC", "SAMM", "mean", "pooled"], "n"].tolist() == [3, 2, 2, 2]
    at = [
        outcomes.resampled({**tables.cnn("flow", **tables.weighted(lam)), "seed": (0, 1)}, "source_val")[0]
        for lam in (0.5, 0)
    ]
    assert found.loc["mean", "effect"] == pytest.approx(100 * (at[0] - at[1])[-2, METRICS.index("uar")])


def test_what_was_not_run_has_no_line_but_a_count(monkeypatch, tmp_path):
    outcomes = study(monkeypatch, lodo(0.6, inputs="flow", lam=0)[:-3])  # without MMEW
    rows = tables.tidy(outcomes, "table6")
    printed = tables.layout(rows, "uar").set_index("setting")
    assert list(printed.index) == ["CNN", "always negative"]
    assert "MMEW" not in printed.columns  # no run held it out at all
    assert {"ResNet-18", "CNN, CE scaled, no BRL", "linear on raw flow"} <= set(tables.not_run(rows))
    write_report(outcomes, tmp_path)
    notes = (tmp_path / "tables.md").read_text().splitlines()
    costly, others = (next(line for line in notes if line.startswith(words)) for words in ("Not planned", "Not run"))
    for label in tables.not_run(pd.read_csv(tmp_path / "tables.csv")):
        assert (label in costly) == label.startswith(("ResNet-18", "PoolFormer-S12"))
        assert label in costly or label in others


def test_what_was_run_in_part_is_named_and_has_its_cells(monkeypatch, tmp_path):
    runs = lodo(0.6, inputs="flow") + [run("CASME2", 0.5, seed, inputs="flow", network="resnet18") for seed in range(3)]
    outcomes = study(monkeypatch, runs)
    line = tables.layout(tables.tidy(outcomes, "table6"), "uar").set_index("setting").loc["ResNet-18 + BRL"]
    assert line["CASME II"] and not line["SAMM"] and not line["mean"]
    write_report(outcomes, tmp_path)
    note = "Run on some inputs or held-out datasets alone: ResNet-18 + BRL. `melib run notebooks/grids/backbones.yaml"
    assert note in (tmp_path / "tables.md").read_text()
    claim = "Datasets and networks (with BRL): The CNN beats ResNet-18 (flow)"
    assert judged(outcomes).loc[claim, "verdict"] == "not run"  # it is of all held-out datasets
    whole = study(monkeypatch, runs + lodo(0.5, inputs="flow", network="resnet18"))
    assert judged(whole).loc[claim, "effect"] > 0


def test_a_printed_line_has_the_result_and_what_the_test_set_would_choose(monkeypatch):
    rows = tables.tidy(study(monkeypatch, lodo(0.6, inputs="flow", lam=0)), "table6")
    line = tables.layout(rows, "uar").set_index("setting").loc["CNN"]
    cells = rows.query("row == 'CNN' and metric == 'uar' and column == 'mean'").set_index("selection")
    assert line["mean"].startswith(f"{cells.loc['source_val', 'value']:.1f} ± ")
    assert line[tables.ORACLE] == f"{cells.loc['oracle', 'value']:.1f}"


def test_the_paper_s_values_stand_in_a_table_of_their_own(monkeypatch, tmp_path):
    outcomes = study(monkeypatch, lodo(0.6, inputs="flow", lam=0, seeds=1))
    write_report(outcomes, tmp_path)
    blocks = (tmp_path / "tables.md").read_text().split("\n## ")
    assert [block.split("\n")[0] for block in blocks if "53.63" in block] == [
        "Published, on real clips: the paper's own runs"
    ]
    assert len((tmp_path / "tables.md").read_text().splitlines()) < 150


def test_always_negative_on_the_counts_of_table_1():
    parts = []
    for name, counts in TABLE1.items():
        true = np.repeat(np.arange(3), list(counts.values()) if isinstance(counts, dict) else counts)
        parts.append(pd.DataFrame({"dataset": name, "true": true, "subject": name + "/1"}))
    found = tables.floors(pd.concat(parts, ignore_index=True))
    means = 100 * rates(found["always negative"]).mean(0)
    np.testing.assert_allclose(means, [55.01, 33.33, 23.50], atol=0.005)
    assert 100 * rates(found["guessing by class shares"]).mean(0)[1] == pytest.approx(33.33, abs=0.005)


def verdict(monkeypatch, before, after, **more):
    outcomes = study(monkeypatch, lodo(before, inputs="flow", lam=0, **more) + lodo(after, inputs="flow", **more))
    return judged(outcomes)


def test_verdicts_follow_the_runs(monkeypatch):
    name = "BRL on optical flow: BRL helps"
    better, worse = verdict(monkeypatch, 0.4, 0.8).loc[name], verdict(monkeypatch, 0.8, 0.4).loc[name]
    same = verdict(monkeypatch, 0.6, 0.6).loc[name]
    assert (better["verdict"], worse["verdict"], same["verdict"]) == ("holds", "does not", "undecided")
    assert better["effect"] > 30
    assert better["effect"] == pytest.approx(-worse["effect"])
    assert better["low"] > 0 > worse["high"]
    assert better["p"] < 0.01
    assert (same["effect"], same["p"], same["seeds"]) == (0, 1, 3)


def test_claims_without_runs_and_what_the_demo_corpus_was_built_to_show(monkeypatch):
    board = verdict(monkeypatch, 0.4, 0.6)
    assert board.loc["Top-up of apex frames (CNN + BRL): Top-up lifts UAR", "verdict"] == "not run"
    for synthetic, expected in ((True, "by construction"), (False, "holds")):
        runs = lodo(0.35, inputs="apex", lam=0, synthetic=synthetic)
        runs += lodo(0.9, inputs="flow", lam=0, synthetic=synthetic)
        board = judged(study(monkeypatch, runs))
        assert board.loc["Optical flow over apex frames: Flow beats apex frames without BRL", "verdict"] == expected


def test_no_verdict_rests_on_one_training(monkeypatch):
    row = verdict(monkeypatch, 0.4, 0.8, seeds=2).loc["BRL on optical flow: BRL helps"]
    assert row["low"] > 0
    assert (row["verdict"], row["seeds"]) == ("undecided", 2)


def test_what_falls_less_was_not_lifted(monkeypatch):
    """Top-up that lowers both UAR and Acc does not lift UAR more than Acc, whichever falls less."""
    outcomes = study(monkeypatch, lodo(0.8, inputs="apex") + lodo(0.5, inputs="apex", augment="even"))
    board = judged(outcomes)
    row = board.loc["Top-up of apex frames (CNN + BRL): ... UAR, and by more than Acc (smaller of the two)"]
    assert row["p"] == board.loc["Top-up of apex frames (CNN + BRL): Top-up lifts UAR", "p"]  # it takes this as well
    at = {kind: 100 * outcomes.resampled(tables.cnn("apex", method="brl", augment=kind), "source_val")[0, 5]
          for kind in ("none", "even")}  # fmt: skip
    lift = dict(zip(METRICS, at["even"] - at["none"], strict=True))
    assert row["effect"] == pytest.approx(min(lift["uar"], lift["uar"] - lift["acc"]))
    assert row["verdict"] == "does not"


def test_the_recipe_s_row_holds_what_the_input_has_a_use_for():
    assert matches(run("SAMM", 0.5, inputs="apex", method="erm", recipe="recommended"), tables.recommended("apex"))
    flow = run("SAMM", 0.5, inputs="flow", method="erm", recipe="recommended")
    assert matches(flow, tables.recommended("flow"))
    assert not matches(flow, tables.cnn("flow", **tables.NOTHING))


def test_a_margin_is_over_the_best_of_the_others(monkeypatch):
    hits = {0.0: 0.4, 0.3: 0.5, 0.5: 0.8, 0.7: 0.6, 0.9: 0.2}
    runs = [run("CASME2", hit, seed, inputs="apex", lam=lam) for lam, hit in hits.items() for seed in range(3)]
    outcomes = study(monkeypatch, runs)
    board = judged(outcomes)
    uar = {
        lam: 100 * outcomes.resampled(tables.cnn("apex", **tables.weighted(lam)), "source_val")[0, 0, 1] for lam in hits
    }
    best = board.loc["BRL on apex frames: λ = 0.5 is the best weight (CASME II)"]
    assert best["effect"] == pytest.approx(uar[0.5] - uar[0.7])
    worse = board.loc["BRL on apex frames: λ = 0.9 is worse than no BRL (CASME II)"]
    assert worse["effect"] == pytest.approx(uar[0.0] - uar[0.9])


def test_the_share_of_selection_in_the_gain(monkeypatch):
    outcomes = study(monkeypatch, lodo(0.5, inputs="flow", lam=0) + lodo(0.7, inputs="flow"))
    gain = {rule: np.subtract(*(outcomes.resampled(SETTINGS[lam], rule)[0, 5, 1] for lam in (0.5, 0.0)))
            for rule in ("oracle_per_metric", "source_val")}  # fmt: skip
    board = judged(outcomes)
    effect = board.loc["BRL on optical flow: ... more when the epoch is chosen on the test set", "effect"]
    assert effect == pytest.approx(100 * (gain["oracle_per_metric"] - gain["source_val"]))


def test_outcomes_of_fewer_runs_look_anew(monkeypatch):
    outcomes = study(monkeypatch, lodo(0.6, inputs="flow", lam=0))
    plain = tables.cnn("flow", **tables.NOTHING)
    assert list(outcomes.seeds(plain)) == [0, 1, 2]
    fewer = replace(outcomes, runs=[run for run in outcomes.runs if run.settings.seed == 1])
    assert list(fewer.seeds(plain)) == [1]


def test_a_setting_is_matched_whole():
    plain = run("SAMM", 0.5, inputs="flow", lam=0.5)
    assert matches(plain, tables.cnn("flow", **tables.weighted(0.5)))
    assert not matches(plain, tables.cnn("apex", **tables.weighted(0.5)))
    assert not matches(
        run("SAMM", 0.5, inputs="flow", method="erm", ce_scale=0.5), tables.cnn("flow", **tables.weighted(0.5))
    )
    assert matches(run("SAMM", 0.5, inputs="flow_image", lam=0.5), tables.cnn("flow", **tables.weighted(0.5)))
    with pytest.raises(ValueError, match="'lambda'"):
        matches(plain, {"lambda": 0.5})


def test_runs_of_two_corpora_are_not_compared(monkeypatch):
    other = run("SAMM", 0.5)
    other.facts["data"] = "other"
    with pytest.raises(ValueError, match="2 corpora"):
        study(monkeypatch, [run("SMIC", 0.5), other])
    with pytest.raises(ValueError, match="No finished run"):
        study(monkeypatch, [])


def test_shift_corpora_count_as_one_where_each_holds_out_its_own_dataset(monkeypatch):
    def shifted(held_out, corpus):
        made = run(held_out, 0.5, corpus=f"demo-shift-{corpus}")
        made.facts["data"] = corpus
        return made

    both = [shifted("SMIC", "SMIC"), shifted("SAMM", "SAMM")]
    assert len(study(monkeypatch, both).runs) == 2
    assert len({row_of(one.settings) for one in both}) == 1
    with pytest.raises(ValueError, match="2 corpora"):
        study(monkeypatch, [shifted("SMIC", "SMIC"), shifted("SAMM", "SMIC")])


def test_the_report_names_rules_controls_and_what_is_synthetic(monkeypatch, tmp_path):
    outcomes = study(monkeypatch, lodo(0.5, inputs="flow", lam=0, seeds=1) + lodo(0.6, inputs="flow", seeds=1))
    paths = write_report(outcomes, tmp_path)
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}
    text = (tmp_path / "tables.md").read_text()
    assert "synthetic demo corpus" in text
    assert "best backbone on the test set (oracle)" in text
    for table in ("tables", "table9", "claims"):
        assert pd.read_csv(tmp_path / f"{table}.csv")["selection"].notna().all()
    tex = (tmp_path / "tables.tex").read_text()
    assert tex.count(r"\begin{tabular}") == text.count("\n## ")
    assert "(synthetic demo corpus)" in tex


def test_markdown_and_latex_hold_the_same_cells():
    table = pd.DataFrame({"setting": ["a_b", "λ"], "x": ["1 ± 2", "50 %"]})
    assert markdown(table).splitlines()[2:] == ["| a_b | 1 ± 2 |", "| λ | 50 % |"]
    tex = latex("T", table, synthetic=False)
    assert r"a\_b & 1 $\pm$ 2 \\" in tex
    assert r"$\lambda$ & 50 \% \\" in tex


def test_what_features_carry_is_compared_over_the_same_training_sets(monkeypatch):
    """A probe that misses every clip of one subject under BRL: the effect is that subject's share of its dataset."""
    runs = lodo(0.5, inputs="flow", lam=0) + lodo(0.5, inputs="flow")
    outcomes = study(monkeypatch, runs)

    def hits(run):
        known = outcomes.clips[outcomes.clips["dataset"] != run.settings.held_out]
        return pd.Series(
            (known["subject"] != "SMIC/s0").to_numpy() | (run.settings.method == "erm"), index=known["clip_id"]
        )

    outcomes.hits = hits
    row = judged(outcomes).loc["BRL on optical flow: Features carry less of the dataset"]
    # One of eight subjects of one of four source datasets, in the four folds of five that train on it.
    assert row["effect"] == pytest.approx(100 * 4 / 5 / 4 / 8)
    assert row["low"] < row["effect"] < row["high"]
    outcomes.runs.pop()
    assert np.isnan(outcomes.probed(tables.cnn("flow", **tables.weighted(0.5)))).all()


def test_effects_by_dataset_are_paired_over_shared_seeds(monkeypatch):
    outcomes = study(monkeypatch, lodo(0.4, inputs="flow", lam=0) + lodo(0.8, inputs="flow", seeds=2))
    table = claims.effects(outcomes).set_index(["inputs", "contrast", "name"])
    row = table.loc[("flow", "over CE", "SAMM")]
    both = [outcomes.resampled({**tables.cnn("flow", **tables.weighted(lam)), "seed": (0, 1)}, "source_val")[0, 3, 1]
            for lam in (0.5, 0.0)]  # fmt: skip
    assert row["effect"] == pytest.approx(100 * (both[0] - both[1]))
    assert row["low"] < row["effect"] < row["high"]
    assert row["n"] == 2
    assert np.isnan(table.loc[("apex", "over CE", "mean"), "effect"])


def test_sections_without_runs_are_left_out_and_clips_and_labels_are_said(monkeypatch, tmp_path):
    runs = [run(name, 0.6, seed, inputs="flow_image", lam=0) for name in ("SMIC", "SAMM") for seed in (0, 1)]
    write_report(study(monkeypatch, runs), tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert (
        "## Table 6: Optical flow" in text
        and "## Table 5" not in text
        and "by the paper's 4.1" not in text.split("##", 1)[1]
    )
    assert "Left out, as no run here is of theirs: The weight of BRL" in text
    assert set(pd.read_csv(tmp_path / "tables.csv")["table"]) == {"table6", "table8"}  # variants: of CASME II
    assert "Clips (positive/negative/surprise): SMIC 16/16/16, SAMM 16/16/16." in text
    assert "Emotions became classes by `table1`" in text


def test_apex_rules_are_compared_only_where_runs_differ_in_them(monkeypatch, tmp_path):
    runs = lodo(0.6, inputs="flow", lam=0, seeds=1)
    assert not has_runs(study(monkeypatch, runs), tables.TABLES["smic_apex"])
    runs += lodo(0.6, inputs="flow", lam=0, seeds=1, apex_rule="midpoint")
    assert has_runs(study(monkeypatch, runs), tables.TABLES["smic_apex"])
