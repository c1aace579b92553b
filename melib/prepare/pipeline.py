"""From index to samples: crops, apex and flow of every labelled clip, cached by content."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from itertools import islice
from os import cpu_count
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from melib.corpus.frames import list_frames, read_frame
from melib.corpus.index import CorpusError
from melib.corpus.scan import fingerprint
from melib.prepare.apex import RULES, SPOT_SIZE, midpoint
from melib.prepare.faces import Face, FaceError, crop, find_face, read_boxes
from melib.prepare.flow import BATCHED, FLOWS, flow_solver, remove_head_motion, shrink_flow
from melib.prepare.samples import Samples, is_samples_folder, read_manifest, write_manifest
from melib.prepare.store import array_header, journal_line, locked, open_array, read_journal

CODE_VERSION = 3  # raise it whenever the same frames and settings would give other arrays
FLOW_SIZE = 224  # smaller crops blur motion away: flow is computed on crops of this size, then shrunk to theirs
BLOCK = 16  # clips written, journalled and, on a GPU, solved together

log = logging.getLogger(__name__)


class PrepareError(ValueError):
    """Clips or settings that cannot be prepared; the message says what came, what was expected and what to do."""


@dataclass(frozen=True)
class PrepareSettings:
    """How clips become samples. Raises PrepareError for wrong values, naming the nearest right one.

    `apex_rule` serves clips without a usable annotated apex: "motion" (greatest against the onset), "midpoint",
    "dcrois", or "auto": motion for SMIC, which has no annotated apex, and midpoint elsewhere. `boxes` and
    `yunet_model` are paths of files that take the place of the Haar face detector; `flow_weights` is the path of
    RAFT's weights. `remove_head_motion` takes the shift, turn and scale of the whole face out of the flow. `device`
    (cpu, cuda) serves RAFT alone and does not name the cache.
    """

    image_size: int = 224
    flow_method: str = "lk"
    apex_rule: str = "auto"
    boxes: str | None = None
    yunet_model: str | None = None
    flow_weights: str | None = None
    remove_head_motion: bool = False
    device: str = "cpu"

    def __post_init__(self):
        if not isinstance(self.image_size, int) or not 16 <= self.image_size <= 1024:
            raise PrepareError(f"image_size is {self.image_size!r}; expected a whole number from 16 to 1024.")
        for name, allowed in (("flow_method", [*FLOWS, *BATCHED]), ("apex_rule", ["auto", *RULES])):
            value = getattr(self, name)
            if value not in allowed:
                near = get_close_matches(str(value), allowed, 1, 0)[0]
                raise PrepareError(f"{name} is {value!r}; did you mean {near!r}? There are {allowed}.")


def prepared_folder(
    root: str | Path, index: pd.DataFrame, settings: PrepareSettings, cache: str | Path, name: str | None = None
) -> Path:
    """The cache folder of these clips and settings; named by content, so the paths of root and cache do not matter.

    `name` is the fingerprint of the clips where the caller has it: to find it, every frame is read.
    """
    absent = [folder for folder in index["folder"] if not (Path(root) / folder).exists()]
    if absent:
        raise PrepareError(
            f"{len(absent)} clip folders are not under {root}: {absent[:3]}. Read the index of this root."
        )
    key = {field: value for field, value in asdict(settings).items() if field != "device"}
    for field in ("boxes", "yunet_model", "flow_weights"):
        if key[field] is not None:
            key[field] = _file_hash(key[field], field)
    key = json.dumps({"code": CODE_VERSION, **key}, sort_keys=True)
    digest = hashlib.blake2b(key.encode(), digest_size=6).hexdigest()
    return Path(cache) / f"{(name or fingerprint(root, index))[:12]}-{digest}"


def prepare(
    root: str | Path,
    index: pd.DataFrame,
    settings: PrepareSettings,
    cache: str | Path,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    name: str | None = None,
) -> Samples:
    """Crop, find the apex and compute the flow of every labelled clip of `index`, whose folders lie under `root`.

    Returns samples with the arrays onset, apex (N, S, S, 3) uint8 and flow (N, 2, S, S) float16 in pixels of the crop.
    Their index has `apex` and `apex_source` filled and tells the face: face_method, face_x, face_y, face_w, face_h
    in frame pixels, face_angle in degrees. The result lies in `cache` and is the same whatever the number of
    `workers` (threads; default: all cores) and however often it was interrupted: finished clips are not done again.
    `progress(done, total)` is called after each clip; for `name` see `prepared_folder`.

    A clip that cannot be used is left out, and listed by `skipped`.
    """
    folder = prepared_folder(root, index, settings, cache, name)
    labelled = index.dropna(subset=["label"]).reset_index(drop=True)
    if labelled.empty:
        raise PrepareError("The index has no labelled clip: nothing to prepare. See its columns emotion and label.")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if not is_samples_folder(folder):
            try:
                _fill(folder, Path(root), labelled, settings, workers or cpu_count() or 1, progress)
            except OSError as error:
                raise PrepareError(
                    f"Preparing stopped under {folder}: {error}. The samples need about "
                    f"{len(labelled) * settings.image_size**2 * 10 / 1e6:.0f} MB there. Make room and start again: "
                    "finished clips are not done again."
                ) from error
    left_out = skipped(folder)
    if len(left_out):
        log.warning(_report(left_out.to_dict("records")))
    return Samples.load(folder)


def skipped(folder: str | Path) -> pd.DataFrame:
    """The clips that `prepare` left out of a finished folder: clip_id, dataset, reason."""
    return pd.DataFrame(read_manifest(folder).get("skipped", []), columns=["clip_id", "dataset", "reason"])


def _fill(folder, root, labelled, settings, workers, progress) -> None:
    """Write the arrays block by block, going on behind what the journal says is done, then finish the folder."""
    size = settings.image_size
    kinds = {
        "onset": ((size, size, 3), np.dtype(np.uint8)),
        "apex": ((size, size, 3), np.dtype(np.uint8)),
        "flow": ((2, size, size), np.dtype(np.float16)),
    }
    boxes = read_boxes(settings.boxes) if settings.boxes else {}
    if strange := sorted(set(boxes) - set(labelled["clip_id"])):
        log.warning("%d boxes are of no clip that is prepared here: %s. Is clip_id right?", len(strange), strange[:3])
    solve = flow_solver(settings.flow_method, settings.flow_weights, settings.device)
    in_parent = settings.flow_method in BATCHED

    def flows(onsets, apexes):
        found = solve(onsets, apexes)
        if settings.remove_head_motion:
            found = map(remove_head_motion, found)
        return np.stack([shrink_flow(flow, size) for flow in found])

    def one(row):
        try:
            entry, crops, fine = _prepare_clip(row, root, settings, boxes.get(row["clip_id"]))
        except (CorpusError, FaceError, PrepareError) as error:
            return {"clip_id": row["clip_id"], "dataset": row["dataset"], "reason": str(error)}, None
        return entry, (*crops, *fine) if in_parent else (*crops, flows(fine[0][None], fine[1][None])[0])

    rows = labelled.to_dict("records")
    done = read_journal(folder / "journal.jsonl", BLOCK)
    with ExitStack() as stack:
        kept = sum("reason" not in entry for entry in done)
        files = [stack.enter_context(open_array(folder / f"{name}.npy", kept, *kinds[name])) for name in kinds]
        journal = stack.enter_context(open(folder / "journal.jsonl", "wb"))
        journal.writelines(map(journal_line, done))
        stack.enter_context(_one_opencv_thread())
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        results = _in_order(pool, one, rows[len(done) :])
        while block := list(islice(results, BLOCK)):
            if usable := [arrays for _, arrays in block if arrays]:
                arrays = [np.stack(parts) for parts in zip(*usable, strict=True)]
                if in_parent:
                    arrays[2:] = [flows(*arrays[2:])]
                for file, array, (_, dtype) in zip(files, arrays, kinds.values(), strict=True):
                    file.write(np.ascontiguousarray(array, dtype=dtype).data)
                    file.flush()
            journal.writelines(journal_line(entry) for entry, _ in block)  # last: what it names is wholly there
            journal.flush()
            for entry, _ in block:
                done.append(entry)
                if progress:
                    progress(len(done), len(rows))
        left_out = [entry for entry in done if "reason" in entry]
        if len(left_out) == len(done):
            raise PrepareError(_report(left_out))
        for file, kind in zip(files, kinds.values(), strict=True):
            file.seek(0)
            file.write(array_header(len(done) - len(left_out), *kind))
    _index_of(labelled, done).to_parquet(folder / "index.parquet", index=False)
    write_manifest(
        folder,
        list(kinds),
        skipped=left_out,
        settings=asdict(settings),
        code_version=CODE_VERSION,
        versions={"opencv": cv2.__version__, "numpy": np.__version__},
        how={
            "onset": "the clip's first frame, cropped by the box and angle in the index",
            "apex": "the frame that the index names as apex, cropped by the same box and angle",
            "flow": f"{settings.flow_method} from onset to apex, found on crops of {_flow_side(settings)} px, "
            "in pixels of the stored crop, x first",
        },
    )
    (folder / "journal.jsonl").unlink()


def _prepare_clip(row: dict, root: Path, settings: PrepareSettings, box: Face | None) -> tuple[dict, tuple, tuple]:
    """One clip: what to note in its index row, its onset and apex crops (S, S, 3), the same as fine as flow needs."""
    frames = {
        number: path
        for number, path in list_frames(root / row["folder"]).items()
        if (pd.isna(row["onset"]) or number >= row["onset"]) and (pd.isna(row["offset"]) or number <= row["offset"])
    }
    numbers, notes = list(frames), []
    if len(numbers) < 2:
        raise PrepareError(
            f"{len(numbers)} frame(s) from onset {row['onset']} to offset {row['offset']} in {row['folder']}: "
            "motion needs two. Check the folder and the sheet."
        )
    onset = read_frame(frames[numbers[0]])
    if not pd.isna(row["onset"]) and numbers[0] != row["onset"]:
        notes.append(f"onset frame {row['onset']} missing, {numbers[0]} used")

    def read(number):
        frame = read_frame(frames[number])
        if frame.shape != onset.shape:
            raise PrepareError(f"Frame {number} is {frame.shape}, the onset {onset.shape}; a clip needs one size.")
        return frame

    face = find_face(onset, bool(row["cropped"]), box, settings.yunet_model)
    if face.others:
        notes.append(f"{face.others + 1} faces seen, the largest kept")
    apex, source = row["apex"], row["apex_source"]
    if pd.isna(apex) or apex not in frames or apex == numbers[0]:
        if not pd.isna(apex):
            notes.append(f"annotated apex {apex} is the onset or no frame of the clip, replaced")
        apex, source = _find_apex(numbers, read, face, row["dataset"], settings.apex_rule)
    found = {f"face_{name}": getattr(face, name) for name in ("method", "x", "y", "w", "h", "angle")}
    entry = {"clip_id": row["clip_id"], "apex": int(apex), "apex_source": source, "notes": "; ".join(notes), **found}
    pair = onset, read(apex)
    crops = [tuple(crop(frame, face, side) for frame in pair) for side in (settings.image_size, _flow_side(settings))]
    return entry, *crops


def _flow_side(settings: PrepareSettings) -> int:
    return max(FLOW_SIZE, settings.image_size)


def _find_apex(numbers: list[int], read: Callable, face: Face, dataset: str, rule: str) -> tuple[int, str]:
    """The apex frame's number by `rule`, and the source to record."""
    if rule == "auto":
        rule = "motion" if dataset == "SMIC" else "midpoint"
    if rule == "midpoint":
        return numbers[midpoint(numbers)], "midpoint"
    crops = np.stack([crop(read(number), face, SPOT_SIZE) for number in numbers])
    return numbers[RULES[rule](crops)], "spotted"


