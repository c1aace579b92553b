"""Finished runs made ready for a clip of one's own: last weights, temperature, and what they were trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.index import print_name
from melib.folder import is_done
from melib.home import resolve
from melib.learning.calibration import fit_temperature, last_logits
from melib.learning.data import load_data
from melib.learning.record import Run, read_run
from melib.learning.settings import RunSettings
from melib.prepare.arrays import ARRAYS, kind_of
from melib.prepare.data import Data, find_corpus
from melib.prepare.pipeline import Progress
from melib.prepare.samples import Samples, is_samples_folder
from melib.prepare.topup import synthetic
from melib.study.features import check_data, trained_algorithm
from melib.study.ranges import clip_measures

SHOWN = ("onset", "apex", "flow")  # what measures and pictures need, beside what the run sees
ALIKE = ("inputs", *RunSettings.having(part="preparation"))  # what runs that are averaged must agree on
OF_DATA = (*ALIKE, "corpus", "datasets", "mapping", "protocol")  # what names a run's samples, with no top-up
OF_TOP_UP = ("augment", "target", "generated", "profile", "held_out", "sources", "seed")


@dataclass(frozen=True)
class Model:
    """A run of one fold with its last epoch's weights.

    Args:
        run: as read from its folder.
        synthetic: whether it was trained on drawn faces.
        logits: from samples with the run's arrays, N rows, to logits (N, 3).
        temperature: fitted on the run's source validation subjects; None where it kept too few.
        measures: `ranges.clip_measures` of its real training clips.
        training: their numbers by dataset.
    """

    run: Run
    synthetic: bool
    logits: Callable[[Samples], np.ndarray]
    temperature: float | None
    measures: pd.DataFrame
    training: dict[str, int]

    @property
    def name(self) -> str:
        return self.run.folder.name


def load_models(folders: str | Iterable[str | Path] | None = None, progress: Progress | None = None) -> list[Model]:
    """The runs in `folders`, by default the one that `default_run` names.

    Raises ValueError for a run whose inputs cannot be made from a clip, of several folds, without applicable weights or
    on data that are not the corpus' any more, and for runs that differ in inputs or preparation.
    """
    named = [folders] if isinstance(folders, str) else folders or []
    folders = [resolve(folder) for folder in named] or [default_run()]
    if absent := [str(folder) for folder in folders if not is_done(folder)]:
        raise ValueError(f"{absent} are no finished runs. Name folders such as those in {resolve('runs')}.")
    runs = [read_run(folder) for folder in folders]
    for run in runs:
        _check_run(run)
    _check_alike(runs)
    loaded: dict[tuple, Data] = {}
    models = []
    for run in runs:
        topped_up = run.settings.augment != "none"
        key = tuple(getattr(run.settings, name) for name in (*OF_DATA, *(OF_TOP_UP if topped_up else ())))
        if key not in loaded:
            loaded[key] = _load_data(run.settings, progress)
        models.append(_open_model(run, loaded[key]))
    return models


def default_run(out: str = "runs") -> Path:
    """A finished run under `out` that can predict for a clip: of the demo corpus if there is one, the first by name.

    ValueError where there is none.
    """
    able = []
    for path in sorted(resolve(out).glob("[!.]*/run.json")):
        if is_done(path.parent):
            try:
                run = read_run(path.parent)
                _check_run(run)
            except ValueError:  # a run of other inputs or of several folds, or of settings that are no more
                continue
            able.append(run)
    if able:
        return min(able, key=lambda run: run.settings.corpus != RunSettings.at_rest()["corpus"]).folder
    raise ValueError(
        f"No finished run in {resolve(out)} can predict for a clip. `make demo` trains some, or name a run folder."
    )


def card(models: Iterable[Model]) -> pd.DataFrame:
    """What has to be known of each run before it is used, a column per run: the facts of a model card."""
    columns = {}
    for number, model in enumerate(models, start=1):
        settings = model.run.settings
        history = model.run.history.iloc[-1]
        trained = ", ".join(f"{print_name(name)} {count}" for name, count in model.training.items())
        columns[f"run {number}"] = {
            "folder": model.name,
            "method": settings.method if settings.is_estimator else f"{settings.method}, {settings.network}",
            "inputs": f"{settings.inputs} of crops of {settings.image_size} px",
            "trained on (clips)": trained,
            "faces": "drawn by the workbook: synthetic" if model.synthetic else "real",
            "never seen": print_name(settings.held_out),
            "UAR there, last epoch (chance 33 %)": f"{100 * history['held_out_uar']:.0f} %",
            "temperature": f"{model.temperature:.2f}" if model.temperature else "none: not calibrated",
            "finished": model.run.facts["finished"],
        }
    return pd.DataFrame(columns)


def _check_run(run: Run) -> None:
    """Raise ValueError where a run cannot predict for a clip, whatever the clip."""
    other = [name for name in run.settings.arrays if name not in ARRAYS]
    if other:
        raise ValueError(
            f"{run.folder.name} was trained on {', '.join(other)}, which cannot be made from the frames of a clip. "
            f"Give a run whose inputs are among {', '.join(ARRAYS)}."
        )
    if len(run.facts["folds"]) > 1:
        raise ValueError(
            f"{run.folder.name} went through {len(run.facts['folds'])} folds and kept the weights of none. Give a run "
            "of one fold (-p held_out)."
        )
    if run.settings.is_estimator and run.settings.method != "logreg":
        raise ValueError(
            f"{run.folder.name} is a run of {run.settings.method}, which is fitted together with the clips it "
            "predicts or keeps no weights of its own. Give a run of a network or of logreg."
        )


def _check_alike(runs: list[Run]) -> None:
    """Raise ValueError where runs that are to be averaged do not see the same arrays."""
    first = runs[0]
    for run in runs[1:]:
        differing = [
            f"{name} ({getattr(first.settings, name)} and {getattr(run.settings, name)})"
            for name in ALIKE
            if getattr(first.settings, name) != getattr(run.settings, name)
        ]
        if differing:
            raise ValueError(
                f"{first.folder.name} and {run.folder.name} differ in {', '.join(differing)}, so that they cannot be "
                "averaged. Give runs of the same inputs and preparation, or one at a time."
            )


def _load_data(settings: RunSettings, progress: Progress | None) -> Data:
    arrays = settings.arrays
    if not is_samples_folder(find_corpus(settings.corpus, progress)):
        arrays = tuple(dict.fromkeys((*arrays, *SHOWN)))
    return load_data(settings, progress, arrays)


def _open_model(run: Run, data: Data) -> Model:
    from melib.learning.split import split_samples

    check_data(run, data)
    settings = run.settings
    _check_shapes(run, data.samples)
    train = (split_samples(data.samples.index, settings, run.facts["folds"][0]) == "train").to_numpy()
    real = train & ~synthetic(data.samples.index)
    is_feature = any(kind_of(name) in ("vector", "sequence") for name in settings.arrays)
    reference = data.samples.select(train if is_feature else np.zeros(len(train), bool))
    return Model(
        run,
        data.synthetic,
        partial(_logits, run, _scorer(run, data.samples), reference),
        fit_temperature(*last_logits(run.predictions, "source_val")),
        clip_measures(data.samples.select(real)),
        data.samples.index["dataset"][real].value_counts().to_dict(),
    )


def _check_shapes(run: Run, samples: Samples) -> None:
    """Raise ValueError where the arrays of a samples folder are not as they would be made from a clip."""
    for name in run.settings.arrays:
        stored = samples.arrays[name].shape[1:]
        made = ARRAYS[name].shape_at(run.settings.image_size)
        if stored != made:
            raise ValueError(
                f"{run.folder.name} was trained on {name} of shape {stored}; from a clip it would be {made}. Give a "
                "run whose samples were prepared by the workbook."
            )


def _scorer(run: Run, samples: Samples) -> Callable:
    """What turns `Inputs` and rows (N,) into logits (N, 3): the network with the last weights, or a linear map."""
    if run.settings.is_estimator:
        from safetensors.numpy import load_file

        from melib.learning.fit import linear_logits

        return partial(linear_logits, load_file(run.folder / "model.safetensors"), run.settings)
    from melib.learning.training import logits_of

    return partial(logits_of, trained_algorithm(run, samples)[0], run.settings)


def _logits(run: Run, scorer: Callable, reference: Samples, samples: Samples) -> np.ndarray:
    """Logits of `samples`, whose features are standardised as the training clips' were (`reference`)."""
    import torch

    from melib.compute import deterministic, pick_device
    from melib.learning.inputs import Inputs

    names = run.settings.arrays
    index = pd.concat([reference.index, samples.index], ignore_index=True)
    arrays = {name: np.concatenate([reference.arrays[name], samples.arrays[name]]) for name in names}
    known = np.arange(len(index)) < len(reference)
    with deterministic(run.settings.threads):
        inputs = Inputs(Samples(index, arrays), run.settings, known, pick_device(run.settings.device))
        return scorer(inputs, torch.arange(len(reference), len(index))).numpy()
