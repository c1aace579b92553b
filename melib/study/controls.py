"""What each method adds on corpora with a known answer: the demo corpus, its shift, and real clips, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

PLACEBO = ", placebo groups"
PLAIN = "CNN"


def side_by_side(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Gains in mean UAR over the control of each row, in points: corpus, row, control, value, gain, low, high, seeds.

    `tables` maps a corpus in words to the rows of `compare`. `less_shuffled` is the gain less that of the same method
    on placebo groups, dataset labels dealt at random; missing where that was not run.
    """
    parts = []
    for corpus, rows in tables.items():
        chosen = rows[(rows["selection"] == "last") & (rows["metric"] == "uar") & (rows["column"] == "mean")]
        gain = chosen.set_index("row")["gain"]
        shuffled = [gain.get(name + PLACEBO, np.nan) for name in chosen["row"]]
        parts.append(chosen.assign(corpus=corpus, less_shuffled=chosen["gain"] - shuffled))
    columns = ["corpus", "row", "control", "value", "gain", "gain_low", "gain_high", "less_shuffled", "seeds"]
    return pd.concat(parts, ignore_index=True)[[*columns, "synthetic"]]


def recovered(shift: pd.DataFrame, oracle: pd.DataFrame) -> pd.DataFrame:
    """What each row of the shift regains of the loss of cross-entropy: row, value, lost, regained (share of the loss).

    Both are rows of `compare`; the oracle is cross-entropy on the same clips without the cue. In points of mean UAR.
    """
    values = [_mean_uar(rows) for rows in (shift, oracle)]
    erm, best = values[0][PLAIN], values[1][PLAIN]
    table = values[0].rename("value").reset_index()
    table["lost"] = best - table["value"]
    return table.assign(regained=(table["value"] - erm) / (best - erm), oracle=best)


def _mean_uar(rows: pd.DataFrame) -> pd.Series:
    chosen = rows[(rows["selection"] == "last") & (rows["metric"] == "uar") & (rows["column"] == "mean")]
    return chosen.set_index("row")["value"]
