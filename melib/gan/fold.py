"""One fold of top-up: what its generator learns from, the faces it is asked for, and the folder that holds both."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from melib.aus.clusters import Clusters, centroids
from melib.aus.openface import read_aus
from melib.aus.table import NAMES
from melib.aus.vectors import clip_vectors
from melib.compute import computed_in, pick_device, stream_seed
from melib.corpus.index import CLASSES
from melib.folder import is_done, made_with, publish, require_whole
from melib.gan.settings import PRESETS, GanSettings
from melib.gan.train import (
    Frames,
    GanError,
    Trained,
    generate,
    load_weights,
    new_critic,
    new_generator,
    train,
    training_frames,
    with_aus,
)
from melib.home import resolve, work_folder
from melib.prepare.data import Data, find_corpus, open_corpus, prepare_settings
from melib.prepare.flow import shrink_flow
from melib.prepare.pair import fine_flow, fine_side
from melib.prepare.pipeline import Progress
from melib.prepare.samples import Samples, SamplesError, is_samples_folder
from melib.prepare.settings import PrepareSettings
from melib.prepare.topup import top_up

log = logging.getLogger(__name__)
GIF_MAGNIFY = 5  # at 1 a change is a third of a pixel
NETWORKS = ("generator", "critic")
KINDS = ("even", "balance", "shuffled")  # of top-up; shuffled counts as balance does


@dataclass(frozen=True)
class Fold:
    """The training datasets of one fold: samples, AU vectors (by clip_id) of onset and apex, and their centroids.

    With the preset "moves", clusters and centroids are of the change from onset to apex, else of the apex.
    """

    settings: GanSettings
    data: Data
    sources: list[str]
    onset: pd.DataFrame
    apex: pd.DataFrame
    clusters: Clusters

    @property
    def index(self) -> pd.DataFrame:
        return self.data.samples.index

    @property
    def folder(self) -> Path:
        """Where `save_generated` puts it all; see `work_folder` for what a training that is cut off leaves."""
        return self.settings.folder(self.data.fingerprint)

    @property
    def au_digest(self) -> str:
        """What names the AUs that were read: the corpus' fingerprint does not know them."""
        table = pd.concat([self.onset, self.apex])
        return hashlib.blake2b(pd.util.hash_pandas_object(table).to_numpy().tobytes(), digest_size=8).hexdigest()

    def frames(self) -> Frames:
        """What the generator is trained on."""
        return training_frames(self.data.samples, self.onset, self.apex, self.sources)

    def possible(self, aus: np.ndarray) -> np.ndarray:
        """AUs as they can be asked for: intensities end at 0 and 5, changes of them (preset "moves") nowhere."""
        return aus if PRESETS[self.settings.preset].moves else np.clip(aus, 0, 5)

    def plan(self, kind: str) -> pd.DataFrame:
        """The samples to add to each training dataset and class; see `top_up`."""
        scheme = "even" if kind == "even" else "balance"
        return top_up(self.index, scheme, self.settings.target).loc[self.sources]


def open_fold(settings: GanSettings, progress: Progress | None = None) -> Fold:
    """Read samples and AUs of a corpus, and cluster those of the training datasets alone.

    Raises SamplesError for a folder of samples, whose AUs are not known, and AUError for AUs that cannot be read, or
    where a source has none.
    """
    root = find_corpus(settings.corpus, progress)
    if is_samples_folder(root):
        raise SamplesError(f"{root} is a folder of samples: a generator needs AUs, which are read from a data root.")
    data = open_corpus(settings.corpus, prepare_settings(settings), progress=progress, datasets=settings.datasets)
    sources = settings.sources_in(data.samples.index["dataset"])
    index = data.samples.index[data.samples.index["dataset"].isin(sources)]
    measured = read_aus(root, index, settings.au_folder)
    change, apex = (clip_vectors(measured, index, kind) for kind in ("difference", "apex"))
    apex = apex.loc[change.index]
    with_aus(index, change, apex, sources)
    shown = change if PRESETS[settings.preset].moves else apex
    clusters = centroids(shown, index, settings.held_out, settings.k, settings.seed)
    return Fold(settings, data, sources, apex - change, apex, clusters)


