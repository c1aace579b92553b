"""One training: from samples and settings to the records of every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from melib.checkpoint import Checkpoint
from melib.compute import deterministic, generator, pick_device, stream_seed
from melib.corpus.index import CLASSES, DATASETS
from melib.learning.backbones import Backbone, build
from melib.learning.brl import BatchRegularizationLoss, feature_mean_gap, weighted_cross_entropy
from melib.learning.diagnose import Diagnosis, diagnose
from melib.learning.inputs import Inputs, check_flip
from melib.learning.metrics import METRICS, confusion, scores
from melib.learning.settings import RunSettings
from melib.prepare.samples import Samples
from melib.prepare.topup import synthetic

SPLITS = ("train", "source_val", "held_out")


class FitError(ValueError):
    """Samples that cannot be trained on under these settings."""


@dataclass(frozen=True)
class Result:
    """What one training leaves.

    `history` has a row an epoch: loss, ce, brl (means over the training clips) and each metric on source_val and
    held_out. `predictions` has a row a clip and epoch: clip_id, subject, label, epoch, split, logits. `split` says what
    part each clip took. `model` and `brl` are as the last epoch left them. `seconds` is the time the training took.
    `diagnosis` is there where `diagnose` was set.
    """

    history: pd.DataFrame
    predictions: pd.DataFrame
    split: pd.Series
    model: Backbone
    brl: BatchRegularizationLoss
    seconds: float
    diagnosis: Diagnosis | None


def fit(
    samples: Samples,
    settings: RunSettings,
    progress: Callable[[int, int, dict], None] | None = None,
    work: Path | None = None,
) -> Result:
    """Train on the source datasets, look at the held-out one after every epoch, and select nothing.

    The loss is cross-entropy before epoch `brl_start` and (1 - lam) CE + lam BRL from it on (the paper's 3.2.1), or
    what the switches of the settings make of it. The initial weights, BRL's weights, the order of the samples, the
    flips and the validation subjects each draw from a generator of their own, so that lam = 0 trains to the same bits
    as plain cross-entropy.

    Args:
        samples: clips of at least three datasets; clips without label take no part, synthetic ones only in training.
        settings: see RunSettings; `corpus` and `out` are not read here.
        progress: called after each epoch with (epoch, epochs, the epoch's row of the history).
        work: folder for a checkpoint, from which an interrupted training goes on to the same bits.

    Raises:
        FitError: held-out dataset or sources absent, fewer than two sources, a class without a training clip.
    """
    device = pick_device(settings.device)
    split = check(samples, settings)
    with deterministic(settings.threads):
        return _train(samples, settings, split, device, progress or (lambda *_: None), work)


def check(samples: Samples, settings: RunSettings) -> pd.Series:
    """The part of each sample (`split_samples`), once sure that `fit` will start; raises ValueError as it does."""
    split = split_samples(samples.index, settings)
    if settings.flip:
        check_flip(settings.inputs)
    first = samples.select(np.arange(len(samples)) == 0)
    inputs = Inputs(first, settings.inputs, np.array([True]), torch.device("cpu"), settings.flow_encoding)
    with torch.device("meta"):
        build(settings.backbone, inputs.shape, seed=0)
    return split


def _train(samples, settings, split, device, progress, work) -> Result:
    train = (split == "train").to_numpy()
    inputs = Inputs(samples, settings.inputs, train, device, settings.flow_encoding)
    labels = codes(samples.index["label"], CLASSES).to(device)
    domains = codes(samples.index["dataset"], DATASETS).to(device)
    rows = torch.from_numpy(np.flatnonzero(train))
    of_row = domains.cpu()  # batches are drawn on the host, which then need never wait for the device
    compared = of_row
    if settings.groups == "placebo":
        compared = placebo(of_row, rows, generator(settings.seed, "placebo"))
    groups = compared.to(device)

    model = build(settings.backbone, inputs.shape, stream_seed(settings.seed, "weights"))
    model = model.to(device, memory_format=torch.channels_last)
    brl = BatchRegularizationLoss(
        model.head.in_features, generator(settings.seed, "brl"), settings.attention_weights, settings.spread
    ).to(device)
    # Adam skips a parameter without gradient, weight decay too: W rests at its first draw until BRL starts.
    weights = [*model.parameters(), *brl.parameters()]
    optimizer = torch.optim.Adam(weights, lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
    order, flips = generator(settings.seed, "order"), generator(settings.seed, "flips")
    amp = torch.autocast(device.type, dtype=torch.bfloat16, enabled=settings.precision == "bf16")

    key = f"{settings.digest('')} {len(samples)} {torch.__version__} {device.type}"
    parts = {"model": model, "brl": brl, "optimizer": optimizer}
    checkpoint = Checkpoint(work, key, parts, {"order": order, "flips": flips})
    records = checkpoint.load() or {"history": [], "logits": [], "diagnoses": []}
    evaluated = {name: np.flatnonzero(split == name) for name in SPLITS[1:] if (split == name).any()}
    for epoch in range(len(records["history"]) + 1, settings.epochs + 1):
        model.train()
        totals, seen = torch.zeros(3, device=device), 0
        drawn = batches(rows, settings.batch_size, order)
        if settings.sampling == "balanced":
            drawn = balanced_batches(rows, of_row[rows], settings.batch_size, order)
        for on_host in drawn:
            batch = on_host.to(device, non_blocking=True)
            present = compared[on_host].unique().to(device, non_blocking=True)
            flipped = torch.rand(len(batch), generator=flips) < 0.5 if settings.flip else None
            with amp:
                logits, features = model(inputs.batch(batch, flipped))
            among = groups[batch], present
            parts = losses(settings, brl, logits.float(), features.float(), labels[batch], *among, epoch)
            optimizer.zero_grad()
            parts[0].backward()
            optimizer.step()
            totals += len(batch) * torch.stack(parts).detach()
            seen += len(batch)
        row = dict(zip(("loss", "ce", "brl"), (totals / seen).tolist(), strict=True))
        if not np.isfinite(row["loss"]):
            raise FitError(
                f"The loss is {row['loss']} in epoch {epoch}: lower lr ({settings.lr}) or use precision fp32."
            )
        records["logits"].append({})
        for name, chosen in evaluated.items():
            logits = predict(model, inputs, torch.from_numpy(chosen).to(device), settings.batch_size, amp)
            records["logits"][-1][name] = logits
            counts = confusion(labels[chosen].cpu().numpy(), logits.numpy().argmax(1))
            row |= {f"{name}_{metric}": value for metric, value in scores(counts).items()}
        records["history"].append({"epoch": epoch, **row})
        if settings.diagnose:
            found = diagnose(model, brl, inputs, rows.to(device), labels, domains, samples.index, settings, epoch)
            records["diagnoses"].append(found.to_records())
        checkpoint.keep(epoch, settings.epochs, records)
        progress(epoch, settings.epochs, records["history"][-1])
    return _result(records, samples.index, evaluated, split, model, brl, checkpoint.seconds)


def _result(records, index, evaluated, split, model, brl, seconds) -> Result:
    columns = ["epoch", "loss", "ce", "brl", *(f"{s}_{m}" for s in SPLITS[1:] for m in METRICS)]
    history = pd.DataFrame(records["history"], columns=columns).astype({"epoch": "int64"})
    tables = []
    for epoch, logits in enumerate(records["logits"], 1):
        for name, values in logits.items():
            table = index.iloc[evaluated[name]][["clip_id", "subject", "label"]].assign(epoch=epoch, split=name)
            table[list(CLASSES)] = values.numpy()
            tables.append(table)
    diagnosis = Diagnosis.from_records(records["diagnoses"]) if records["diagnoses"] else None
    return Result(history, pd.concat(tables, ignore_index=True), split, model, brl, seconds, diagnosis)


def losses(settings, brl, logits, features, labels, groups, present, epoch) -> tuple[torch.Tensor, ...]:
    """Loss, cross-entropy and penalty of a batch of logits (N, 3), features (N, D), labels (N,) and groups (N,).

    `present` are the groups that occur in the batch.
    """
    started = epoch >= settings.brl_start
    lam = settings.lam if started else 0.0
    weighting = settings.weighting if started else "none"
    attention = brl.attention(features) if weighting != "none" else None
    ce = weighted_cross_entropy(logits, labels, attention, weighting)
    if not lam:
        return ce, ce, torch.zeros_like(ce)
    penalty = PENALTIES[settings.penalty](brl, features, groups, present)
    return (1 - lam if settings.scale_ce else 1) * ce + lam * penalty, ce, penalty


PENALTIES = {
    "brl": lambda brl, features, groups, present: brl(features, groups, present),
    "none": lambda brl, features, groups, present: torch.zeros((), device=features.device),
    "feature_means": lambda brl, features, groups, present: feature_mean_gap(features, groups, present),
}


def predict(model: Backbone, inputs: Inputs, rows: torch.Tensor, batch_size: int, amp) -> torch.Tensor:
    """Logits (N, 3) float32, on the CPU, of the samples `rows`."""
    model.eval()
    with torch.inference_mode(), amp:
        return torch.cat([model(inputs.batch(part))[0].float() for part in rows.split(4 * batch_size)]).cpu()


def split_samples(index: pd.DataFrame, settings: RunSettings) -> pd.Series:
    """Each sample's part in the run: train, source_val, held_out, or unused.

    source_val holds `val_share` of each source's subjects, drawn by subject, and no synthetic sample; held_out holds
    the real clips of the held-out dataset. Raises FitError as `fit` does.
    """
    present = [name for name in DATASETS if name in set(index["dataset"])]
    if settings.held_out not in present:
        raise FitError(
            f"held_out = {settings.held_out!r} is not in this corpus, which holds {present}. Choose one of them."
        )
    sources = list(settings.sources) or [name for name in present if name != settings.held_out]
    absent = sorted(set(sources) - set(present))
    if absent:
        raise FitError(f"Sources {absent} are not in this corpus, which holds {present}.")
    if len(sources) < 2:
        raise FitError(
            f"Only {sources} is left to train on with {settings.held_out} held out; at least two source datasets are "
            "needed to tell what they share. Add a dataset to the corpus."
        )
    labelled = index["label"].notna().to_numpy()
    real = ~synthetic(index)
    split = pd.Series("unused", index=index.index)
    split[labelled & index["dataset"].isin(sources).to_numpy()] = "train"
    split[labelled & real & (index["dataset"] == settings.held_out).to_numpy()] = "held_out"
    if settings.val_share:
        draw = generator(settings.seed, "source_val")
        for source in sources:
            of_source = (split == "train").to_numpy() & (index["dataset"] == source).to_numpy()
            subjects = sorted(index["subject"][of_source & real].unique())
            wanted = max(1, round(settings.val_share * len(subjects)))
            chosen = {subjects[i] for i in torch.randperm(len(subjects), generator=draw)[:wanted].tolist()}
            theirs = of_source & index["subject"].isin(chosen).to_numpy()
            split[theirs] = "unused"  # a face kept for validation is not trained on in synthetic form either
            split[theirs & real] = "source_val"
    counts = index["label"][split == "train"].value_counts()
    lacking = [name for name in CLASSES if not counts.get(name, 0)]
    if lacking:
        raise FitError(
            f"No training clip of class {lacking} in {sources}: the held-out clips of it could never be learned."
        )
    if not (split == "held_out").any():
        raise FitError(f"{settings.held_out} has no labelled clip to test on.")
    return split


def codes(column: pd.Series, names: tuple[str, ...]) -> torch.Tensor:
    """The place of each value in `names`, (N,) integer; -1 for a missing one."""
    return torch.from_numpy(pd.Categorical(column, categories=names).codes.astype(np.int64))


def batches(rows: torch.Tensor, size: int, order: torch.Generator) -> Iterator[torch.Tensor]:
    """`rows` once in random order, in batches; a last one of a single sample joins the one before it (batch norm)."""
    shuffled = rows[torch.randperm(len(rows), generator=order).to(rows.device)]
    parts = list(shuffled.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return iter(parts)


def balanced_batches(
    rows: torch.Tensor, domains: torch.Tensor, size: int, order: torch.Generator
) -> Iterator[torch.Tensor]:
    """As many batches as `batches` gives, each with the same number of `rows` (N,) of every dataset in `domains` (N,).

    A dataset is gone through in random order, again and again, so small ones are seen more often than large ones.
    """
    present = domains.unique()
    each = max(1, size // len(present))
    count = -(-len(rows) // (each * len(present)))
    columns = []
    for domain in present:
        own = rows[domains == domain]
        rounds = -(-count * each // len(own))
        drawn = torch.cat([own[torch.randperm(len(own), generator=order).to(own.device)] for _ in range(rounds)])
        columns.append(drawn[: count * each].view(count, each))
    return iter(torch.cat(columns, dim=1))


def placebo(domains: torch.Tensor, rows: torch.Tensor, order: torch.Generator) -> torch.Tensor:
    """Groups of the datasets' sizes that mean nothing: `domains` (N,) with those of the training `rows` shuffled."""
    shuffled = domains.clone()
    shuffled[rows] = domains[rows[torch.randperm(len(rows), generator=order).to(rows.device)]]
    return shuffled
