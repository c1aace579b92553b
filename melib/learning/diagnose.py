"""BRL under the lamp: what an epoch left in its attention weights, its gradients and the features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from melib.corpus.index import DATASETS
from melib.learning.brl import group_means
from melib.learning.probes import probe

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found in every epoch.

    `epochs`, a row an epoch: norm_w, inside (the share of W that lies in the span of the datasets' mean features),
    attention_std, gap (BRL over all training clips), gradient_ce and gradient_brl (norms at the features, mean over
    batches), and the balanced accuracy of fresh linear probes, probe_dataset and probe_label. `attention`, a row an
    epoch and dataset: mean, and quantiles q10, q25, q50, q75, q90.
    """

    epochs: pd.DataFrame
    attention: pd.DataFrame

    def to_records(self) -> dict[str, list[dict]]:
        """Both tables as plain rows, for a checkpoint."""
        return {name: table.to_dict("records") for name, table in vars(self).items()}

    @classmethod
    def from_records(cls, epochs: Iterable[dict[str, list[dict]]]) -> Diagnosis:
        """The rows of several epochs as one diagnosis."""
        epochs = list(epochs)
        return cls(**{name: pd.DataFrame([row for e in epochs for row in e[name]]) for name in epochs[0]})


def diagnose(model, brl, inputs, rows, labels, domains, index, settings, epoch) -> Diagnosis:
    """Look at the training clips `rows` (N,) with the model and BRL as `epoch` left them; nothing is changed or drawn.

    Both gradients are of the plain losses, before lam weighs them, in batches of the training's size. The probes are
    read by subjects they were not fitted on (`probes.probe`) and say what the features hold, not what BRL was told.
    """
    model.eval()
    with torch.inference_mode():
        features = torch.cat([model(inputs.batch(part))[1].float() for part in rows.split(4 * settings.batch_size)])
    features, theirs, truth = features.clone(), domains[rows], labels[rows]
    with torch.no_grad():
        attention, means = brl.attention(features), group_means(brl.attention(features), theirs)
        centres = torch.stack([features[theirs == domain].mean(0) for domain in theirs.unique()])
        basis = torch.linalg.qr((centres - centres.mean(0))[:-1].T)[0]
        inside = (basis.T @ brl.weight).norm() / brl.weight.norm()
    # Every so-manieth clip, so that a batch holds the datasets in the proportion of the whole.
    count = -(-len(rows) // settings.batch_size)
    gradients = np.array([_gradients(model, brl, features[i::count], truth[i::count], theirs[i::count])
                          for i in range(count)])  # fmt: skip
    row = {
        "epoch": epoch, "norm_w": float(brl.weight.detach().norm()), "inside": float(inside),
        "attention_std": float(attention.std(correction=0)), "gap": float(means.max() - means.min()),
        "gradient_ce": gradients[:, 0].mean(), "gradient_brl": gradients[:, 1].mean(),
    }  # fmt: skip
    subjects, found = index["subject"].to_numpy(dtype=str)[rows.cpu()], features.cpu().numpy()
    for name, y in (("dataset", theirs), ("label", truth)):
        y = np.unique(y.cpu().numpy(), return_inverse=True)[1]
        read = probe(found, y, subjects, seed=settings.seed)[1]
        row[f"probe_{name}"] = float(np.mean([(read == y)[y == k].mean() for k in range(y.max() + 1)]))
    table = []
    for domain in theirs.unique().tolist():
        own = attention[theirs == domain].cpu().numpy()
        spread = {f"q{100 * q:.0f}": float(np.quantile(own, q)) for q in QUANTILES}
        table.append({"epoch": epoch, "dataset": DATASETS[domain], "mean": float(own.mean()), **spread})
    return Diagnosis(pd.DataFrame([row]), pd.DataFrame(table))


def _gradients(model, brl, features, labels, domains) -> tuple[float, float]:
    """Norms of the gradients of cross-entropy and of BRL at `features` (N, D) of a batch."""
    features = features.clone().requires_grad_()
    losses = nn.functional.cross_entropy(model.head(features), labels), brl(features, domains)
    return tuple(float(torch.autograd.grad(loss, features)[0].norm()) for loss in losses)
