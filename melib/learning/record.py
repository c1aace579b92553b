"""The run folder: everything one training leaves on disk, complete or not there at all."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from melib.folder import is_done, made_with, publish, require_whole
from melib.home import work_folder
from melib.learning.settings import RunSettings


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder."""

    folder: Path
    settings: RunSettings
    facts: dict  # run.json: versions, revision, time, memory, device, counts
    history: pd.DataFrame

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Logits per clip, split and epoch."""
        return pd.read_parquet(self.folder / "predictions.parquet")

    @property
    def diagnosis(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The two tables of `diagnose.Diagnosis`, of a run made with `diagnose`; FileNotFoundError otherwise."""
        return tuple(pd.read_parquet(self.folder / f"diagnosis_{name}.parquet") for name in ("epochs", "attention"))


def finished_or_fit(data, settings: RunSettings, progress=None) -> Run:
    """The run of these settings on `data`: read from its folder where it is finished, else trained and saved first.

    `progress` as in `fit`; an interrupted training goes on from its checkpoint.
    """
    folder = settings.folder(data.fingerprint)
    if not is_done(folder):
        from melib.learning.fit import fit

        save_run(fit(data.samples, settings, progress, work_folder(folder)), settings, data)
    return read_run(folder)


def save_run(result, settings: RunSettings, data) -> Path:
    """Write the run folder of a `fit` result under a temporary name, `done` last, then rename it; return it.

    run.json holds settings, versions, revision, time and memory, beside history.parquet, predictions.parquet, the two
    tables of the diagnosis where there is one and, of a run of one fold, model.safetensors: the weights of the last
    epoch, or what the estimator learned. A folder that is already done is left alone: same settings, same result.
    """

    def fill(partial: Path) -> None:
        (partial / "run.json").write_text(json.dumps(_facts(result, settings, data), indent=1))
        result.history.to_parquet(partial / "history.parquet", index=False)
        result.predictions.to_parquet(partial / "predictions.parquet", index=False)
        if result.diagnosis:
            for name, table in vars(result.diagnosis).items():
                table.to_parquet(partial / f"diagnosis_{name}.parquet", index=False)
        if len(result.folds) == 1:
            _save_weights(result.method, settings, partial / "model.safetensors")

    return publish(settings.folder(data.fingerprint), fill)


def _facts(result, settings: RunSettings, data) -> dict:
    """What run.json says."""
    index = data.samples.index
    if len(result.folds) == 1:
        counts = pd.crosstab(index["dataset"], result.split)
        clips = {split: counts[split][counts[split] > 0].to_dict() for split in counts}
    else:  # each clip is trained on in some folds and tested in one
        tested = result.predictions[result.predictions["split"] == "held_out"].drop_duplicates("clip_id")
        clips = {"held_out": tested["dataset"].value_counts().to_dict()}
        clips["train"] = clips["held_out"]
    device = "cpu" if settings.is_estimator else next(result.method.parameters()).device
    return {
        "settings": settings.parameters(),
        "data": data.fingerprint,
        "synthetic": data.synthetic,
        "folds": result.folds,
        "clips": clips,
        "skipped": len(data.skipped),
        "chosen": result.method.choices() if settings.is_estimator else {},
        "parameters": 0 if settings.is_estimator else sum(p.numel() for p in result.method.network.parameters()),
        "seconds": round(result.seconds, 2),
        "memory": peak_memory(),
        "computed_in": "" if settings.is_estimator else result.method.task.precision,
        **made_with(device),
    }


def peak_memory() -> int:
    """The most memory in MB that this process has held, or one of those that it started and waited for."""
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kilobytes
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(most / unit)


def _save_weights(method, settings: RunSettings, path: Path) -> None:
    """An algorithm's tensors (its network's begin with "network."), or an estimator's arrays."""
    import torch
    from safetensors.torch import save_file

    if settings.is_estimator:
        tensors = {name: torch.from_numpy(array) for name, array in method.arrays().items()}
    else:
        tensors = {name: value for name, value in method.state_dict().items() if isinstance(value, torch.Tensor)}
    save_file({name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, path)


def read_run(folder: str | Path) -> Run:
    """Read a finished run folder.

    Raises FileNotFoundError where it is not done, DamagedError where a file of it is no longer what it was.
    """
    folder = Path(folder)
    if not is_done(folder):
        raise FileNotFoundError(f"{folder} is no finished run: it has no `done`. Run it again with `melib run`.")
    require_whole(folder)
    facts = json.loads((folder / "run.json").read_text())
    settings = RunSettings.from_parameters(facts["settings"])
    return Run(folder, settings, facts, pd.read_parquet(folder / "history.parquet"))
