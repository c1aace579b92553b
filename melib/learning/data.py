"""From the `corpus` and `augment` parameters of a run to its samples."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from melib.folder import is_done, require_whole
from melib.home import resolve
from melib.learning.settings import RunSettings
from melib.prepare.arrays import spec_of
from melib.prepare.data import Data, find_corpus, open_corpus, prepare_settings
from melib.prepare.pipeline import Progress
from melib.prepare.samples import Samples, SamplesError, is_samples_folder
from melib.prepare.topup import join, oversample, top_up

# What a generated folder and a run must agree on, beside the corpus and the sources.
SHARED = [
    name for name in RunSettings.having(part=("fold", "preparation"))
    if name not in ("datasets", "sources", "target", "protocol", "mapping")
]  # fmt: skip


def load_data(settings: RunSettings, progress: Progress | None = None, arrays: Iterable[str] = ()) -> Data:
    """The samples of `settings.corpus` (see `open_corpus`), its sources topped up as `settings.augment` says.

    They hold the `arrays` named, by default those that the run sees.

    Raises CorpusError where there is no such corpus, SamplesError where no generated folder fits.
    """
    data = open_samples(settings, progress, arrays)
    if settings.augment == "none":
        return data
    if settings.augment == "oversample":
        plan = top_up(data.samples.index, target=settings.target)
        plan = plan.loc[settings.sources_in(plan.index)]
        return replace(data, samples=join(data.samples, oversample(data.samples, plan, settings.seed)))
    folder = find_generated(settings, data)
    more = Samples.load(folder / "samples" / settings.augment)
    if not set(settings.arrays) <= set(more.arrays):
        raise SamplesError(f"inputs = {settings.inputs!r} cannot be topped up; generated are {sorted(more.arrays)}.")
    return replace(data, samples=join(data.samples, more), fingerprint=f"{data.fingerprint}+{folder.name}")


def check_arrays(settings: RunSettings, progress: Progress | None = None) -> None:
    """Raise ValueError where a run names an array that cannot be prepared from the clips of its data root."""
    if not is_samples_folder(find_corpus(settings.corpus, progress)):
        for name in settings.arrays:
            spec_of(name)


def open_samples(settings: RunSettings, progress: Progress | None = None, arrays: Iterable[str] = ()) -> Data:
    """The samples of a run's corpus without top-up, with the `arrays` named, else those that the run sees.

    Raises SamplesError where `mapping` is set for a folder of samples, whose labels are as they are.
    """
    if settings.mapping and is_samples_folder(find_corpus(settings.corpus, progress)):
        raise SamplesError(
            f"mapping = {settings.mapping!r} cannot change the labels of {settings.corpus}, a folder of samples: "
            "leave it out, or map the labels before they are saved."
        )
    wanted = prepare_settings(settings)
    arrays = tuple(arrays) or settings.arrays
    return open_corpus(settings.corpus, wanted, arrays, progress, settings.label_mapping, settings.datasets)


def find_generated(settings: RunSettings, data: Data) -> Path:
    """The finished generated folder for a run, `settings.generated` itself or one in it.

    It must be made on the same corpus, for the same held-out dataset and sources, samples and profile, and for the same
    target unless it is named itself. Raises SamplesError where none is, saying how to make it, and where several are.
    """
    root = resolve(settings.generated)
    named = (root / "gan.json").is_file()
    sources = settings.sources_in(data.samples.index["dataset"])
    fitting = []
    others = []
    for path in sorted([*root.glob("gan.json"), *root.glob("[!.]*/gan.json")]):
        if not is_done(path.parent):
            continue
        require_whole(path.parent)
        facts = json.loads(path.read_text())
        fits = facts["data"] == data.fingerprint and facts["sources"] == sources
        fits = fits and all(facts["settings"][name] == getattr(settings, name) for name in SHARED)
        fits = fits and (named or facts["settings"]["target"] == settings.target)
        (fitting if fits else others).append(path.parent)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = [folder.name for folder in fitting]
        raise SamplesError(f"{len(names)} generated folders fit this run: {names}. Name one as `generated`.")
    given = {name: getattr(settings, name) for name in ("corpus", "target", *SHARED)}
    parameters = [f"-p {name} {value}" for name, value in given.items() if value != settings.at_rest().get(name)]
    lists = {name: getattr(settings, name) for name in ("datasets", "sources")}
    parameters += [f"-p {name} {','.join(value)}" for name, value in lists.items() if value]
    raise SamplesError(
        f"augment = {settings.augment!r} needs a generated folder for these settings, and {root} holds none"
        + (f" (those there are for others: {[folder.name for folder in others]})" if others else "")
        + f". Make it: papermill notebooks/03_gan_augmentation.ipynb out.ipynb {' '.join(parameters)}"
    )
