"""Bands of the demo corpus are computed as they say; the comparison with real clips joins what both have."""

import numpy as np
import pandas as pd
import pytest

from melib.corpus.index import DATASETS
from melib.figures.difficulty import calibration_message, likeness_message
from melib.study import difficulty
from melib.study.difficulty import APEX, BANDS, CNN, LINEAR, ONSET, SWITCHED, bands, likeness, upper_bound


@pytest.fixture
def runs():
    means = {CNN: 0.66, LINEAR: 0.64, SWITCHED: 0.71, APEX: 0.40, ONSET: 0.33}
    rng = np.random.default_rng(0)
    rows = []
    for row, mean in means.items():
        for k, name in enumerate(DATASETS):
            for corpus, shift in (("demo", 0.01), ("demo-seed1", -0.01)):
                for seed, noise in enumerate(rng.normal(0, 0.01, 2)):
                    value = mean + shift + 0.05 * (k - 2) + noise - (noise if seed else 0)
                    rows.append({"corpus": corpus, "row": row, "held_out": name, "seed": seed, "uar": value})
    return pd.DataFrame(rows)


def test_bands_are_of_the_means_over_seeds_datasets_and_corpora(runs):
    table = bands(runs, pd.DataFrame({"uar": [0.8, 0.9]}), 0.99).set_index("band")

    def mean(row):
        part = runs[runs["row"] == row]
        return np.mean([part[part["held_out"] == name]["uar"].mean() for name in DATASETS])

    assert list(table.index) == list(BANDS)
    measured = table["measured"]
    assert measured["CNN on flow"] == pytest.approx(mean(CNN))
    assert measured["CNN less logistic regression"] == pytest.approx(mean(CNN) - mean(LINEAR))
    assert measured["gain of ordinary switches"] == pytest.approx(mean(SWITCHED) - mean(CNN))
    assert measured["upper bound"] == pytest.approx(0.85) and measured["dataset read from onset frames"] == 0.99
    by_dataset = runs[runs["row"] == CNN].groupby("held_out")["uar"].mean()
    assert measured["best less worst held-out dataset"] == pytest.approx(by_dataset.max() - by_dataset.min())


@pytest.mark.parametrize(("row", "change", "band"), [(CNN, 0.2, "CNN on flow"), (APEX, -0.05, "CNN on apex frames"),
                                                     (SWITCHED, -0.1, "gain of ordinary switches")])  # fmt: skip
def test_a_value_outside_its_band_is_not_met(runs, row, change, band):
    bound = pd.DataFrame({"uar": [0.85]})
    assert bands(runs, bound, 0.99).set_index("band")["met"][band]
    runs.loc[runs["row"] == row, "uar"] += change
    assert not bands(runs, bound, 0.99).set_index("band")["met"][band]


def test_the_upper_bound_is_above_chance_and_perfect_where_nothing_is_doubted(monkeypatch):
    usual = upper_bound(0, clips=600)
    assert set(usual) == set(DATASETS) and min(usual.values()) > 0.5
    chances = {"happiness": {12: 1.0}, "surprise": {1: 1.0}}
    negative = {name: {4: 1.0} for name in ("disgust", "anger", "fear", "sadness")}
    monkeypatch.setattr(
        difficulty.actors.expressions, "EMOTIONS", difficulty.actors.expressions.EMOTIONS | chances | negative
    )
    monkeypatch.setattr(difficulty.actors.expressions, "DOUBT", 0.0)
    monkeypatch.setattr(difficulty.actors.expressions, "HABIT_SHARE", 0.0)
    assert np.mean(list(upper_bound(0, clips=600).values())) > 0.97


def test_likeness_sets_what_both_have_side_by_side():
    def rows(values):
        table = pd.DataFrame({"row": list(values), "value": list(values.values())})
        return table.assign(
            low=table["value"] - 5, high=table["value"] + 6, selection="last", metric="uar", column="mean"
        )

    def probe_accuracies(values):
        return pd.DataFrame([{"features": f, "target": t, "accuracy": a} for (f, t), a in values.items()])

    read_real = probe_accuracies({("hoof", "dataset"): 0.5, ("hoof", "label"): 0.4, ("lbptop", "label"): 0.3})
    read_demo = probe_accuracies({("hoof", "dataset"): 0.6, ("hoof", "label"): 0.35})
    table = likeness(rows({"CNN": 68.0, "BRL": 69.0}), rows({"CNN": 60.0}), read_real, read_demo).set_index("measure")
    assert list(table.index) == ["UAR: CNN", "dataset read from hoof", "emotion read from hoof"]
    assert table["difference"].round(6).tolist() == [-8.0, 10.0, -5.0]
    intervals = table[["real_low", "real_high", "demo_low", "demo_high"]]
    assert intervals.loc["UAR: CNN"].tolist() == [63.0, 74.0, 55.0, 66.0]
    assert intervals.drop(index="UAR: CNN").isna().all(axis=None)  # probes have none


def test_the_calibration_s_title_names_the_bands_that_are_missed(runs):
    bound = runs[runs["row"] == CNN].assign(row=difficulty.BOUND, uar=0.85)
    words = "The demo corpus meets 7 of the 7 bands of UARs and their differences"
    assert calibration_message(pd.concat([runs, bound])) == words
    low = runs.assign(uar=runs["uar"].where(runs["row"] != SWITCHED, runs["uar"] - 0.03))
    measured = bands(low, bound, 0.99).set_index("band")["measured"]["gain of ordinary switches"]
    words = words.replace("7 of", "6 of") + f"\nmissed: gain of ordinary switches {100 * measured:.1f} (4 or more)"
    assert calibration_message(pd.concat([low, bound])) == words


def test_the_likeness_title_holds_the_uars_apart():
    table = pd.DataFrame({"measure": ["UAR: CNN", "UAR: CNN, recipe", "emotion read from hoof"],
                          "difference": [-9.5, -5.6, 10.9]})  # fmt: skip
    words = "UARs differ from real clips' by −9.5 to −5.6 points; 0 of 1 probes lie within 10"
    assert likeness_message(table) == words
