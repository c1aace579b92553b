"""A fold opened for training: inputs, classes, datasets and parts, on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from melib.compute import generator
from melib.corpus.index import CLASSES, dataset_order
from melib.learning.inputs import Inputs
from melib.learning.settings import RunSettings
from melib.learning.split import class_weights, codes, placebo, split_samples
from melib.prepare.samples import Samples

EVALUATED = ("source_val", "held_out")


@dataclass(frozen=True)
class Fold:
    """One fold of a run.

    Args:
        name: of the fold: a dataset or a subject.
        settings: of the run.
        index: the samples' index, N rows.
        split: the part of each sample.
        parts: the rows of each part that has some.
        inputs: what the method sees of the samples; None once the fold is trained on.
        labels: (N,) numbers of the classes.
        domains: (N,) numbers of the datasets, in the order of `datasets`.
        groups: (N,) what an algorithm gets as `domain`: the datasets, or placebo groups.
        class_weights: (3,) or None.
        device: where inputs and numbers lie; those `on_host` are on the CPU.
    """

    name: str
    settings: RunSettings
    index: pd.DataFrame
    split: pd.Series
    parts: dict[str, Tensor]
    inputs: Inputs | None
    labels: Tensor
    datasets: list[str]
    domains_on_host: Tensor
    groups_on_host: Tensor
    groups: Tensor
    class_weights: Tensor | None
    device: torch.device

    @property
    def train(self) -> Tensor:
        """The rows to train on, on the CPU."""
        return self.parts["train"]

    @property
    def subjects(self) -> np.ndarray:
        """The subject of each sample, (N,) text."""
        return self.index["subject"].to_numpy(dtype=str)


def open_fold(samples: Samples, settings: RunSettings, name: str, device: torch.device) -> Fold:
    """Open a fold: split the samples, put them on the device, and number classes and datasets."""
    split = split_samples(samples.index, settings, name)
    rows = {part: torch.from_numpy(np.flatnonzero(split == part)) for part in ("train", *EVALUATED)}
    rows = {part: where for part, where in rows.items() if len(where)}
    datasets = dataset_order(samples.index["dataset"])
    labels = codes(samples.index["label"], CLASSES)
    domains = codes(samples.index["dataset"], datasets)
    groups = domains
    if settings.groups == "placebo":
        groups = placebo(domains, rows["train"], generator(settings.seed, "placebo"))
    weights = None
    if settings.class_weights == "balanced":
        weights = torch.from_numpy(class_weights(labels[rows["train"]].numpy())).float().to(device)
    inputs = Inputs(samples, settings, (split == "train").to_numpy(), device)
    return Fold(
        name, settings, samples.index, split, rows, inputs, labels.to(device), datasets, domains, groups,
        groups.to(device), weights, device,
    )  # fmt: skip
