"""How hard the demo corpus is: what was measured on it beside the bands that it was set to, and beside real clips."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.demo import actors, layouts, motion
from melib.corpus.index import CLASSES, DATASETS
from melib.learning.metrics import confusion, scores
from melib.learning.record import read_run
from melib.learning.selection import select
from melib.study.compare import mean_uar
from melib.study.rows import label, row_of

CNN, LINEAR = "CNN, on flow", "logistic regression, on flow"
SWITCHED = "CNN, on flow, centring, mirroring, class weights, dropout 0.5"
APEX, ONSET = "CNN, on apex", "CNN, on onset"
UNCENTRED = "CNN, on flow, mirroring, class weights, dropout 0.5"
MINMAX = "CNN, on flow, flow as minmax"
MINMAX_SWITCHED = f"{MINMAX}, centring, mirroring, class weights, dropout 0.5"
BOUND = "Upper bound: logistic regression on the true AUs"
# What the corpus was set to before any peer or domain-generalisation method was run on it: lowest and highest value.
BANDS = {
    "CNN on flow": (0.58, 0.72),
    "CNN less logistic regression": (0.0, 0.06),
    "gain of ordinary switches": (0.04, 1.0),
    "CNN on apex frames": (0.37, 0.46),
    "CNN on onset frames": (0.30, 0.37),
    "dataset read from onset frames": (0.95, 1.0),
    "best less worst held-out dataset": (0.12, 1.0),
    "upper bound": (0.80, 0.95),
}


def run_scores(folders: Iterable[str | Path]) -> pd.DataFrame:
    """Held-out UAR of runs, a row each: corpus, row (the setting in words), held_out, seed, uar (0-1).

    The epoch is chosen on source validation; estimators have one.
    """
    rows = []
    for folder in folders:
        run = read_run(folder)
        settings = run.settings
        by_rule = select(run.history, run.predictions, settings.first_selected).set_index("selection")["uar"]
        rows.append({
            "corpus": settings.corpus, "row": label(row_of(settings), True), "held_out": settings.held_out,
            "seed": settings.seed, "uar": by_rule["last" if settings.is_estimator else "source_val"],
        })  # fmt: skip
    return pd.DataFrame(rows)


def upper_bound(seed: int, clips: int = 2000) -> dict[str, float]:
    """UAR by dataset of logistic regression on the true AUs at the apex, fitted on freshly drawn clips of all datasets.

    `seed` is the corpus'; the fresh clips are other people's.
    """
    from sklearn.linear_model import LogisticRegression

    fresh = []
    draw = 0
    while len(fresh) < clips:
        draw += 1
        fresh += _labelled(1000 * (seed + 1) + draw)
    x, y, _ = _true_aus(fresh[:clips])
    model = LogisticRegression(max_iter=2000, class_weight="balanced").fit(x, y)
    x, y, datasets = _true_aus(_labelled(seed))
    predicted = model.predict(x)
    return {name: scores(confusion(y[datasets == name], predicted[datasets == name]))["uar"] for name in DATASETS}


def _labelled(seed: int) -> list[actors.Clip]:
    """The labelled clips of a demo corpus with this seed, rehearsed and not drawn."""
    planned = [clip for name in DATASETS for clip in layouts.plan(name, "demo", seed)]
    return [actors.rehearse(clip, seed, "demo") for clip in planned if clip.label and clip.in_sheet and clip.has_frames]


def _true_aus(clips: list[actors.Clip]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """AU intensities at the apex without blinks (N, 16), classes (N,) and datasets (N,)."""
    aus = [au for au in motion.OPENFACE_AUS if au != 45]
    x = np.array([[clip.peak.get(au, 0.0) for au in aus] for clip in clips])
    y = np.array([CLASSES.index(clip.label) for clip in clips])
    return x, y, np.array([clip.dataset for clip in clips])


def calibrate(folders: Iterable[str | Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """From finished runs of the calibration's grid: their UAR with that of the upper bound, and the table of `bands`.

    The first has a row per corpus, setting (row), held-out dataset and seed.

    Raises ValueError where runs of a setting are missing.
    """
    from melib.prepare.data import demo_of, open_corpus
    from melib.prepare.settings import PrepareSettings

    runs = run_scores(folders)
    if missing := [row for row in (CNN, LINEAR, SWITCHED, APEX, ONSET) if row not in set(runs["row"])]:
        raise ValueError(f"No finished run of {missing}; `melib run` the grid first.")
    corpora = list(runs["corpus"].unique())
    bounds = pd.DataFrame(
        {"corpus": corpus, "row": BOUND, "held_out": name, "seed": 0, "uar": uar}
        for corpus in corpora
        for name, uar in upper_bound(demo_of(corpus)[1]).items()
    )
    onset = open_corpus(corpora[0], PrepareSettings(image_size=64), ["onset"]).samples
    read = probe_accuracies(onset).set_index("target").loc["dataset", "accuracy"]
    return pd.concat([runs, bounds], ignore_index=True), bands(runs, bounds, read)


def bands(runs: pd.DataFrame, bounds: pd.DataFrame, read: float) -> pd.DataFrame:
    """Each band with what was measured: band, low, high, measured, met.

    Args:
        runs: of `run_scores`; means are over seeds, then held-out datasets, then corpora.
        bounds: the upper bound, a row per corpus and dataset (column uar).
        read: balanced accuracy (0-1) of predicting the dataset from onset frames, of `probe_accuracies`.
    """
    by_dataset = runs.groupby(["row", "held_out"])["uar"].mean()
    mean = by_dataset.groupby("row").mean()
    cnn = by_dataset[CNN]
    measured = {
        "CNN on flow": mean[CNN],
        "CNN less logistic regression": mean[CNN] - mean[LINEAR],
        "gain of ordinary switches": mean[SWITCHED] - mean[CNN],
        "CNN on apex frames": mean[APEX],
        "CNN on onset frames": mean[ONSET],
        "dataset read from onset frames": read,
        "best less worst held-out dataset": cnn.max() - cnn.min(),
        "upper bound": bounds["uar"].mean(),
    }
    table = pd.DataFrame([{"band": name, "low": low, "high": high, "measured": float(measured[name])}
                          for name, (low, high) in BANDS.items()])  # fmt: skip
    return table.assign(met=table["measured"].between(table["low"], table["high"]))


def likeness(real: pd.DataFrame, demo: pd.DataFrame, read_real: pd.DataFrame, read_demo: pd.DataFrame) -> pd.DataFrame:
    """The demo corpus beside real clips, in percent: measure, real and demo, each with low and high, and difference.

    Args:
        real, demo: of `compare`; the settings in both are compared by mean UAR after the last epoch, with its interval.
        read_real, read_demo: of `probe_accuracies`; dataset and emotion predicted from each array that both have.
    """
    tables = {"real": (_mean_uar(real), _accuracies(read_real)), "demo": (_mean_uar(demo), _accuracies(read_demo))}
    columns = [pd.concat(parts).add_prefix(f"{name}_") for name, parts in tables.items()]
    table = pd.concat(columns, axis=1, join="inner").rename(columns={"real_value": "real", "demo_value": "demo"})
    return table.rename_axis("measure").reset_index().assign(difference=lambda rows: rows["demo"] - rows["real"])


def probe_accuracies(samples) -> pd.DataFrame:
    """`probe_table` of the arrays of samples: how well dataset and emotion are read from each, on unseen subjects."""
    from melib.learning.domains import halves, probe_table

    return probe_table(samples.arrays, samples.index, halves(samples.index, 0), 0)


def _mean_uar(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean UAR after the last epoch by setting: value, low, high."""
    chosen = mean_uar(rows)
    return chosen.set_index("UAR: " + chosen["row"])[["value", "low", "high"]]


def _accuracies(probes: pd.DataFrame) -> pd.DataFrame:
    """Accuracies of probes in percent, dataset first, in the form of `_mean_uar`; they have no interval."""
    probes = probes.sort_values("target", kind="stable")
    names = probes["target"].replace("label", "emotion") + " read from " + probes["features"]
    return pd.DataFrame({"value": 100 * probes["accuracy"].to_numpy()}, index=names)
