"""From index to samples: faces and apexes are located once, then each array that is asked for is made and cached."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from os import cpu_count
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from melib.corpus.findings import few
from melib.corpus.index import CorpusError
from melib.corpus.scan import fingerprint
from melib.prepare.arrays import Array, spec_of
from melib.prepare.clip import Clip
from melib.prepare.faces import FaceError, read_boxes
from melib.prepare.locate import locate, located_index
from melib.prepare.samples import Samples
from melib.prepare.settings import PrepareError, PrepareSettings
from melib.prepare.store import INDEX, VALUES, Filling, is_made, locked, read_made

LOCATED = ("apex_rule", "face_detector", "boxes")  # what face and apex, and so every array, depend on
LOCATE_VERSION = 2  # raise it whenever the same frames and settings, or those at rest, would give another face or apex
PAIR = ("onset", "apex", "flow")
BLOCK = 16  # clips written, journalled and, on a GPU, solved together
OF_A_CLIP = (CorpusError, FaceError, PrepareError)  # what leaves out the clip that raises it

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


@dataclass(frozen=True)
class Prepared:
    """Samples, and the clips that could not be among them: clip_id, dataset, reason."""

    samples: Samples
    skipped: pd.DataFrame


def prepared_folder(
    root: str | Path, index: pd.DataFrame, settings: PrepareSettings, cache: str | Path, name: str | None = None
) -> Path:
    """The cache folder of these clips; named by content, so the paths of root and cache do not matter.

    `name` is the fingerprint of the clips where the caller has it: to find it, every frame is read.
    """
    absent = [folder for folder in index["folder"] if not (Path(root) / folder).exists()]
    if absent:
        raise PrepareError(
            f"{len(absent)} clip folders are not under {root}: {absent[:3]}. Read the index of this root."
        )
    digest = settings.digest(LOCATED, version=LOCATE_VERSION)
    return Path(cache) / f"{(name or fingerprint(root, index))[:12]}-{digest}"


def array_folder(folder: Path, array: str, settings: PrepareSettings) -> Path:
    """Where an array lies in the cache folder of its clips."""
    spec = spec_of(array)
    return folder / f"{array}-{settings.digest(spec.uses, version=spec.version, **spec.options)}"


def prepare(
    root: str | Path,
    index: pd.DataFrame,
    settings: PrepareSettings,
    cache: str | Path,
    arrays: Iterable[str] = PAIR,
    workers: int | None = None,
    progress: Progress | None = None,
    name: str | None = None,
) -> Prepared:
    """Locate the face and the apex of every labelled clip of `index`, and make the `arrays` (see `prepare.arrays`).

    The samples' index has `apex` and `apex_source` filled and holds the face: face_method, face_x, face_y, face_w,
    face_h in frame pixels, face_angle in degrees. What is made lies in `cache`, each array by itself, and is the same
    whatever the number of `workers` (threads; default: all cores) and however often it was interrupted: finished clips
    are not done again. `progress(what, done, total)` is called after each block; for `name` see `prepared_folder`.

    A clip that cannot be used is left out and listed. Raises PrepareError where none can, ValueError for an array that
    is not registered.
    """
    folder = prepared_folder(root, index, settings, cache, name)
    folders = {array: array_folder(folder, array, settings) for array in arrays}
    labelled = index.dropna(subset=["label"]).reset_index(drop=True)
    if labelled.empty:
        raise PrepareError("The index has no labelled clip: nothing to prepare. See its columns emotion and label.")
    folder.mkdir(parents=True, exist_ok=True)
    if not all(map(is_made, (folder, *folders.values()))):
        with locked(folder), _room_for(folder), _pool(workers) as pool:
            if not is_made(folder):
                _locate_all(folder, Path(root), labelled, settings, pool, progress)
            located = pd.read_parquet(folder / INDEX)
            wanted = {array: place for array, place in folders.items() if not is_made(place)}
            _make_arrays(wanted, Path(root), located, settings, pool, progress)
    return _open(folder, folders)


def _locate_all(folder, root, labelled, settings, pool, progress) -> None:
    """Find the face and the apex of each clip, and write the index of those that have both."""
    boxes = read_boxes(settings.boxes) if settings.boxes else {}
    if strange := sorted(set(boxes) - set(labelled["clip_id"])):
        log.warning("%d boxes are of no clip that is prepared here: %s. Is clip_id right?", len(strange), strange[:3])

    def located(row):
        try:
            return locate(root, row, settings, boxes.get(row["clip_id"]))
        except OF_A_CLIP as error:
            return {"clip_id": row["clip_id"], "dataset": row["dataset"], "reason": str(error)}

    rows = labelled.to_dict("records")
    with closing(Filling(folder, BLOCK)) as filling:
        for block in _blocks(pool, located, rows[len(filling.entries) :]):
            filling.add(block)
            if progress:
                progress("faces and apexes located", len(filling.entries), len(rows))
        skipped = _skipped(filling.entries)
        located_index(labelled, filling.entries).to_parquet(folder / INDEX, index=False)
        filling.finish(skipped=skipped, settings=asdict(settings), version=LOCATE_VERSION, versions=_versions())


def _make_arrays(folders: dict[str, Path], root, located, settings, pool, progress) -> None:
    """Make several arrays in one pass over the clips, each behind what is there of it."""
    rows = located.to_dict("records")
    specs = {array: spec_of(array) for array in folders}
    with ExitStack() as stack:
        fillings = {
            array: stack.enter_context(
                closing(Filling(place, BLOCK, specs[array].shape_at(settings.image_size), specs[array].dtype))
            )
            for array, place in folders.items()
        }
        done = {array: len(filling.entries) for array, filling in fillings.items()}
        start = min(done.values(), default=len(rows))

        def parts(number):
            lacking = {array: spec for array, spec in specs.items() if number >= done[array]}
            return {array: _part(spec, root, rows[number], settings) for array, spec in lacking.items()}

        for block in _blocks(pool, parts, range(start, len(rows))):
            for array in block[0]:
                entries = [clip[array][0] for clip in block]
                values = _values(specs[array], [clip[array][1] for clip in block], settings)
                fillings[array].add(entries, values)
            start += len(block)
            if progress:
                progress("clips prepared", start, len(rows))
        for array, filling in fillings.items():
            how = {"title": specs[array].title, "version": specs[array].version, "options": dict(specs[array].options)}
            filling.finish(
                skipped=_skipped(filling.entries), settings=asdict(settings), **how, versions=_versions(),
            )  # fmt: skip


def _part(spec: Array, root: Path, row: dict, settings: PrepareSettings) -> tuple[dict, object]:
    """What one clip adds to an array: its journal entry, and its part, None where it has none."""
    try:
        return {"clip_id": row["clip_id"]}, spec.load()(Clip(root, row), settings, **spec.options)
    except OF_A_CLIP as error:
        return {"clip_id": row["clip_id"], "dataset": row["dataset"], "reason": str(error)}, None


def _values(spec: Array, parts: list, settings: PrepareSettings) -> np.ndarray:
    """The stored entries of a block of clips; zeros where a clip has no part."""
    made = [part is not None for part in parts]
    values = np.zeros((len(parts), *spec.shape_at(settings.image_size)), spec.dtype)
    if any(made):
        usable = [part for part in parts if part is not None]
        finish = spec.load_block()
        values[made] = finish(usable, settings) if finish else np.stack(usable)
    return values


def _open(folder: Path, folders: dict[str, Path]) -> Prepared:
    """The samples of a finished folder: the clips that every array has."""
    entries = [entry for place in (folder, *folders.values()) for entry in read_made(place)["skipped"]]
    index = pd.read_parquet(folder / INDEX)
    skipped = list({entry["clip_id"]: entry for entry in reversed(entries)}.values())[::-1]
    kept = ~index["clip_id"].isin([entry["clip_id"] for entry in skipped]).to_numpy()
    if skipped:
        log.warning(report(skipped))
    values = {array: np.load(place / VALUES, mmap_mode="r") for array, place in folders.items()}
    if not kept.all():
        values = {array: np.asarray(stored[kept]) for array, stored in values.items()}
    samples = Samples(index[kept].reset_index(drop=True), values)
    return Prepared(samples, pd.DataFrame(skipped, columns=["clip_id", "dataset", "reason"]))


def _skipped(entries: list[dict]) -> list[dict]:
    """The entries that give a reason. Raises PrepareError where all do: nothing would be left."""
    skipped = [entry for entry in entries if "reason" in entry]
    if entries and len(skipped) == len(entries):
        raise PrepareError(report(skipped))
    return skipped


def report(skipped: list[dict]) -> str:
    """The clips that were left out, by reason: how many, which, and the reason of the first.

    Reasons that differ in numbers and paths alone are one.
    """
    groups: dict[str, list[dict]] = {}
    for entry in skipped:
        kind = re.sub(r"\S*/\S*|[0-9]+", "", entry["reason"])
        groups.setdefault(kind, []).append(entry)
    lines = [f"{len(group)} x {group[0]['reason']} ({few([entry['clip_id'] for entry in group])})"
             for group in groups.values()]  # fmt: skip
    return f"{len(skipped)} clip{'s' * (len(skipped) > 1)} cannot be prepared. " + " ".join(lines)


def _blocks(pool: ThreadPoolExecutor, function: Callable, items: Iterable) -> Iterator[list]:
    """Results of `function` in the order of `items`, a block at a time.

    Never more than two blocks are in flight, so memory stays bounded.
    """
    results = _in_order(pool, function, items)
    while block := list(islice(results, BLOCK)):
        yield block


def _in_order(pool: ThreadPoolExecutor, function: Callable, items: Iterable) -> Iterator:
    waiting = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) == 2 * BLOCK:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _pool(workers: int | None) -> Iterator[ThreadPoolExecutor]:
    """Threads for the clips, with one OpenCV thread each: the clips are parallel already."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ThreadPoolExecutor(workers or cpu_count() or 1) as pool:
            yield pool
    finally:
        cv2.setNumThreads(before)


@contextmanager
def _room_for(folder: Path) -> Iterator[None]:
    """A write that fails becomes a PrepareError that says where and what to do."""
    try:
        yield
    except OSError as error:
        raise PrepareError(
            f"Preparing stopped under {folder}: {error}. Free disk space and start again: finished clips are kept."
        ) from error


def _versions() -> dict[str, str]:
    return {"opencv": cv2.__version__, "numpy": np.__version__}