def _index_of(labelled: pd.DataFrame, done: list[dict]) -> pd.DataFrame:
    """The rows of the kept clips with what was found: apex and its source, the face, further notes."""
    found = pd.DataFrame([entry for entry in done if "reason" not in entry])
    table = labelled[labelled["clip_id"].isin(found["clip_id"])].reset_index(drop=True)
    for name in ("apex", "apex_source"):
        table[name] = found[name].astype(labelled[name].dtype)
    table["notes"] = [
        "; ".join(filter(None, pair)) for pair in zip(table["notes"].fillna(""), found["notes"], strict=True)
    ]
    faces = found.filter(like="face_")
    return table.astype({"notes": labelled["notes"].dtype}).join(faces)


def _report(left_out: list[dict]) -> str:
    lines = [f"{entry['clip_id']}: {entry['reason']}" for entry in left_out]
    return f"{len(lines)} clips cannot be prepared. " + " ".join(lines[:3]) + (" ..." if len(lines) > 3 else "")


def _in_order(pool: ThreadPoolExecutor, function: Callable, items: list) -> Iterator:
    """Results of `function` in the order of `items`, never more than two blocks in flight, so memory stays bounded."""
    waiting = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) == 2 * BLOCK:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _one_opencv_thread():
    """One OpenCV thread per worker: the clips are parallel already."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _file_hash(path: str, what: str) -> str:
    if not Path(path).is_file():
        raise PrepareError(f"{what} is {path}, but there is no such file.")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
