"""From the `corpus` parameter of a unit to its samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from melib.corpus.demo import write_demo
from melib.corpus.demo.write import MARKER
from melib.corpus.index import CorpusError, dataset_name, dataset_order
from melib.corpus.scan import fingerprint, read_index
from melib.home import DEMO, corpus_folder, resolve
from melib.prepare.flow import BATCHED
from melib.prepare.pipeline import PAIR, Progress, prepare
from melib.prepare.samples import Samples, is_samples_folder, read_manifest
from melib.prepare.settings import PrepareSettings
from melib.settings import Settings


@dataclass(frozen=True)
class Data:
    """The samples of a run, the fingerprint that names their corpus in hashes, whether that is a demo corpus or a
    folder of samples saved as synthetic, and the clips that preparation left out (clip_id, dataset, reason)."""

    samples: Samples
    fingerprint: str
    synthetic: bool
    skipped: pd.DataFrame


def open_corpus(
    corpus: str,
    wanted: PrepareSettings,
    arrays: Iterable[str] = PAIR,
    progress: Progress | None = None,
    mapping: str = "table1",
    datasets: tuple[str, ...] = (),
) -> Data:
    """The samples that `corpus` stands for, their `arrays` prepared as `wanted` on first use and cached under `cache/`.

    "demo" and "tiny" are demo corpora, written to `data/` on first use, "demo-seed1" is another draw of one, and
    "demo-shift-SAMM" one with a misleading head motion for SAMM held out (`corpus.demo.cues`). A folder of samples is
    opened as it is, with the labels and arrays that it has; anything else is a data root, whose emotions become classes
    by `mapping`.
    `datasets` names those to take; by default a dataset of a data root with an error is left out, which the log says.
    Raises CorpusError where there is no such corpus, and where a named dataset is not there or has an error.
    """
    folder = find_corpus(corpus, progress)
    if is_samples_folder(folder):
        manifest = read_manifest(folder)
        samples = _of_datasets(Samples.load(folder), datasets, folder)
        none = pd.DataFrame(columns=["clip_id", "dataset", "reason"])
        return Data(samples, manifest["fingerprint"], manifest.get("synthetic", False), none)
    index = read_index(folder, datasets or None, mapping=mapping)
    name = fingerprint(folder, index)
    prepared = prepare(folder, index, wanted, resolve("cache"), arrays, progress=progress, name=name)
    return Data(prepared.samples, name, (folder / MARKER).is_file(), prepared.skipped)


def clips_at(
    samples: Samples, root: Path, clips: pd.DataFrame, wanted: PrepareSettings, names: Iterable[str], size: int
) -> Samples:
    """The named clips, prepared anew at `size` where `root` has frames; else as they are in `samples`.

    `clips` is the index of all clips of `root`.
    """
    if is_samples_folder(root):
        return samples.select(samples.index["clip_id"].isin(names).to_numpy())
    chosen = clips[clips["clip_id"].isin(names)]
    return prepare(root, chosen, replace(wanted, image_size=size), resolve("cache")).samples


def _of_datasets(samples: Samples, datasets: tuple[str, ...], folder: Path) -> Samples:
    """The samples of the named datasets, all where none is named."""
    present = dataset_order(samples.index["dataset"])
    if absent := [name for name in datasets if name not in present]:
        raise CorpusError(f"datasets = {absent} are not in {folder}, which holds {present}.")
    return samples.select(samples.index["dataset"].isin(datasets)) if datasets else samples


def prepare_settings(settings: Settings) -> PrepareSettings:
    """What a unit's settings say of preparation; the file paths in them start at the workbook's folder."""
    given = {name: getattr(settings, name) for name in settings.having(part="preparation")}
    for name in settings.having(part="preparation", role="file"):
        given[name] = str(resolve(given[name])) if given[name] else None
    device = "cpu"
    if settings.flow_method in BATCHED:
        from melib.compute import pick_device

        device = str(pick_device(settings.device))
    return PrepareSettings(**given, device=device)


def name_corpus(
    corpus: str, mapping: str = "table1", progress: Progress | None = None, datasets: tuple[str, ...] = ()
) -> str:
    """The fingerprint that `open_corpus` would give, without preparing anything."""
    folder = find_corpus(corpus, progress)
    if is_samples_folder(folder):
        return read_manifest(folder)["fingerprint"]
    return fingerprint(folder, read_index(folder, datasets or None, mapping=mapping))


def find_corpus(corpus: str, progress: Progress | None = None) -> Path:
    """The folder that a `corpus` parameter names; a demo corpus is written first where it is not there yet."""
    if not DEMO.fullmatch(corpus):
        return corpus_folder(corpus)
    size, seed, shift = demo_of(corpus)
    bar = _named(progress, "demo clips written")
    return write_demo(corpus_folder(corpus), size, seed, progress=bar, shift=shift)


def demo_of(corpus: str) -> tuple[str, int, str]:
    """Size, seed and held-out dataset of the shift ("": none) of a demo corpus by its name."""
    size, seed, held_out = DEMO.fullmatch(corpus).groups()
    return size, int(seed or 0), dataset_name(held_out) if held_out else ""


def _named(progress: Progress | None, name: str) -> Callable[[int, int], None] | None:
    return (lambda done, total: progress(name, done, total)) if progress else None
