"""Protocols: what is held out at a time, of which datasets, under which labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import pandas as pd

from melib.corpus.index import dataset_order


class Protocol(ABC):
    """Folds of an index and the clips each of them tests; all other clips of the datasets may be trained on.

    `datasets` are those it is defined on (none: any), `mapping` is how their emotions become classes, `holds_out`
    ("dataset" or "subject") says what a fold is named after, `needs_sources` that `sources` must be named.
    """

    datasets: ClassVar[tuple[str, ...]] = ()
    mapping: ClassVar[str] = "table1"
    holds_out: ClassVar[str] = "dataset"
    needs_sources: ClassVar[bool] = False

    @abstractmethod
    def folds(self, index: pd.DataFrame) -> list[str]:
        """The names of the folds, in a fixed order."""

    @abstractmethod
    def test(self, index: pd.DataFrame, fold: str) -> np.ndarray:
        """Which clips of `index` the fold tests, (N,) boolean."""


class LeaveOneDatasetOut(Protocol):
    """The paper's protocol: one dataset is held out, the others (or the named `sources`) are trained on."""

    def folds(self, index: pd.DataFrame) -> list[str]:
        return dataset_order(index["dataset"])

    def test(self, index: pd.DataFrame, fold: str) -> np.ndarray:
        return (index["dataset"] == fold).to_numpy(dtype=bool)


class Holdout(LeaveOneDatasetOut):
    """Holdout-database evaluation (MEGC2018, ATNet): one dataset is tested, those named as `sources` are trained on."""

    needs_sources = True


class LeaveOneSubjectOut(Protocol):
    """One fold per subject of any datasets; `sources` names the datasets whose clips are pooled (default: all)."""

    holds_out = "subject"

    def folds(self, index: pd.DataFrame) -> list[str]:
        labelled = index.dropna(subset=["label"])
        subjects = labelled.groupby("dataset")["subject"].unique()
        return [subject for dataset in dataset_order(subjects.index) for subject in sorted(subjects[dataset])]

    def test(self, index: pd.DataFrame, fold: str) -> np.ndarray:
        return (index["subject"] == fold).to_numpy(dtype=bool)


class Composite2019(LeaveOneSubjectOut):
    """MEGC2019's composite database evaluation: one fold per subject of SMIC, CASME II and SAMM, counts pooled."""

    datasets = ("SMIC", "CASME2", "SAMM")
    mapping = "megc2019"
