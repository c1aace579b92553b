"""Predictions of runs for single clips: those of one run, their course over the epochs, and two runs compared."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES
from melib.folder import DamagedError, check_done, is_done
from melib.learning.metrics import METRICS, confusion, scores
from melib.learning.record import Run
from melib.learning.selection import RULES, chosen_predictions, predicted_classes
from melib.learning.settings import RunSettings
from melib.settings import SettingsError
from melib.study.statistics import flip_test

log = logging.getLogger(__name__)


def probabilities(rows: pd.DataFrame) -> np.ndarray:
    """The softmax (N, 3) of the logits of a predictions table, each row by its own."""
    from scipy.special import softmax

    return softmax(rows[list(CLASSES)].to_numpy(dtype=float), axis=1)


def rules_of(run: Run) -> list[str]:
    """The selection rules that a run can be read under, honest ones first; of the epoch of best UAR where they differ
    by metric."""
    return [
        rule for rule in RULES if chosen_predictions(run.history, run.predictions, rule, run.settings.first_selected)
    ]


def answers(run: Run, rule: str) -> pd.DataFrame:
    """A row a held-out clip under a rule: clip_id, dataset, subject, true, predicted, epoch, `sure` (the probability of
    the predicted class) and the probability of each class; the surest first.

    Raises ValueError where the rule has nothing to go by in this run.
    """
    chosen = chosen_predictions(run.history, run.predictions, rule, run.settings.first_selected)
    if not chosen:
        raise ValueError(f"{run.folder.name} kept no subjects for {rule!r}; choose one of {rules_of(run)}.")
    rows = chosen["uar"].reset_index(drop=True)
    table = rows[["clip_id", "dataset", "subject", "epoch"]].copy()
    table["true"] = rows["label"]
    table["predicted"] = np.array(CLASSES)[predicted_classes(rows)]
    table[list(CLASSES)] = probabilities(rows)
    table["sure"] = table[list(CLASSES)].max(axis=1)
    return table.sort_values("sure", ascending=False, kind="stable").reset_index(drop=True)


def counts(table: pd.DataFrame) -> np.ndarray:
    """Confusion counts (3, 3) of `answers`, true classes in rows."""
    true, predicted = (table[name].map(CLASSES.index).to_numpy(dtype=int) for name in ("true", "predicted"))
    return confusion(true, predicted)


def course(run: Run, clip_id: str) -> pd.DataFrame:
    """The probability of each class that a run gave a clip after each epoch; index epoch, columns CLASSES."""
    rows = run.predictions[(run.predictions["clip_id"] == clip_id) & (run.predictions["split"] == "held_out")]
    table = pd.DataFrame(probabilities(rows), columns=list(CLASSES), index=rows["epoch"])
    return table.sort_index()


def flipped(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The clips that two runs' `answers` give other classes: clip_id, subject, true, first, second; mended ones first.

    A clip is "mended" where the second is right, "spoilt" where the first was, "both wrong" otherwise.
    """
    both = first.merge(second[["clip_id", "predicted"]], on="clip_id", suffixes=("", "_second"))
    both = both[both["predicted"] != both["predicted_second"]]
    table = both[["clip_id", "subject", "true"]].assign(first=both["predicted"], second=both["predicted_second"])
    right = [table["second"] == table["true"], table["first"] == table["true"]]
    order = ["mended", "spoilt", "both wrong"]
    table["change"] = pd.Categorical(np.select(right, order[:2], order[2]), order)
    return table.sort_values(["change", "clip_id"]).reset_index(drop=True)


def compared(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Acc, UAR and UF1 (%) of two runs' `answers` on the same clips, their difference and the paired test's p.

    The test swaps whole subjects (`statistics.flip_test`); with one seed it knows nothing of how much a training
    varies. Raises ValueError where the clips are not the same.
    """
    if set(first["clip_id"]) != set(second["clip_id"]):
        shared = len(set(first["clip_id"]) & set(second["clip_id"]))
        raise ValueError(
            f"These runs hold out {len(first)} and {len(second)} clips, {shared} of them the same: a paired test needs "
            "the same clips. Choose the same fold on both sides."
        )
    ordered = [table.sort_values("clip_id").reset_index(drop=True) for table in (first, second)]
    clips = ordered[0][["dataset", "subject"]].assign(true=ordered[0]["true"].map(CLASSES.index).astype(int))
    codes = [table["predicted"].map(CLASSES.index).to_numpy(dtype=int)[None] for table in ordered]
    p = flip_test(*codes, clips)[-1]
    rows = []
    for place, metric in enumerate(METRICS):
        one, other = (100 * scores(counts(table))[metric] for table in ordered)
        rows.append({"metric": metric, "first": one, "second": other, "difference": other - one, "p": p[place]})
    return pd.DataFrame(rows)


def run_table(folders: Iterable[str | Path]) -> pd.DataFrame:
    """A row a finished run among `folders`: `folder` and its settings; read from run.json alone.

    What is unfinished or damaged is left out, which the log says.
    """
    rows = []
    for folder in map(Path, folders):
        if not is_done(folder):
            continue
        try:
            if problems := check_done(folder):
                raise DamagedError(problems[0])
            facts = json.loads((folder / "run.json").read_text())
            values = RunSettings.from_parameters(facts["settings"]).values()
        except (SettingsError, DamagedError, ValueError, KeyError) as error:
            log.warning("%s is left out: %s", folder.name, error)
            continue
        rows.append({"folder": folder, "synthetic": facts["synthetic"], "data": facts["data"], **values})
    return pd.DataFrame(rows)


def folders_in(place: str | Path) -> list[Path]:
    """The finished run folders that lie in `place`, by name."""
    place = Path(place)
    return sorted(path for path in place.iterdir() if is_done(path) and (path / "run.json").is_file()) if (
        place.is_dir()) else []  # fmt: skip
