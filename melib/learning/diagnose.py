"""BRL observed: what an epoch left in its attention weights, its gradients and the features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from melib.learning.algorithms.brl import BRL
from melib.learning.fold import Fold
from melib.learning.groups import group_means
from melib.learning.inputs import in_batches
from melib.learning.probes import probe

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` measured in every epoch.

    `epochs`, a row per epoch: norm_w, inside (the share of W that lies in the span of the datasets' mean features),
    attention_std, gap (BRL over all training clips), gradient_ce and gradient_brl (norms at the features, mean over
    batches), and the balanced accuracy of fresh linear probes, probe_dataset and probe_label. `attention`, a row an
    epoch and dataset: mean, and quantiles q10, q25, q50, q75, q90.
    """

    epochs: pd.DataFrame
    attention: pd.DataFrame

    @classmethod
    def from_records(cls, epochs: Iterable[dict[str, list[dict]]]) -> Diagnosis:
        """What `diagnose` gave for several epochs as one diagnosis."""
        rows: dict[str, list[dict]] = {"epochs": [], "attention": []}
        for epoch in epochs:
            for name, more in epoch.items():
                rows[name] += more
        return cls(**{name: pd.DataFrame(part) for name, part in rows.items()})


def diagnose(algorithm: BRL, fold: Fold, epoch: int) -> dict[str, list[dict]]:
    """Measure the training clips with the network and BRL as `epoch` left them; nothing is changed or drawn.

    Both gradients are of the plain losses, before lam weighs them, in batches of the training's size. The probes are
    read by subjects they were not fitted on (`probes.probe`) and say what the features hold, not what BRL is given.
    Returns the rows of both tables of a `Diagnosis` as plain numbers, which a checkpoint can hold.
    """
    algorithm.eval()
    rows = fold.train.to(fold.device)
    features = in_batches(lambda x: algorithm(x)[1], fold.inputs, rows, 4 * fold.settings.batch_size).clone()
    domains = fold.domains_on_host.to(fold.device)[rows]
    labels = fold.labels[rows]
    row = {
        "epoch": epoch,
        **_attention_facts(algorithm.brl, features, domains),
        **_gradient_norms(algorithm, features, labels, domains, fold.settings.batch_size),
        **_probe_accuracies(features, domains, labels, fold),
    }
    return {"epochs": [row], "attention": _attention_rows(algorithm.brl, features, domains, fold, epoch)}


def _attention_facts(brl: nn.Module, features: Tensor, domains: Tensor) -> dict[str, float]:
    """Norm of W, its share in the span of the datasets' means, and what the attention does over all clips."""
    with torch.no_grad():
        attention = brl.attention(features)
        means = group_means(attention, domains)
        centres = torch.stack([features[domains == domain].mean(0) for domain in domains.unique()])
        basis = torch.linalg.qr((centres - centres.mean(0))[:-1].T)[0]
        inside = (basis.T @ brl.weight).norm() / brl.weight.norm()
    return {
        "norm_w": float(brl.weight.detach().norm()), "inside": float(inside),
        "attention_std": float(attention.std(correction=0)), "gap": float(means.max() - means.min()),
    }  # fmt: skip


def _gradient_norms(algorithm: BRL, features: Tensor, labels: Tensor, domains: Tensor, size: int) -> dict[str, float]:
    """Mean over batches of the norms of both losses' gradients at the features.

    A batch takes every n-th clip, so that it holds the datasets in the proportion of the whole.
    """
    count = -(-len(features) // size)
    norms = []
    for start in range(count):
        every = slice(start, None, count)
        part = features[every].clone().requires_grad_()
        losses = (
            nn.functional.cross_entropy(algorithm.network.head(part), labels[every]),
            algorithm.brl(part, domains[every]),
        )
        norms.append([float(torch.autograd.grad(loss, part)[0].norm()) for loss in losses])
    ce, brl = np.array(norms).T
    return {"gradient_ce": float(ce.mean()), "gradient_brl": float(brl.mean())}


def _probe_accuracies(features: Tensor, domains: Tensor, labels: Tensor, fold: Fold) -> dict[str, float]:
    """Balanced accuracy of fresh linear probes for the dataset and for the class."""
    subjects = fold.subjects[fold.train.numpy()]
    accuracies = {}
    for name, truth in (("dataset", domains), ("label", labels)):
        y = np.unique(truth.cpu().numpy(), return_inverse=True)[1]
        read = probe(features.cpu().numpy(), y, subjects, seed=fold.settings.seed)[1]
        accuracies[f"probe_{name}"] = float(np.mean([(read == y)[y == k].mean() for k in range(y.max() + 1)]))
    return accuracies


def _attention_rows(brl: nn.Module, features: Tensor, domains: Tensor, fold: Fold, epoch: int) -> list[dict]:
    with torch.no_grad():
        attention = brl.attention(features)
    rows = []
    for domain in domains.unique().tolist():
        values = attention[domains == domain].cpu().numpy()
        spread = {f"q{100 * q:.0f}": float(np.quantile(values, q)) for q in QUANTILES}
        rows.append({"epoch": epoch, "dataset": fold.datasets[domain], "mean": float(values.mean()), **spread})
    return rows
