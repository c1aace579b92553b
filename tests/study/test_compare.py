"""Settings side by side, on runs of toy samples."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from melib.corpus.index import CLASSES
from melib.learning.fit import fit
from melib.learning.record import read_run, save_run
from melib.learning.registry import ALGORITHMS
from melib.prepare.data import Data
from melib.study.claims import HELPS, RECIPE, judge
from melib.study.compare import compare, entries, mean_uar
from melib.study.compare_report import lay_out, tried, write_comparison
from melib.study.outcomes import read_outcomes
from melib.study.rows import control_of, label, row_of
from melib.study.tuning import is_inner, source_scores, tune
from tests.conftest import settings, toy

NAMES = ("SMIC", "CASME", "SAMM")
SETTINGS = ({"method": "erm"}, {"method": "brl"}, {"method": "erm", "mirror": True}, {"method": "logreg", "C": 0.01})
SKIPPED = pd.DataFrame(columns=["clip_id", "dataset", "reason"])


def folds(change, seeds, inner):
    for held_out in NAMES:
        others = [name for name in NAMES if name != held_out]
        for seed in (0,) if change["method"] == "logreg" else seeds:
            yield settings(held_out=held_out, seed=seed, out="runs", epochs=3, brl_start=2, **change)
        if inner and change["method"] != "brl":  # it needs two sources
            for source in others:
                yield settings(held_out=held_out, sources=[source], out="runs", epochs=3, brl_start=2, **change)


def train(folder, samples, inner=True):
    data = Data(samples, "f" * 12, True, SKIPPED)
    made = []
    for change in SETTINGS:
        for run in folds(change, (0, 1), inner):
            run = replace(run, out=str(folder / "runs"))
            made.append(save_run(fit(samples, run), run, data))
    return made


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return train(tmp_path_factory.mktemp("compare"), toy(subjects=3, clips=3, seed=1))


@pytest.fixture(scope="module")
def outcomes(folders):
    return read_outcomes(folders, alike=False)


def last_predictions(run):
    rows = run.predictions.query("split == 'held_out'")
    rows = rows[rows["epoch"] == rows["epoch"].max()]
    return rows["label"].map(CLASSES.index).to_numpy(), rows[list(CLASSES)].to_numpy()


def uar(true, predicted):
    return np.mean([(predicted[true == c] == c).mean() for c in np.unique(true)])


def test_scores_equal_an_independent_computation(outcomes, folders):
    rows = compare(outcomes).query("metric == 'uar' and selection == 'last'").set_index(["row", "column"])
    runs = [read_run(folder) for folder in folders]
    for entry in entries(outcomes):
        own = [run for run in runs if row_of(run.settings) == entry.settings and not is_inner(run)]
        means = []
        for name in NAMES:
            values = []
            for run in own:
                if run.settings.held_out == name:
                    true, logits = last_predictions(run)
                    values.append(uar(true, logits.argmax(1)))
            means.append(np.mean(values))
            assert rows.loc[(entry.label, name), "value"] == pytest.approx(100 * means[-1])
            assert rows.loc[(entry.label, name), "seeds"] == len(values)
        assert rows.loc[(entry.label, "mean"), "value"] == pytest.approx(100 * np.mean(means))


def test_gains_are_over_the_control_on_the_seeds_that_both_have(outcomes):
    rows = compare(outcomes).query("metric == 'uar' and selection == 'last' and column == 'mean'").set_index("row")
    assert rows["control"].dropna().to_dict() == {"CNN, BRL": "CNN", "CNN, mirroring": "CNN"}
    assert rows.loc["CNN, BRL", "gain"] == pytest.approx(rows.loc["CNN, BRL", "value"] - rows.loc["CNN", "value"])
    assert (rows["p"].dropna() > 0).all() and rows["p"].notna().sum() == 2


def test_what_true_labels_have_more_than_shuffled_ones_is_the_difference_of_both(outcomes, folders):
    """Plain cross-entropy knows no groups: relabelled as run on placebo groups it is a twin without any difference."""
    runs = [read_run(folder) for folder in folders]
    brl = [run for run in runs if run.settings.method == "brl"]
    plain = [run for run in runs if run.settings.method == "erm" and not run.settings.mirror and not is_inner(run)]
    twins = [replace(run, settings=replace(run.settings, method="brl", groups="placebo")) for run in plain]
    rows = compare(replace(outcomes, runs=[*brl, *plain, *twins]))
    rows = rows.query("selection == 'last'").set_index(["row", "column", "metric"]).loc["CNN, BRL"]
    assert rows["less_shuffled"].notna().all()
    for part in ("", "_low", "_high"):
        assert rows[f"less_shuffled{part}"].tolist() == pytest.approx(rows[f"gain{part}"].tolist())


def test_an_ensemble_is_the_class_of_highest_mean_probability(outcomes, folders):
    rows = compare(outcomes).query("metric == 'uar' and column == 'SAMM'").set_index("row")
    runs = [read_run(folder) for folder in folders]
    chosen = [run for run in runs if run.settings.held_out == "SAMM" and not is_inner(run)
              and row_of(run.settings).method == "erm" and run.settings.mirror]  # fmt: skip
    assert len(chosen) == 2
    total = 0
    for run in chosen:
        true, logits = last_predictions(run)
        total = total + np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    value = rows.loc["CNN, mirroring, ensemble of 2 seeds", "value"]
    assert value == pytest.approx(100 * uar(true, total.argmax(1)))


def brute_force(folders, held_out, methods):
    """The setting of best mean UAR over the sources left out in turn, from the records alone."""
    scores = {}
    for folder in folders:
        run = read_run(folder)
        if run.settings.sources and held_out not in (run.settings.held_out, *run.settings.sources):
            true, logits = last_predictions(run)
            key = (run.settings.method, run.settings.mirror)
            scores.setdefault(key, []).append(uar(true, logits.argmax(1)))
    means = {key: np.mean(values) for key, values in scores.items() if key[0] in methods and len(values) == 2}
    return max(means, key=means.get)


@pytest.mark.parametrize("methods", [("erm",), ("erm", "logreg")])
def test_tuned_equals_a_brute_force_over_the_records(outcomes, folders, methods):
    rows = [entry.settings for entry in entries(outcomes) if entry.settings.method in methods]
    for held_out, setting in tune(outcomes, rows).items():
        assert (setting.method, setting.mirror) == brute_force(folders, held_out, methods)


def test_the_tuned_row_takes_each_fold_from_its_own_choice(outcomes):
    rows = compare(outcomes).query("metric == 'uar' and selection == 'last'").set_index(["row", "column"])["value"]
    networks = [entry for entry in entries(outcomes) if not entry.settings.is_estimator]
    labels = {entry.settings: entry.label for entry in networks}
    chosen = tune(outcomes, labels)
    for held_out, setting in chosen.items():
        assert rows["tuned on the sources over 2 networks", held_out] == rows[labels[setting], held_out]


def test_held_out_labels_change_nothing_in_what_is_chosen(outcomes, tmp_path):
    """Labels of one dataset are permuted: what its fold chooses among the others stays, score by score."""
    samples = toy(subjects=3, clips=3, seed=1)
    index = samples.index.copy()
    there = (index["dataset"] == "SAMM").to_numpy()
    index.loc[there, "label"] = np.roll(index.loc[there, "label"].to_numpy(), 1)
    changed = read_outcomes(train(tmp_path, replace(samples, index=index)), alike=False)
    rows = [entry.settings for entry in entries(outcomes)]
    before, after = source_scores(outcomes, rows), source_scores(changed, rows)
    assert before["SAMM"] == after["SAMM"] and len(before["SAMM"]) == 3
    assert before["SMIC"] != after["SMIC"]


def test_a_setting_without_all_its_inner_runs_cannot_be_chosen(folders):
    some = [folder for folder in folders if not (is_inner(read_run(folder)) and "mirror" in folder.name)]
    outcomes = read_outcomes(some, alike=False)
    networks = [entry.settings for entry in entries(outcomes) if not entry.settings.is_estimator]
    assert {setting.mirror for setting in tune(outcomes, networks).values()} == {False}
    without = read_outcomes([folder for folder in folders if not is_inner(read_run(folder))], alike=False)
    assert tune(without, networks) == {}
    held_out = [folder for folder in folders if folder.name.startswith("SAMM") and not is_inner(read_run(folder))]
    assert tune(read_outcomes(held_out, alike=False), networks) == {}  # without runs of others nothing can choose


def test_every_setting_ever_scored_is_listed(outcomes, tmp_path):
    table = tried(outcomes)
    assert table.groupby("for tuning")["runs"].sum().to_dict() == {False: 3 * 2 * 3 + 3, True: 3 * 6}
    paths = write_comparison(outcomes, tmp_path)
    paths = {path.name: path for path in paths}
    text = paths["compare.md"].read_text()
    assert "synthetic demo corpus" in text and "| CNN, mirroring, ensemble of 2 seeds | 1 |" in text
    assert len(pd.read_csv(paths["tried.csv"])) == len(table) == 7


def test_verdicts_are_of_the_gains_and_heed_no_tuning_run(outcomes, tmp_path):
    paths = {path.name: path for path in write_comparison(outcomes, tmp_path)}
    board = pd.read_csv(paths["verdicts.csv"]).set_index("claim")
    assert list(board.index) == ["Mirroring helps", "BRL helps"]
    rows = compare(outcomes).query("metric == 'uar' and selection == 'last' and column == 'mean'").set_index("row")
    for claim, row in (("Mirroring helps", "CNN, mirroring"), ("BRL helps", "CNN, BRL")):
        expected = rows.loc[row, ["gain", "gain_low", "gain_high"]].astype(float)
        assert board.loc[claim, ["effect", "low", "high"]].astype(float).tolist() == pytest.approx(
            expected.tolist(), rel=1e-4
        )
    assert (board["seeds"] == 2).all() and (board["verdict"] == "undecided").all()  # two seeds decide nothing
    assert "| Switches | Mirroring helps | " in paths["compare.md"].read_text()


def test_every_switch_of_the_recipe_and_every_loss_has_its_claim(outcomes):
    losses = {name for name in ALGORITHMS if name not in ("erm", "brl", "feature_means", "pretrain")}
    for topic in ("Losses", "Losses beside the recipe"):
        assert {claim.text for claim in HELPS[topic]} == {f"{ALGORITHMS[name].title} helps" for name in losses}
    *alone, together = ({*claim.terms[0].setting} & {*RECIPE} for claim in HELPS["Switches"])
    assert set().union(*alone) == together == set(RECIPE)
    board = judge(outcomes, "last", HELPS)
    assert board["topic"].value_counts(sort=False).to_dict() == {topic: len(part) for topic, part in HELPS.items()}


def test_a_row_without_all_its_runs_is_laid_out_and_has_no_mean(outcomes):
    half = [run for run in outcomes.runs if run.settings.method != "brl" or run.settings.held_out == "SMIC"]
    lines = lay_out(compare(replace(outcomes, runs=half))).set_index("row")
    brl = lines.loc["CNN, BRL"]
    assert brl["SAMM"] == brl["mean"] == "not run" and float(brl["SMIC"]) > 0 and brl["95 %"] == ""
    assert lines.loc["CNN", "mean"] != "not run"
    none_whole = [run for run in outcomes.runs if run.settings.held_out == "SMIC" and not is_inner(run)]
    rows = compare(replace(outcomes, runs=none_whole))
    assert set(lay_out(rows)["pooled"]) == {"not run"} and not len(mean_uar(rows))


def test_settings_of_one_name_are_named_by_what_they_differ_in(outcomes):
    plain = [run for run in outcomes.runs if run.settings.method == "erm" and not run.settings.mirror]
    slower = [replace(run, settings=replace(run.settings, lr=1e-5, epochs=9)) for run in plain]
    rows = compare(replace(outcomes, runs=[*plain, *slower]))
    names = [name for name in rows["row"].unique() if "ensemble" not in name and "tuned" not in name]
    lr = plain[0].settings.lr
    assert names == [f"CNN, epochs 3, lr {lr}", "CNN, epochs 9, lr 1e-05"]
    assert not rows.duplicated(["row", "selection", "column", "metric"]).any()


def test_runs_that_all_serve_tuning_are_refused(outcomes):
    with pytest.raises(ValueError, match="Leave `sources` out, or use protocol hde"):
        compare(replace(outcomes, runs=[run for run in outcomes.runs if is_inner(run)]))


def test_rows_that_saw_held_out_inputs_are_marked(outcomes):
    rows = compare(outcomes)
    rows.loc[rows["row"] == "CNN, BRL", "transductive"] = True
    names = list(lay_out(rows)["row"])
    assert "CNN, BRL (transductive)" in names and "CNN" in names


@pytest.mark.parametrize(
    "change, words",
    [
        ({"method": "erm"}, "CNN"),
        ({"method": "brl"}, "CNN, BRL"),
        ({"method": "brl", "lam": 0.3, "groups": "placebo"}, "CNN, BRL, placebo groups, λ 0.3"),
        ({"method": "erm", "recipe": "recommended"}, "CNN, recipe"),
        ({"method": "erm", "recipe": "recommended", "mirror": False}, "CNN, recipe without mirroring"),
        (
            {"method": "erm", "recipe": "recommended", "dropout": 0, "label_smoothing": 0},
            "CNN, recipe without regularisation",
        ),
        (
            {"method": "erm", "inputs": "apex", "class_weights": "balanced", "mirror": True},
            "CNN, mirroring, class weights",
        ),
        ({"method": "erm", "normalise": "centred"}, "CNN, centring"),
        ({"method": "erm", "inputs": "flow", "flow_encoding": "minmax"}, "CNN, flow as minmax"),
        ({"method": "svm", "inputs": "hoof", "normalise": "raw"}, "SVM, raw values"),
        ({"method": "vrex", "sampling": "balanced"}, "CNN, V-REx, balanced batches"),
        ({"method": "logreg", "recipe": "recommended", "input_size": 7}, "logistic regression, recipe, input size 7"),
        ({"method": "erm", "network": "ststnet", "dropout": 0.5}, "STSTNet, dropout 0.5"),
    ],
)
def test_a_setting_in_words(change, words):
    assert label(settings(**change)) == words


@pytest.mark.parametrize(
    "change, control",
    [
        ({"method": "erm"}, None),
        ({"method": "erm", "mirror": True}, {"method": "erm"}),
        ({"method": "brl", "lam": 0.3, "mirror": True}, {"method": "erm", "mirror": True}),
        ({"method": "brl", "groups": "placebo"}, {"method": "erm"}),
        ({"method": "vrex", "sampling": "balanced"}, {"method": "erm", "sampling": "balanced"}),
        ({"method": "erm", "ce_scale": 0.5}, {"method": "erm"}),
        ({"method": "brl", "augment": "oversample"}, {"method": "brl"}),
        ({"method": "logreg", "C": 1, "input_size": 7}, {"method": "logreg", "C": 1}),
        ({"method": "brl", "network": "rcn_a", "maps": 8}, {"method": "erm", "network": "rcn_a", "maps": 8}),
    ],
)
def test_what_a_gain_is_over(change, control):
    assert control_of(settings(**change)) == (control and settings(**control))
