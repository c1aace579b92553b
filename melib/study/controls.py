"""What each method adds on corpora with a known answer: the demo corpus, its shift, and real clips, side by side."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from melib.study.compare import mean_uar

SHUFFLED = ", less the same on shuffled dataset labels"
PLAIN = "CNN"


def side_by_side(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Gains in mean UAR over the control of each row, in points, with p of `compare`.

    `tables` maps a corpus in words to the rows of `compare`. Where a corpus has methods that were also run on placebo
    groups, dataset labels drawn at random, it is there a second time, SHUFFLED behind its name: the gain is what the
    true labels have more than those.
    """
    parts = []
    for corpus, rows in tables.items():
        chosen = mean_uar(rows)
        true = chosen[chosen["less_shuffled"].notna()].drop(columns=["gain", "gain_low", "gain_high", "p"])
        true = true.rename(columns=lambda name: name.replace("less_shuffled", "gain"))
        parts += [chosen.assign(corpus=corpus), true.assign(corpus=corpus + SHUFFLED)]
    columns = ["corpus", "row", "control", "value", "gain", "gain_low", "gain_high", "p", "seeds", "parameters",
               "synthetic"]  # fmt: skip
    return pd.concat(parts, ignore_index=True)[columns]


def recovered(shift: pd.DataFrame, oracle: pd.DataFrame) -> pd.DataFrame:
    """What each row of the shift regains of the loss of cross-entropy: row, value, lost, regained (share of the loss).

    Both are rows of `compare`; the oracle is cross-entropy on the same clips without the cue. In points of mean UAR.
    ValueError where cross-entropy was not run on all of them.
    """
    values = [mean_uar(rows).set_index("row")["value"] for rows in (shift, oracle)]
    if any(PLAIN not in table for table in values):
        raise ValueError(f"No row {PLAIN!r} (cross-entropy on all datasets): `melib run` its grid and `melib compare`.")
    erm, best = values[0][PLAIN], values[1][PLAIN]
    table = values[0].rename("value").reset_index()
    table["lost"] = best - table["value"]
    return table.assign(regained=(table["value"] - erm) / (best - erm), oracle=best)