def asked_faces(fold: Fold, kind: str) -> pd.DataFrame:
    """The samples to generate, a row each: the neutral face's index row, but with a clip_id and the label of its own.

    Further columns: `synthetic`, `source` (the neutral face's clip), `shown` (the class whose centroid is put on: the
    label, or with "shuffled" the label of another of the dataset's rows, drawn at random), `row` (the neutral face's
    place among the samples) and AU01.. (the centroid, varied). Faces are of the same dataset, its subjects in turn.
    Raises GanError for a dataset without a face.
    """
    rng = np.random.default_rng(stream_seed(fold.settings.seed, f"asked {kind}"))
    parts = []
    for dataset, counts in fold.plan(kind).iterrows():
        faces = subjects_in_turn(fold.index[(fold.index["dataset"] == dataset) & fold.index["label"].notna()], rng)
        if counts.sum() and not len(faces):
            raise GanError(f"{dataset} has no neutral face to put an expression on; leave it out of `sources`.")
        rows = np.resize(faces, counts.sum())
        part = fold.index.iloc[rows].reset_index(drop=True).assign(row=rows, label=np.repeat(CLASSES, counts))
        shown = rng.permutation(part["label"]) if kind == "shuffled" else part["label"]
        parts.append(part.assign(shown=shown, source=part["clip_id"], synthetic=True))
    asked = pd.concat(parts, ignore_index=True)
    number = asked.groupby(["source", "label"]).cumcount().add(1).astype(str)
    asked["clip_id"] = asked["source"] + "~" + asked["label"] + number
    vary = 1 + fold.settings.variation * rng.standard_normal((len(asked), len(NAMES)))
    aus = fold.clusters.centroids.loc[asked["shown"]].to_numpy() * vary * fold.settings.magnify
    return asked.join(pd.DataFrame(fold.possible(aus), columns=list(NAMES)))


