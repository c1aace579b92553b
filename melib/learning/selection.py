"""Selection rules: which epoch's numbers are reported, decided after training and named in every row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES
from melib.learning.metrics import METRICS, confusion, scores


def last(history: pd.DataFrame) -> dict[str, int]:
    """The last epoch."""
    return dict.fromkeys(METRICS, int(history["epoch"].iloc[-1]))


def source_val(history: pd.DataFrame) -> dict[str, int] | None:
    """The epoch of best UAR on the source subjects kept out of training; None where there are none."""
    if history["source_val_uar"].isna().all():
        return None
    return dict.fromkeys(METRICS, _best(history, "source_val_uar"))


def oracle(history: pd.DataFrame) -> dict[str, int]:
    """The epoch of best accuracy on what is held out itself: what the paper did. Optimistic, and no result."""
    return dict.fromkeys(METRICS, _best(history, "held_out_acc"))


def oracle_per_metric(history: pd.DataFrame) -> dict[str, int]:
    """Each metric at its own best held-out epoch: what the paper's numbers suggest. Not a model that exists."""
    return {metric: _best(history, f"held_out_{metric}") for metric in METRICS}


RULES: dict[str, Callable[[pd.DataFrame], dict[str, int] | None]] = {
    "last": last,
    "source_val": source_val,
    "oracle": oracle,
    "oracle_per_metric": oracle_per_metric,
}
ORACLES = ("oracle", "oracle_per_metric")


def chosen_epochs(history: pd.DataFrame, rule: str, first: int) -> dict[str, dict[str, int]] | None:
    """The epoch of each metric (keys: metric, then fold) under a rule, which sees one fold at a time.

    Only epochs from `first` on are looked at, also without a penalty, so that every setting is given the same number of
    tries. None where the rule has nothing to go by.
    """
    by_fold = {}
    for fold, rows in history[history["epoch"] >= first].groupby("fold", sort=False):
        epochs = RULES[rule](rows)
        if epochs is None:
            return None
        by_fold[fold] = epochs
    return {metric: {fold: epochs[metric] for fold, epochs in by_fold.items()} for metric in METRICS}


def chosen_predictions(
    history: pd.DataFrame, predictions: pd.DataFrame, rule: str, first: int
) -> dict[str, pd.DataFrame]:
    """The held-out rows of `predictions` that a rule chooses, by metric; empty where it has nothing to go by."""
    epochs = chosen_epochs(history, rule, first)
    if epochs is None:
        return {}
    held_out = predictions[predictions["split"] == "held_out"]
    return {metric: held_out[held_out["epoch"] == held_out["fold"].map(by_fold)] for metric, by_fold in epochs.items()}


def predicted_classes(rows: pd.DataFrame) -> np.ndarray:
    """The class of highest logit of each row of a predictions table, (N,) numbers."""
    return rows[list(CLASSES)].to_numpy().argmax(1)


def counts_of(rows: pd.DataFrame) -> np.ndarray:
    """The confusion counts (3, 3) of the rows of a predictions table: true classes down, predicted ones across."""
    return confusion(rows["label"].map(CLASSES.index).to_numpy(dtype=int), predicted_classes(rows))


def select(history: pd.DataFrame, predictions: pd.DataFrame, first: int) -> pd.DataFrame:
    """Held-out metrics under each rule, counts pooled over folds: columns selection, acc, uar, uf1.

    A run of one fold also names the epoch that each metric comes from (acc_epoch ...); a run of several chooses fold by
    fold. `source_val` is left out where the run kept no subjects for it.
    """
    rows = []
    for rule in RULES:
        chosen = chosen_predictions(history, predictions, rule, first)
        if not chosen:
            continue
        row = {"selection": rule}
        for metric, table in chosen.items():
            row[metric] = scores(counts_of(table))[metric]
        if history["fold"].nunique() == 1:
            row |= {f"{metric}_epoch": int(table["epoch"].iloc[0]) for metric, table in chosen.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def pooled_by_epoch(predictions: pd.DataFrame) -> pd.DataFrame:
    """Every metric by epoch, counts pooled over folds: epoch, source_val_acc ... held_out_uf1; missing without clips.

    Of a run of one fold it holds the figures of its history.
    """
    rows = {}
    for (epoch, split), table in predictions.groupby(["epoch", "split"]):
        values = scores(counts_of(table))
        rows.setdefault(epoch, {}).update({f"{split}_{metric}": value for metric, value in values.items()})
    columns = [f"{split}_{metric}" for split in ("source_val", "held_out") for metric in METRICS]
    return pd.DataFrame.from_dict(rows, "index").reindex(columns=columns).rename_axis("epoch").reset_index()


def honest_confusion(history: pd.DataFrame, predictions: pd.DataFrame, first: int) -> tuple[str, np.ndarray]:
    """The rule that is a result, source_val or else last, and the confusion counts (3, 3) that it gives."""
    for rule in ("source_val", "last"):
        chosen = chosen_predictions(history, predictions, rule, first)
        if chosen:
            break
    return rule, counts_of(chosen["uar"])


def _best(history: pd.DataFrame, column: str) -> int:
    """The first epoch with the highest value."""
    return int(history.loc[history[column].idxmax(), "epoch"])
