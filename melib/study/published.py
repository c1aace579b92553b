"""Figures of other methods as they were printed, with the terms they stand on: data, never a result of a run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

TARGETS = ("SMIC", "CASME2", "SAMM")  # the datasets that others report


def published(protocol: str) -> pd.DataFrame:
    """The printed figures of a protocol ("cde2019", "hde", or "table9" of the paper), in percent, a row per method and
    metric: method, key (its name in the registry, where it has one), metric, pooled, SMIC, CASME2, SAMM (missing where
    not printed), selection (who chose the epoch or setting: last, test set, no epochs, not known), terms, source.
    """
    table = pd.read_csv(Path(__file__).with_name("published.csv"))
    return table[table["protocol"] == protocol].drop(columns="protocol").reset_index(drop=True)
