"""Figure 7: what a run's features make of the held-out clips, on a plane, in regions of logistic regression."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES
from melib.errors import InputError
from melib.learning.metrics import METRICS, confusion, scores
from melib.learning.record import Run, finished_or_fit, is_done, read_run
from melib.learning.settings import RunSettings
from melib.prepare.data import Data
from melib.study.answers import probabilities
from melib.study.features import run_features

FITS = (
    "held_out",
    "train",
)  # the part that components and regression are fitted on: as the paper has it, and without leakage
MAPS = {"network": "probabilities", "held_out": "fitted on held_out", "train": "fitted on train"}  # to hover over
CORNERS = np.array([[0, 0], [1, 0], [0.5, 0.75**0.5]])  # of a probability of 1 for each class, an equilateral triangle
COLUMNS = ("held_out", "panel", "fit", "role", "clip_id", "label", "x", "y", "bias", "share_x", "share_y", *METRICS)


def runs_there(wanted: Mapping[str, RunSettings], data: Data, train: bool = False) -> dict[str, Path]:
    """The folders of those runs that are finished, by title; with `train` what is missing is trained first.

    Raises InputError where no run on data of the user's own is there: the committed figure is not of these.
    """
    if train:
        for run in wanted.values():
            finished_or_fit(data, run)
    folders = {title: run.folder(data.fingerprint) for title, run in wanted.items()}
    there = {title: folder for title, folder in folders.items() if is_done(folder)}
    if not there and not data.synthetic:
        raise InputError(f"No run on these data is there: {', '.join(wanted)}. `-p train True` trains them.")
    return there


def plane(features: np.ndarray, labels: np.ndarray, split: np.ndarray, fit: str) -> pd.DataFrame:
    """Two principal components and the regions of logistic regression, both fitted on the part `fit`, never on more.

    Components are scaled to unit variance over the clips they are fitted on. The rows are, by `role`: "score", with the
    components' shares of variance and Acc, UAR and UF1 on the held-out clips; "region", a class of the regression with
    its coefficients (x, y, bias); "held_out" and "train", the clips, held-out or fitted on, each at its place (x, y).

    Args:
        features, labels, split: (N, D) numbers, (N,) classes and (N,) parts of a run.
        fit: "held_out" (the paper's Figure 7: the score is that of a fit to its own clips) or
            "train" (no held-out clip in the fit).
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    fitted = split == fit
    tested = split == "held_out"
    components = PCA(2, whiten=True, svd_solver="arpack", random_state=0).fit(features[fitted])
    regression = LogisticRegression(max_iter=1000).fit(components.transform(features[fitted]), labels[fitted])
    weights = regression.coef_
    bias = regression.intercept_
    if len(weights) == 1:  # two classes share one line
        weights = np.vstack([-weights, weights])
        bias = np.array([-bias[0], bias[0]])
    predicted = regression.predict(components.transform(features[tested]))
    place = CLASSES.index
    counts = confusion([place(name) for name in labels[tested]], [place(name) for name in predicted])
    share = components.explained_variance_ratio_
    score = pd.DataFrame([{"role": "score", "share_x": share[0], "share_y": share[1], **scores(counts)}])
    regions = pd.DataFrame(weights, columns=["x", "y"]).assign(role="region", label=regression.classes_, bias=bias)
    chosen = fitted | tested
    clips = pd.DataFrame(components.transform(features[chosen]), columns=["x", "y"])
    return pd.concat([score, regions, clips.assign(role=split[chosen], label=labels[chosen])], ignore_index=True)


def simplex(run: Run) -> pd.DataFrame:
    """The probabilities that a run's last epoch gives the held-out clips, as points (x, y) of a triangle whose CORNERS
    are certainty of a class: role "probability", clip_id, label, x, y."""
    rows = run.predictions[run.predictions["split"] == "held_out"]
    rows = rows[rows["epoch"] == rows["epoch"].max()]
    points = pd.DataFrame(probabilities(rows) @ CORNERS, columns=["x", "y"])
    return points.assign(role="probability", clip_id=rows["clip_id"].to_numpy(), label=rows["label"].to_numpy())


def panels(folders: dict[str, Path], held_out: str, data: Data) -> pd.DataFrame:
    """`plane` of each run under both fits, and the network itself at its last epoch (fit "network"): its score and the
    `simplex`. Columns COLUMNS; `folders` maps a panel's title to its run folder.
    """
    tables = []
    labels = data.samples.index["label"].to_numpy(dtype=object)
    for title, folder in folders.items():
        run = read_run(folder)
        last = {metric: run.history[f"held_out_{metric}"].iloc[-1] for metric in METRICS}
        own = pd.concat([pd.DataFrame([{"role": "score", **last}]), simplex(run)])
        tables.append(own.assign(panel=title, fit="network"))
        features, split = run_features(run, data)
        for fit in FITS:
            parts = split.to_numpy(dtype=object)
            table = plane(features, labels, parts, fit).assign(panel=title, fit=fit)
            clips = data.samples.index["clip_id"][(parts == fit) | (parts == "held_out")]
            table.loc[table["role"].isin((fit, "held_out")), "clip_id"] = clips.to_numpy(dtype=object)
            tables.append(table)
    return pd.concat(tables, ignore_index=True).assign(held_out=held_out).reindex(columns=list(COLUMNS))
