"""The run folder: everything one training leaves on disk, complete or not there at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from melib.folder import is_done, made_with, publish
from melib.learning.settings import FIELDS, RunSettings


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder."""

    folder: Path
    settings: RunSettings
    facts: dict  # run.json: versions, revision, timings, device, counts
    history: pd.DataFrame

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Logits per clip, split and epoch."""
        return pd.read_parquet(self.folder / "predictions.parquet")

    @property
    def diagnosis(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The two tables of `diagnose.Diagnosis`, of a run made with `diagnose`; FileNotFoundError otherwise."""
        return tuple(pd.read_parquet(self.folder / f"diagnosis_{name}.parquet") for name in ("epochs", "attention"))


def save_run(result, settings: RunSettings, data) -> Path:
    """Write the run folder of a `fit` result under a temporary name, `done` last, then rename it; return it.

    run.json holds settings, versions, revision and timings, beside history.parquet, predictions.parquet and
    model.safetensors (BRL's weights with it), and the two tables of the diagnosis where there is one. A folder that is
    already done is left alone: same settings, same result.
    """
    from safetensors.torch import save_file

    def fill(partial: Path) -> None:
        counts = pd.crosstab(data.samples.index["dataset"], result.split)
        facts = {
            "settings": asdict(settings),
            "data": data.fingerprint,
            "synthetic": data.synthetic,
            "clips": {split: counts[split][counts[split] > 0].to_dict() for split in counts},
            "skipped": len(data.skipped),
            "seconds": round(result.seconds, 2),
            **made_with(next(result.model.parameters()).device),
        }
        (partial / "run.json").write_text(json.dumps(facts, indent=1))
        result.history.to_parquet(partial / "history.parquet", index=False)
        result.predictions.to_parquet(partial / "predictions.parquet", index=False)
        if result.diagnosis:
            for name, table in vars(result.diagnosis).items():
                table.to_parquet(partial / f"diagnosis_{name}.parquet", index=False)
        weights = {**result.model.state_dict(), **{f"brl.{k}": v for k, v in result.brl.state_dict().items()}}
        save_file({name: tensor.contiguous().cpu() for name, tensor in weights.items()}, partial / "model.safetensors")

    return publish(settings.folder(data.fingerprint), fill)


def read_run(folder: str | Path) -> Run:
    """Read a finished run folder. Raises FileNotFoundError where it is not done."""
    folder = Path(folder)
    if not is_done(folder):
        raise FileNotFoundError(f"{folder} is no finished run: it has no `done`. Run it again with `melib run`.")
    facts = json.loads((folder / "run.json").read_text())
    settings = RunSettings.from_parameters({n: v for n, v in facts["settings"].items() if n in FIELDS})
    return Run(folder, settings, facts, pd.read_parquet(folder / "history.parquet"))
