"""Selection rules: which epoch's numbers are reported, decided after training and named in every row."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from melib.learning.metrics import METRICS


def last(history: pd.DataFrame) -> dict[str, int]:
    """The last epoch."""
    return dict.fromkeys(METRICS, int(history["epoch"].iloc[-1]))


def source_val(history: pd.DataFrame) -> dict[str, int] | None:
    """The epoch of best UAR on the source subjects kept out of training; None where there are none."""
    if history["source_val_uar"].isna().all():
        return None
    return dict.fromkeys(METRICS, _best(history, "source_val_uar"))


def oracle(history: pd.DataFrame) -> dict[str, int]:
    """The epoch of best accuracy on the held-out dataset itself: what the paper did. An upper bound, not a result."""
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


def select(history: pd.DataFrame, brl_start: int) -> pd.DataFrame:
    """Held-out metrics under each rule: columns selection, acc, uar, uf1 and the epoch each metric comes from.

    Only epochs from `brl_start` on are looked at, also where lam = 0, so that every setting is given the same number
    of tries. `source_val` is left out where the run kept no subjects for it.
    """
    window = history[history["epoch"] >= brl_start]
    rows = []
    for name, rule in RULES.items():
        epochs = rule(window)
        if epochs is not None:
            at = window.set_index("epoch")
            values = {metric: float(at.loc[epoch, f"held_out_{metric}"]) for metric, epoch in epochs.items()}
            rows.append({"selection": name, **values, **{f"{m}_epoch": e for m, e in epochs.items()}})
    return pd.DataFrame(rows)


def _best(history: pd.DataFrame, column: str) -> int:
    """The first epoch with the highest value."""
    return int(history.loc[history[column].idxmax(), "epoch"])
