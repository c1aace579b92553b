"""The local launcher: one papermill subprocess a run, so that no two kernels share a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd
import yaml

from melib.home import home, resolve
from melib.learning.settings import FIELDS
from melib.study.plan import executed_notebook

NOTEBOOK = "notebooks/04_training_brl.ipynb"


@dataclass(frozen=True)
class Outcome:
    """How one run of a launch ended: its folder's name and the error line, empty where it is done."""

    run: str
    error: str


def run_local(
    plan: pd.DataFrame, slots: int | None = None, progress: Callable[[Outcome], None] | None = None
) -> list[Outcome]:
    """Run what is not done yet in `plan`, `slots` at a time (default: cores over the plan's threads).

    Each run is `papermill` on the training notebook in a process of its own. A failed run keeps its executed notebook
    under `<out>/.notebooks/` and does not stop the others. `progress` is called after each run.
    """
    waiting = plan[plan["state"] != "done"]
    slots = slots or max(1, (os.cpu_count() or 1) // max(1, int(waiting["threads"].max()) if len(waiting) else 1))
    with ThreadPoolExecutor(slots) as pool:
        outcomes = []
        for outcome in pool.map(_run_one, waiting.to_dict("records")):
            outcomes.append(outcome)
            if progress:
                progress(outcome)
    return outcomes


def _run_one(row: dict) -> Outcome:
    out = resolve(row["out"])
    notebook = executed_notebook(out, row["run"])
    notebook.parent.mkdir(parents=True, exist_ok=True)
    parameters = {name: row[name] for name in FIELDS} | {"sources": list(row["sources"])}
    command = [sys.executable, "-m", "papermill", str(home() / NOTEBOOK), str(notebook), "--no-progress-bar"]
    # The kernel must be this environment's: a kernel of the same name in the user's home would win otherwise.
    environment = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", "OMP_NUM_THREADS": str(row["threads"])}
    ended = subprocess.run(
        [*command, "--parameters_yaml", yaml.safe_dump(parameters)],
        cwd=home(), env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    folder = out / row["run"]
    if ended.returncode == 0 and (folder / "done").is_file():
        notebook.replace(folder / "notebook.ipynb")
        return Outcome(row["run"], "")
    return Outcome(
        row["run"], failure(notebook) or _last_line(ended.stderr) or f"papermill ended with {ended.returncode}"
    )


def failure(notebook) -> str:
    """The error line of an executed notebook, empty where no cell of it failed or it was never written."""
    if not notebook.is_file():
        return ""
    for cell in json.loads(notebook.read_text())["cells"]:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return f"{output['ename']}: {output['evalue']}"
    return ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
