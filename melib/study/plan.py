"""A study's plan: a grid multiplied out into runs, each checked before anything starts, and what they need."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pandas as pd
import yaml

from melib.files import stamp
from melib.folder import is_done
from melib.gan.settings import GanSettings, needed_by
from melib.home import corpus_folder, home, resolve, write_whole
from melib.learning.registry import NETWORKS
from melib.learning.settings import RunSettings
from melib.settings import SettingsError
from melib.study.unit import State, Unit, read_state

if TYPE_CHECKING:
    from melib.prepare.data import Data

NOTEBOOK = "notebooks/04_training_brl.ipynb"
GAN_NOTEBOOK = "notebooks/03_gan_augmentation.ipynb"
GAN_SECONDS = 0.4  # what one core of a server takes for a generator's step at a width of 16
CLIPS = 731
INNER = "inner"


def read_grid(path: str | Path, **changes: object) -> list[RunSettings]:
    """The runs of a grid file: YAML with one grid, or a list of them.

    A grid maps settings to values; a list of values is multiplied out (`sources` takes a list of lists). "{held_out}"
    in a value stands for the row's held-out dataset; `sources: inner` leaves one of the others out too, each in turn. A
    grid with the key `include` alone names other files beside it. Runs that two grids share are planned once; `changes`
    replace what the file says. Raises SettingsError naming the file, the grid and the row.
    """
    path = resolve(path)
    if not path.is_file():
        raise SettingsError(f"No grid file {path}. Grids of the workbook lie in notebooks/grids/.")
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise SettingsError(f"{path.name} is no YAML: {error}") from None
    grids = content if isinstance(content, list) else [content]
    runs: dict[RunSettings, None] = {}
    for number, grid in enumerate(grids, 1):
        if not isinstance(grid, dict):
            raise SettingsError(f"{path.name}: grid {number} is {grid!r}; expected settings and their values.")
        if set(grid) == {"include"}:
            for name in grid["include"]:
                runs |= dict.fromkeys(read_grid(path.parent / name, **changes))
            continue
        try:
            runs |= dict.fromkeys(expand(grid | changes))
        except SettingsError as error:
            raise SettingsError(f"{path.name}: grid {number}, {error}") from None
    return list(runs)


def expand(grid: dict) -> list[RunSettings]:
    """Every combination of a grid's values as checked settings. Raises SettingsError naming the row."""
    names = list(grid)
    values = [value if isinstance(value, list) else [value] for value in grid.values()]
    runs = []
    if empty := [name for name, value in zip(names, values, strict=True) if not value]:
        raise SettingsError(f"{', '.join(empty)} has no value: an empty list multiplies out to no run at all.")
    for row, combination in enumerate(itertools.product(*values), 1):
        parameters = dict(zip(names, combination, strict=True))
        try:
            runs += map(RunSettings.from_parameters, _rows(parameters, dict(zip(names, values, strict=True))))
        except SettingsError as error:
            raise SettingsError(f"row {row} {parameters}: {error}") from None
    return runs


def _rows(parameters: dict, grid: dict[str, list]) -> list[dict]:
    """A row with its held-out dataset's name filled in; with `sources: inner` one for each other dataset that the grid
    holds out, which is left out of the sources."""
    name = parameters.get("held_out")
    row = {key: value.replace("{held_out}", str(name)) if isinstance(value, str) else value
           for key, value in parameters.items()}  # fmt: skip
    if row.get("sources") != INNER:
        return [row]
    others = [other for other in grid.get("held_out", []) if other != name]
    if len(others) < 2:
        raise SettingsError(f"sources = {INNER} leaves out one of the other datasets that held_out lists: list three.")
    return [row | {"sources": [other for other in others if other != out]} for out in others]


def generated(settings: RunSettings, fingerprint: str) -> Unit | None:
    """The unit that makes the generated folder of a run's top-up; None where it needs none, or names one itself."""
    wanted = needed_by(settings)
    if wanted is None or (resolve(settings.generated) / "gan.json").is_file():
        return None
    return Unit(home() / GAN_NOTEBOOK, wanted, wanted.folder(fingerprint))


def check_top_up(settings: RunSettings, data: Data, opened: set[Path]) -> None:
    """Raise ValueError, before a kernel starts, where the top-up of a run could not be made or taken up.

    `opened` keeps the generated folders whose AUs were found readable, so that each is tried once.
    """
    from melib.gan.fold import open_fold
    from melib.prepare.topup import oversampled_rows, top_up

    if settings.augment == "none":
        return
    plan = top_up(data.samples.index, target=settings.target)
    if settings.augment == "oversample":
        oversampled_rows(data.samples.index, plan.loc[settings.sources_in(plan.index)], settings.seed)
    unit = generated(settings, data.fingerprint)
    if unit and unit.folder not in opened and not is_done(unit.folder):
        open_fold(unit.settings)
        opened.add(unit.folder)