def subjects_in_turn(index: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """The row numbers of `index`: one clip of each subject, in random order, then the next clips, and so on."""
    mixed = index.iloc[rng.permutation(len(index))]
    return mixed.index[mixed.groupby("subject").cumcount().argsort(kind="stable")].to_numpy()


def top_up_samples(fold: Fold, trained: Trained, kind: str) -> Samples:
    """Generated samples: onset (the neutral face), apex (the generated one) and flow between them."""
    asked = asked_faces(fold, kind)
    onset = fold.data.samples.arrays["onset"][asked["row"].to_numpy()]
    apex = generate(trained.generator, onset, asked[list(NAMES)].to_numpy(), fold.settings)
    return Samples(
        asked, {"onset": onset, "apex": apex, "flow": pair_flow(onset, apex, prepare_settings(fold.settings))}
    )


def pair_flow(onset: np.ndarray, apex: np.ndarray, how: PrepareSettings) -> np.ndarray:
    """Flow (N, 2, S, S) float16 from faces (N, S, S, 3) uint8 to faces, found at the size where `prepare` does."""
    size = onset.shape[1]
    fine = (fine_side(size),) * 2
    fields = []
    for pair in zip(onset, apex, strict=True):
        large = [cv2.resize(image, fine, interpolation=cv2.INTER_CUBIC)[None] for image in pair]
        fields.append(shrink_flow(fine_flow(*large, how)[0], size))
    return np.array(fields, np.float16)


def trained_generator(fold: Fold, watch: tuple | None = None, progress: Callable | None = None) -> Trained:
    """The generator of a fold: from its folder where that is done, else trained; `watch` and `progress` as in `train`.

    Raises GanError where the folder was made with other AU files, and where `settings.start` has learned from the
    held-out dataset.
    """
    settings = fold.settings
    folder = fold.folder
    seen(fold)  # refuses a start that saw the held-out dataset before any time is spent on it
    if not is_done(folder):
        return train(fold.frames(), settings, watch, work_folder(folder), progress)
    require_whole(folder)
    facts = json.loads((folder / "gan.json").read_text())
    if facts["aus"] != fold.au_digest:
        raise GanError(f"{folder} was made with other AU files. Remove it to have it made anew, or name another `out`.")
    device = pick_device(settings.device)
    networks = (new_generator(settings), new_critic(settings))
    for network, name in zip(networks, NETWORKS, strict=True):
        load_weights(network, folder / f"{name}.safetensors").to(device).eval()
    with np.load(folder / "grids.npz") as file:
        grids = {int(step): file[step] for step in file}
    return Trained(*networks, pd.read_parquet(folder / "history.parquet"), grids, facts["seconds"])


def seen(fold: Fold) -> list[str]:
    """The datasets that a fold's generator has learned from: its sources, and those of the one that it goes on from.

    Raises GanError where the held-out one is among them, and warns where nothing beside `start` says so: "unknown".
    """
    settings = fold.settings
    if not settings.start:
        return fold.sources
    manifest = resolve(settings.start).with_name("gan.json")
    held_out = settings.held_out
    before = json.loads(manifest.read_text()).get("seen", ["unknown"]) if manifest.is_file() else ["unknown"]
    if "unknown" in before:
        log.warning("%s does not say what it was trained on: see that %s is not among it.", settings.start, held_out)
    if held_out in before:
        raise GanError(
            f"start = {settings.start} was trained on {before}, but {held_out} is held out here: give a generator that "
            "never saw it."
        )
    return sorted({*fold.sources, *before})


def save_generated(fold: Fold, trained: Trained) -> Path:
    """Write the generated folder of a fold, complete or not at all; return it. One that is there is left alone.

    gan.json, centroids.parquet, plan_<kind>.csv, history.parquet, grids.npz, generator.safetensors, critic.safetensors,
    surprise.gif (a sequence, magnified) and samples/even, balance and shuffled, each a folder of samples.
    """
    from safetensors.torch import save_file

    settings = fold.settings

    def fill(partial: Path) -> None:
        fold.clusters.centroids.reset_index().to_parquet(partial / "centroids.parquet", index=False)
        trained.history.to_parquet(partial / "history.parquet", index=False)
        for name in NETWORKS:
            weights = {key: value.contiguous().cpu() for key, value in getattr(trained, name).state_dict().items()}
            save_file(weights, partial / f"{name}.safetensors")
        for kind in KINDS:
            fold.plan(kind).to_csv(partial / f"plan_{kind}.csv")
            top_up_samples(fold, trained, kind).save(partial / "samples" / kind, fold.data.synthetic)
        device = next(trained.generator.parameters()).device
        facts = {
            "settings": asdict(settings),
            "data": fold.data.fingerprint,
            "digest": settings.digest(fold.data.fingerprint),
            "sources": fold.sources,
            "seen": seen(fold),
            "synthetic": fold.data.synthetic,
            "clips": len(fold.clusters.members),
            "aus": fold.au_digest,
            "seconds": round(trained.seconds, 2),
            "computed_in": computed_in(settings.precision, device),
            **made_with(device),
        }
        np.savez_compressed(partial / "grids.npz", **{str(step): grid for step, grid in trained.grids.items()})
        row = np.flatnonzero(fold.index["clip_id"].isin(fold.onset.index))[0]
        surprise = GIF_MAGNIFY * fold.clusters.centroids.loc["surprise"].to_numpy()
        save_gif(sequence(fold, trained, row, surprise), partial / "surprise.gif")
        (partial / "gan.json").write_text(json.dumps(facts, indent=1))

    return publish(fold.folder, fill)


def sequence(fold: Fold, trained: Trained, row: int, aus: np.ndarray, frames: int = 25) -> np.ndarray:
    """A generated clip (T, S, S, 3) uint8: the neutral face of sample `row` moves to the AUs (17,) and back.

    Each frame is generated on its own, its AUs interpolated between those of the neutral face, which are changes of 0
    with the preset "moves", and the apex (ULME-GAN), reached in the middle of an odd number of frames.
    """
    neutral = 0 if PRESETS[fold.settings.preset].moves else fold.onset.loc[fold.index["clip_id"].iloc[row]].to_numpy()
    rise = 1 - np.abs(np.linspace(-1, 1, frames))[:, None]
    faces = np.repeat(fold.data.samples.arrays["onset"][row][None], frames, 0)
    return generate(trained.generator, faces, neutral + rise * (fold.possible(aus) - neutral), fold.settings)


def save_gif(clip: np.ndarray, path: str | Path, fps: int = 24) -> Path:
    """Write a clip (T, S, S, 3) uint8 as a looping GIF."""
    from PIL import Image

    pictures: Iterator = (Image.fromarray(frame) for frame in clip)
    next(pictures).save(path, save_all=True, append_images=list(pictures), duration=round(1000 / fps), loop=0)
    return Path(path)
