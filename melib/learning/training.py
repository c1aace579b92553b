"""The training loop: it knows of an algorithm its `loss`, `update`, `predict` and state alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from melib.checkpoint import Checkpoint
from melib.compute import computed_in, generator, stream_seed
from melib.home import resolve
from melib.learning.algorithms.base import Algorithm, Batch, Task
from melib.learning.diagnose import diagnose
from melib.learning.estimators.base import Estimator
from melib.learning.fold import EVALUATED, Fold
from melib.learning.inputs import Inputs, in_batches
from melib.learning.metrics import confusion, scores
from melib.learning.networks.build import build, load_weights
from melib.learning.registry import ALGORITHMS, NETWORKS
from melib.learning.settings import RunSettings
from melib.learning.split import FitError, balanced_batches, batches

STREAMS = ("order", "flips", "target")  # of the samples, of mirroring, of held-out inputs for transductive algorithms


@dataclass
class Records:
    """What grows by an entry per epoch; plain lists, so that a checkpoint can hold them."""

    history: list[dict] = field(default_factory=list)
    logits: list[dict[str, Tensor]] = field(default_factory=list)
    diagnoses: list[dict] = field(default_factory=list)


@dataclass(frozen=True)
class FoldResult:
    """The records of one fold, with what made them; the method only of the last fold of a run."""

    fold: Fold
    records: Records
    method: Algorithm | Estimator | None
    seconds: float


def train(fold: Fold, path: Path | None, done: Callable[[int, dict], None]) -> FoldResult:
    """Train an algorithm on one fold, epoch by epoch, going on from its checkpoint."""
    settings = fold.settings
    algorithm = build_algorithm(fold)
    streams = {name: generator(settings.seed, name) for name in STREAMS}
    device = f"{fold.device.type} {algorithm.task.precision}"
    key = f"{settings.digest('')} {fold.name} {len(fold.labels)} {torch.__version__} {device}"
    checkpoint = Checkpoint(path, key, {"algorithm": algorithm}, streams)
    records = Records(**(checkpoint.load() or {}))
    for epoch in range(len(records.history) + 1, settings.epochs + 1):
        losses = train_epoch(algorithm, fold, epoch, streams)
        _check_finite(losses, epoch, settings)
        logits = evaluate(algorithm, fold)
        records.logits.append(logits)
        records.history.append({"epoch": epoch, **losses, **measure(logits, fold)})
        if settings.diagnose:
            records.diagnoses.append(diagnose(algorithm, fold, epoch))
        # A finished fold is kept whole: the others of its run may take long.
        checkpoint.keep(vars(records), now=epoch == settings.epochs)
        done(epoch, records.history[-1])
    return FoldResult(fold, records, algorithm, checkpoint.seconds)


def build_algorithm(fold: Fold) -> Algorithm:
    """The run's algorithm with its network, as they start."""
    settings = fold.settings
    network_options = {name: settings.option(name) for name in NETWORKS[settings.network].options}
    network = build(settings.network, fold.inputs.shapes, stream_seed(settings.seed, "weights"), network_options)
    network.dropout = settings.dropout
    if settings.weights:
        load_weights(network, resolve(settings.weights))
    is_3d = any(weights.ndim == 5 for weights in network.parameters())  # channels_last is for weights of four axes
    network = network.to(fold.device, memory_format=torch.channels_last_3d if is_3d else torch.channels_last)
    spec = ALGORITHMS[settings.method]
    task = Task(
        options={name: settings.option(name) for name in spec.options},
        device=fold.device,
        groups=fold.groups_on_host[fold.train].unique().to(fold.device),
        first_epoch=settings.brl_start,
        lr=settings.lr,
        weight_decay=settings.weight_decay,
        optimizer=settings.optimizer,
        label_smoothing=settings.label_smoothing,
        class_weights=fold.class_weights,
        seed=settings.seed,
        precision=computed_in(settings.precision, fold.device),
    )
    return spec.load()(network, task)


def train_epoch(algorithm: Algorithm, fold: Fold, epoch: int, streams: dict[str, torch.Generator]) -> dict[str, float]:
    """One pass over the training clips; the means of what the algorithm's `loss` says of them."""
    settings = fold.settings
    algorithm.train()
    if settings.lr_step:
        algorithm.set_rate(settings.lr * settings.lr_factor ** ((epoch - 1) // settings.lr_step))
    totals = 0
    clips = 0
    if settings.sampling == "balanced":
        drawn = balanced_batches(fold.train, fold.domains_on_host[fold.train], settings.batch_size, streams["order"])
    else:
        drawn = batches(fold.train, settings.batch_size, streams["order"])
    # What draws without a generator of its own (dropout) starts anew each epoch, so that a resumed run draws the same.
    cuda = [fold.device] if fold.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(stream_seed(settings.seed, f"epoch {epoch}"))
        for on_host in drawn:
            losses = algorithm.update(_batch(fold, on_host, epoch, streams))
            totals = totals + len(on_host) * torch.stack(list(losses.values())).detach()
            clips += len(on_host)
    return dict(zip(losses, (totals / clips).tolist(), strict=True))


def _batch(fold: Fold, on_host: Tensor, epoch: int, streams: dict[str, torch.Generator]) -> Batch:
    """The batch of the rows `on_host` (B,), drawn on the host, which then need never wait for the device."""
    rows = on_host.to(fold.device, non_blocking=True)
    mirrored = torch.rand(len(rows), generator=streams["flips"]) < 0.5 if fold.settings.mirror else None
    present = fold.groups_on_host[on_host].unique().to(fold.device, non_blocking=True)
    target = None
    if fold.settings.spec.uses_target:
        picked = torch.randint(len(fold.parts["held_out"]), (len(rows),), generator=streams["target"])
        target = fold.inputs.batch(fold.parts["held_out"][picked].to(fold.device))
    return Batch(fold.inputs.batch(rows, mirrored), fold.labels[rows], fold.groups[rows], present, epoch, target)


def evaluate(algorithm: Algorithm, fold: Fold) -> dict[str, Tensor]:
    """Logits (N, 3) on the CPU of each evaluated part."""
    algorithm.eval()
    parts = {name: rows for name, rows in fold.parts.items() if name in EVALUATED}
    return {name: logits_of(algorithm, fold.settings, fold.inputs, rows) for name, rows in parts.items()}


def logits_of(algorithm: Algorithm, settings: RunSettings, inputs: Inputs, rows: Tensor) -> Tensor:
    """Logits (N, 3) on the CPU of the `rows` (N,); with `mirror` the mean over a clip and its mirror image."""
    size = 4 * settings.batch_size
    logits = in_batches(algorithm.predict, inputs, rows, size).cpu()
    if settings.mirror:
        logits = (logits + in_batches(algorithm.predict, inputs, rows, size, mirrored=True).cpu()) / 2
    return logits


def measure(logits: dict[str, Tensor], fold: Fold) -> dict[str, float]:
    """Each metric of each part, such as held_out_uar."""
    row = {}
    for name, values in logits.items():
        counts = confusion(fold.labels[fold.parts[name]].cpu().numpy(), values.numpy().argmax(1))
        row |= {f"{name}_{metric}": value for metric, value in scores(counts).items()}
    return row


def _check_finite(losses: dict[str, float], epoch: int, settings: RunSettings) -> None:
    if not np.isfinite(losses["loss"]):
        raise FitError(
            f"The loss is {losses['loss']} in epoch {epoch}: lower lr ({settings.lr}) or use precision fp32."
        )