def make_plan(runs: Iterable[RunSettings], name_data: Callable[[RunSettings], str]) -> list[Unit]:
    """The units of a study in an order in which they can run: what runs need (once each), then the runs.

    `name_data` gives the fingerprint of a run's corpus; it is asked once a corpus. The data of a run that needs others
    are named by their folders too, so that its own folder has a name before they are made.
    """
    notebook = home() / NOTEBOOK
    known: dict[tuple, str] = {}
    needed: dict[Unit, None] = {}
    planned = []
    for settings in runs:
        corpus = settings.corpus, settings.label_mapping, settings.datasets
        if corpus not in known:
            known[corpus] = name_data(settings)
        data = known[corpus]
        unit = generated(settings, data)
        if unit:  # the run is given the folder that it takes: others may lie beside it
            needed[unit] = None
            settings = replace(settings, generated=str(Path(settings.generated) / unit.name))
        if needed_by(settings):
            data = f"{data}+{resolve(settings.generated).name}"
        planned.append(Unit(notebook, settings, settings.folder(data), (unit.folder,) if unit else ()))
    return [*needed, *planned]


def finished(units: Iterable[Unit]) -> list[Path]:
    """The run folders that are done; the folders of what runs need are none."""
    return [unit.folder for unit in units if isinstance(unit.settings, RunSettings) and is_done(unit.folder)]


def read_plan(
    grid: str | Path, quick: bool = True, progress: Callable[[str, int, int], None] | None = None, **changes: object
) -> list[Unit]:
    """The units of a grid file (see `read_grid`).

    A corpus is read once to be named; after that it is read again where a file's name, size or time has changed since,
    and `quick` does not even look whether one has.
    """

    def name(settings: RunSettings) -> str:
        known = _read_known(settings)
        if known and (quick or known["stamp"] == stamp(corpus_folder(settings.corpus))):
            return known["fingerprint"]
        from melib.prepare.data import name_corpus

        return remember(settings, name_corpus(settings.corpus, settings.label_mapping, progress, settings.datasets))

    return make_plan(read_grid(grid, **changes), name)


def remember(settings: RunSettings, fingerprint: str) -> str:
    """Keep the fingerprint of a run's corpus, which takes seconds to compute from the data; return it."""
    known = {"fingerprint": fingerprint, "stamp": stamp(corpus_folder(settings.corpus))}
    _known(settings).parent.mkdir(parents=True, exist_ok=True)
    write_whole(_known(settings), json.dumps(known).encode())
    return fingerprint


def _read_known(settings: RunSettings) -> dict | None:
    """What `remember` kept of a run's corpus; None where that is nothing, or of an earlier form."""
    try:
        known = json.loads(_known(settings).read_text())
        return known if isinstance(known, dict) else None
    except (OSError, ValueError):
        return None


def was_read(settings: RunSettings) -> bool:
    """Whether the corpus of a run was ever read here, so that there can be finished runs of it."""
    return _known(settings).is_file()


def _known(settings: RunSettings) -> Path:
    words = (settings.corpus, settings.label_mapping, *settings.datasets)
    return resolve("cache") / "names" / "@".join(quote(word, safe="") for word in words)


def expected_seconds(units: Iterable[Unit], states: Mapping[str, State]) -> tuple[float, int]:
    """About how long what is not done will train, one after the other, and for how many units that is a guess.

    A run takes what finished runs beside it of the same method, network, image size, epochs and diagnosis took
    (median), whatever grid they are of; the time to start its kernel is not in it. Where none of its kind is finished,
    it is guessed from what its Spec says. `states` are by unit name.
    """
    alike = ("protocol", "method", "network", "image_size", "input_size", "epochs", "steps", "preset", "diagnose")
    waiting = [unit for unit in units if states[unit.name].state != "done"]
    took: dict[tuple, list[float]] = {}
    for root in {unit.folder.parent for unit in waiting}:
        for path in [*root.glob("[!.]*/run.json"), *root.glob("[!.]*/gan.json")]:
            if is_done(path.parent):
                facts = json.loads(path.read_text())
                key = tuple(facts["settings"].get(name) for name in alike)
                took.setdefault(key, []).append(facts["seconds"])
    keys = [tuple(getattr(unit.settings, name, None) for name in alike) for unit in waiting]
    seconds = [
        statistics.median(took[k]) if k in took else _guess(u.settings) for k, u in zip(keys, waiting, strict=True)
    ]
    return sum(seconds), sum(key not in took for key in keys)


def _guess(settings: RunSettings | GanSettings) -> float:
    if isinstance(settings, GanSettings):
        return GAN_SECONDS * settings.steps * (settings.side / 64) ** 2 * (settings.width / 16) ** 2
    if settings.is_estimator:
        return settings.spec.seconds
    return NETWORKS[settings.network].seconds * CLIPS * settings.epochs * (settings.image_size / 64) ** 2


def table(units: Iterable[Unit]) -> pd.DataFrame:
    """A row per unit: folder name `run`, `notebook`, `state`, `note`, the `part` done in [0, 1], and its settings."""
    rows = [
        {"run": unit.name, "notebook": unit.notebook.stem, **asdict(read_state(unit)), **unit.settings.values()}
        for unit in units
    ]
    names = ["run", "notebook", "state", "note", "part", *RunSettings.names()]
    return pd.DataFrame(rows, columns=None if rows else names)
