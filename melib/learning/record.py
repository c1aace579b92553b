"""The run folder: everything one training leaves on disk, complete or not there at all."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pandas as pd

from melib.home import home, work_folder
from melib.learning.settings import FIELDS, RunSettings

PACKAGES = ("melib", "torch", "torchvision", "timm", "numpy", "pandas", "opencv-python")


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

    folder = settings.folder(data.fingerprint)
    if is_done(folder):
        return folder
    partial = work_folder(folder) / f"partial-{platform.node()}-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    counts = pd.crosstab(data.samples.index["dataset"], result.split)
    facts = {
        "settings": asdict(settings),
        "data": data.fingerprint,
        "synthetic": data.synthetic,
        "clips": {split: counts[split][counts[split] > 0].to_dict() for split in counts},
        "skipped": len(data.skipped),
        "seconds": round(result.seconds, 2),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": str(next(result.model.parameters()).device),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **{p: importlib.metadata.version(p) for p in PACKAGES}},
        **_revision(),
    }
    (partial / "run.json").write_text(json.dumps(facts, indent=1))
    result.history.to_parquet(partial / "history.parquet", index=False)
    result.predictions.to_parquet(partial / "predictions.parquet", index=False)
    if result.diagnosis:
        for name, table in vars(result.diagnosis).items():
            table.to_parquet(partial / f"diagnosis_{name}.parquet", index=False)
    weights = {**result.model.state_dict(), **{f"brl.{k}": v for k, v in result.brl.state_dict().items()}}
    save_file({name: tensor.contiguous().cpu() for name, tensor in weights.items()}, partial / "model.safetensors")
    (partial / "done").touch()
    if not is_done(folder):
        shutil.rmtree(folder, ignore_errors=True)  # what an interrupted copy of the folder may have left
    try:
        partial.rename(folder)
    except OSError:
        if not is_done(folder):  # someone else may have finished the same run first
            raise
        shutil.rmtree(partial)
    for name in ("checkpoint.pt", "progress.json"):
        (work_folder(folder) / name).unlink(missing_ok=True)
    with suppress(OSError):
        work_folder(folder).rmdir()  # a launcher's lock and notebook stay
    return folder


def is_done(folder: Path) -> bool:
    """Whether a run folder is complete."""
    return (folder / "done").is_file()


def read_run(folder: str | Path) -> Run:
    """Read a finished run folder. Raises FileNotFoundError where it is not done."""
    folder = Path(folder)
    if not is_done(folder):
        raise FileNotFoundError(f"{folder} is no finished run: it has no `done`. Run it again with `melib run`.")
    facts = json.loads((folder / "run.json").read_text())
    settings = RunSettings.from_parameters({n: v for n, v in facts["settings"].items() if n in FIELDS})
    return Run(folder, settings, facts, pd.read_parquet(folder / "history.parquet"))


def _revision() -> dict:
    """The git revision of the workbook and whether its tracked files were changed; None outside a checkout."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(home()), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return {"revision": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "-uno"))}
    except (OSError, subprocess.CalledProcessError):
        return {"revision": None, "dirty": None}
