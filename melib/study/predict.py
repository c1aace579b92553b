"""What finished runs make of a clip of one's own, and how far that may be believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES, print_name
from melib.corpus.scan import read_index
from melib.home import resolve
from melib.learning.calibration import calibration_error, last_logits, probabilities
from melib.learning.metrics import confusion, scores
from melib.prepare.data import find_corpus, prepare_settings
from melib.prepare.faces import Face, FaceError
from melib.prepare.own_clip import OwnClip, StilledClip, open_clip
from melib.prepare.recording import interval, open_recording
from melib.prepare.samples import Samples, is_samples_folder
from melib.prepare.settings import PrepareError, PrepareSettings
from melib.prepare.spot import Candidates, find_candidates
from melib.study.models import SHOWN, Model
from melib.study.ranges import HIGH, LOW, MEASURES, clip_measures, compare

CAUTION = (
    "For research on recognition methods. Not for judging anyone: a brief motion of a face is no evidence of what a "
    "person feels, thinks or intends, and the classes are those of acted or elicited laboratory clips."
)
DRAWN = "The weights were trained on drawn faces (the synthetic demo corpus): they know nothing of real ones."
GRID = 6  # regions along each side of the face whose motion is held still in turn


@dataclass(frozen=True)
class Prediction:
    """What is said of a clip.

    Args:
        own: the clip.
        samples: its arrays: those that the runs see, and what pictures need; one row.
        by_run: a row per run: its calibrated probability of each class, its name, and its scores on what it never saw
            (`track_record`).
        probability: of each class, the mean over the runs.
        ranges: see `ranges.compare`.
        training: `ranges.clip_measures` of the training clips of all runs.
        doubts: why it should not be relied on, a sentence each; empty where nothing speaks against it.
    """

    own: OwnClip
    samples: Samples
    by_run: pd.DataFrame
    probability: pd.Series
    ranges: pd.DataFrame
    training: pd.DataFrame
    doubts: tuple[str, ...]

    @property
    def label(self) -> str:
        """The class of highest probability."""
        return str(self.probability.idxmax())


def preparation(models: Sequence[Model]) -> PrepareSettings:
    """How clips are prepared for these runs."""
    return prepare_settings(models[0].run.settings)


def examine(
    models: Sequence[Model],
    place: str | Path | None = None,
    onset: int | None = None,
    apex: int | None = None,
    offset: int | None = None,
    fps: float | None = None,
    box: str | None = None,
    cropped: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Prediction | Candidates:
    """A prediction for the clip at `place`, by default a clip of the runs' corpus that the first never saw (`example`).

    `place` is a video file or a folder of frames, `box` "x,y,w,h" in pixels of the onset frame. A recording that is too
    long to be one clip, and of which no onset is given, gives candidates: none is chosen. `progress` as in
    `spot.find_candidates`. Raises ValueError (CorpusError, FaceError, PrepareError) for what cannot be used.
    """
    if place is None:
        return predict(models, example(models))
    recording = open_recording(resolve(place), fps)
    settings = preparation(models)
    if onset is None and recording.is_long():
        if apex is not None:
            raise PrepareError(
                f"{recording.place.name} is too long to be one expression, and an apex of {apex} alone does not say "
                "where it begins: give its onset (and offset) too, or no apex, to be shown candidates."
            )
        return find_candidates(recording, settings.face_detector, progress=progress)
    frames = interval(recording, onset, apex, offset)
    return predict(models, open_clip(recording, frames, settings, read_box(box), cropped))


def read_box(text: str | None) -> Face | None:
    """A face's box from "x,y,w,h", None from nothing.

    >>> read_box("10, 20, 200, 200").w
    200.0
    """
    if not text:
        return None
    try:
        x, y, w, h = (float(number) for number in text.split(","))
    except ValueError:
        raise FaceError(f"The box is {text!r}; expected four numbers x,y,w,h in pixels of the onset frame.") from None
    if not (w > 0 and h > 0):
        raise FaceError(f"The box {text!r} has no area; expected x,y,w,h with w and h above 0.")
    return Face(x, y, w, h, 0.0, "boxes")


def predict(models: Sequence[Model], own: OwnClip) -> Prediction:
    """The mean of the runs' calibrated probabilities for a clip that was opened with their `preparation`.

    A run without a temperature gives its probability as it is, which is a doubt, as are drawn training faces and a
    measure outside the training clips' range or unknown.
    """
    names = tuple(dict.fromkeys((*models[0].run.settings.arrays, *SHOWN)))
    samples = own.samples(names, preparation(models))
    rows = []
    for model in models:
        chances = probabilities(model.logits(samples)[0], model.temperature or 1.0)
        rows.append({"run": model.name, **dict(zip(CLASSES, chances, strict=True))} | track_record(model, chances))
    by_run = pd.DataFrame(rows)
    ranges = compare(clip_measures(samples).iloc[0], [model.measures for model in models])
    training = pd.concat([model.measures for model in models])
    training = training[~training.index.duplicated()]
    doubts = tuple(_doubts(models, by_run, ranges))
    return Prediction(own, samples, by_run, by_run[list(CLASSES)].mean(), ranges, training, doubts)


def track_record(model: Model, chances: np.ndarray) -> dict[str, object]:
    """How right a run was on what it never saw, at its last epoch: held_out, clips, acc, uar, uf1; of the clips that it
    called as this one, `called` of them, `right`; temperature and the calibration error before and after."""
    logits, true = last_logits(model.run.predictions, "held_out")
    same = logits.argmax(axis=1) == chances.argmax()
    temperature = model.temperature
    after = calibration_error(probabilities(logits, temperature), true) if temperature else np.nan
    return {
        "held_out": model.run.settings.held_out,
        "clips": len(true),
        **scores(confusion(true, logits.argmax(axis=1))),
        "called": int(same.sum()),
        "right": int((same & (true == chances.argmax())).sum()),
        "temperature": temperature or np.nan,
        "ece_before": calibration_error(probabilities(logits), true),
        "ece_after": after,
    }


def _doubts(models: Sequence[Model], by_run: pd.DataFrame, ranges: pd.DataFrame) -> list[str]:
    doubts = [DRAWN] if any(model.synthetic for model in models) else []
    for name, row in ranges.iterrows():
        what = MEASURES[name].partition(" (")[0]
        if row["within"] == "no":
            doubts.append(
                f"Its {what} lies outside what was seen in training: {row['value']:.3g}, against "
                f"{row['low']:.3g} to {row['high']:.3g} for {HIGH - LOW:.0%} of the training clips "
                f"({MEASURES[name].rpartition('(')[2].rstrip(')')})."
            )
        elif row["within"] == "unknown":
            doubts.append(f"Whether its {what} was seen in training is unknown.")
    for row in by_run[by_run["temperature"].isna()].itertuples():
        doubts.append(f"{row.run} kept too few validation subjects (val_share): its probability is not calibrated.")
    for row in by_run[by_run["uar"] <= 1 / len(CLASSES)].itertuples():
        doubts.append(f"On {print_name(row.held_out)}, which it never saw, {row.run} was no better than chance.")
    return doubts


def occlusion(
    models: Sequence[Model], prediction: Prediction, progress: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """By how much the probability of the predicted class falls when a region of the face is held still: (GRID, GRID).

    Each region in turn keeps the onset's pixels in all frames, and everything is made again from there (after Zeiler
    and Fergus, 2014, with motion in place of pixels). Negative where the region speaks against the class.
    """
    settings = preparation(models)
    clip = prediction.own.clip
    stilled = []
    for cell in range(GRID * GRID):
        top, left = divmod(cell, GRID)
        region = (top / GRID, (top + 1) / GRID, left / GRID, (left + 1) / GRID)
        own = OwnClip(StilledClip(clip, region), (), prediction.own.workspace)
        samples = own.samples(models[0].run.settings.arrays, settings)
        stilled.append(_mean_probability(models, samples)[CLASSES.index(prediction.label)])
        if progress:
            progress(cell + 1, GRID * GRID)
    return prediction.probability[prediction.label] - np.reshape(stilled, (GRID, GRID))


def _mean_probability(models: Sequence[Model], samples: Samples) -> np.ndarray:
    chances = [probabilities(model.logits(samples)[0], model.temperature or 1.0) for model in models]
    return np.mean(chances, axis=0)


def held_out_clips(model: Model) -> tuple[Path, pd.DataFrame]:
    """The data root of a run and the index rows of the clips that it held out.

    Raises ValueError where its corpus is a folder of samples, which has no frames.
    """
    settings = model.run.settings
    root = find_corpus(settings.corpus)
    if is_samples_folder(root):
        raise ValueError(f"{settings.corpus} is a folder of samples: it has no clips to look at. Name a video.")
    index = read_index(root, settings.datasets or None, mapping=settings.label_mapping)
    rows = model.run.predictions.query("split == 'held_out'")["clip_id"].unique()
    return root, index[index["clip_id"].isin(rows)].reset_index(drop=True)


def example(models: Sequence[Model]) -> OwnClip:
    """A clip that the first run never saw, of its own corpus: the first one with an annotated apex."""
    root, index = held_out_clips(models[0])
    row = index.sort_values("apex_source", kind="stable").iloc[0]
    return open_held_out(root, row, preparation(models))


def open_held_out(root: Path, row: pd.Series, settings: PrepareSettings, find_apex: bool = False) -> OwnClip:
    """A clip of a corpus as one of one's own: by its folder, onset and offset; its apex as annotated, or found."""
    numbers = [None if pd.isna(row[name]) else int(row[name]) for name in ("onset", "apex", "offset")]
    onset, apex, offset = numbers
    recording = open_recording(root / row["folder"], None if pd.isna(row["fps"]) else float(row["fps"]))
    frames = interval(recording, onset, None if find_apex else apex, offset)
    return open_clip(recording, frames, settings, cropped=bool(row["cropped"]))
