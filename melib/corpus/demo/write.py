"""Write the demo corpus: five synthetic datasets in the layouts of the real ones, and the truth about them beside."""

from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd

from melib.corpus.demo import actors, cues, layouts, motion, shading
from melib.corpus.index import DATASETS, FPS, TABLE1

VERSION = 4  # raise it with every change to what is drawn, named or moved
MARKER = "demo.json"  # written last: a folder without it is not a demo corpus
TRUTH = "ground_truth"
NOTICE = "All of this is synthetic: drawn faces of people who do not exist, in the layouts of the real datasets."


def write_demo(
    root: str | Path,
    size: str = "demo",
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    shift: str = "",
) -> Path:
    """Write the demo corpus below `root` and return it; at once where the same corpus is already there.

    `size` is 'demo' (731 labelled clips, Table 1) or 'tiny' (about 15 clips per dataset). The bytes depend on `size`,
    `seed` and `shift` alone, not on `workers` (processes; default: one for 'tiny', else one per core). `shift` names a
    dataset to be held out: in the others a head motion goes with the class, in that one against it (`cues`).
    `progress(done, total)` counts clips. Everything is written under a temporary name beside `root` and renamed at the
    end.

    ValueError for an unknown size or dataset; FileExistsError where `root` holds something else than a demo corpus.
    """
    if size not in layouts.COUNTS:
        raise ValueError(f"Unknown size {size!r} of the demo corpus; choose one of {sorted(layouts.COUNTS)}.")
    if shift and shift not in DATASETS:
        raise ValueError(f"shift = {shift!r} is no dataset of the demo corpus; choose one of {sorted(DATASETS)}.")
    root = Path(root).absolute()
    marker = _marker(size, seed, shift)
    if _is_whole(root, marker):
        return root
    if root.exists() and not (root / MARKER).is_file() and (not root.is_dir() or any(root.iterdir())):
        raise FileExistsError(f"{root} holds something else than a demo corpus: name a new or an empty folder.")
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{root.name}-", suffix=".part", dir=root.parent))
    try:
        draft.chmod(0o755)  # mkdtemp makes it private
        clips = [actors.rehearse(clip, seed, size) for name in DATASETS for clip in layouts.plan(name, size, seed)]
        if shift:
            cues.add(clips, shift, seed)
        for name in DATASETS:
            layouts.write_sheet(draft, name, [clip for clip in clips if clip.dataset == name], seed)
        _draw_all(draft, clips, size, seed, workers or (1 if size == "tiny" else os.cpu_count()), progress)
        _write_truth(draft, clips, size)
        (draft / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
        if root.exists() and not _is_whole(root, marker):
            shutil.rmtree(root)
        with contextlib.suppress(OSError):  # somebody else finished the same corpus meanwhile: theirs is as good
            draft.rename(root)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if not _is_whole(root, marker):
        raise FileExistsError(f"{root} was taken by something else while the demo corpus was being written.")
    return root


def true_flow(root: str | Path, clip_id: str) -> np.ndarray:
    """The exact flow F from a clip's onset to its true apex, where apex(x + F(x)) = onset(x).

    (2, H, W) float32, frame pixels, x first. It holds for the moved faces before shades, light, noise and compression,
    and is recomputed from the parameters kept with the corpus. KeyError for a clip that the corpus has no frames of,
    ValueError for a corpus of another version.
    """
    root = Path(root)
    _, row, person, pose = _clip_truth(root, clip_id)
    where = [("clip_id", "==", clip_id), ("frame", "==", int(row.apex))]
    aus = pd.read_parquet(root / TRUTH / "aus.parquet", filters=where).iloc[0]
    shown = {au: person.rest.get(au, 0.0) + aus[f"AU{au:02d}"] for au in motion.OPENFACE_AUS}
    share = (row.apex - row.onset) / max(1, row.offset - row.onset)
    drift = tuple(share * row[[f"drift_{name}" for name in ("x", "y", "turn", "growth")]].to_numpy(float))
    onset = (person.rest, (0.0,) * 4)
    flow = motion.exact_flow(person.muscles, pose, (row.height, row.width), onset, (shown, drift))
    return flow.astype(np.float32)


def acted_frame(root: str | Path, clip_id: str, aus: np.ndarray) -> np.ndarray:
    """The onset frame of a clip as its camera would take it if the face showed `aus` (17,), 0-5, on top of its rest.

    (H, W, 3) uint8 RGB, with the clip's light and new noise, before compression. KeyError for a clip that the corpus
    has no frames of, ValueError for a corpus of another version.
    """
    marker, row, person, pose = _clip_truth(Path(root), clip_id)
    size = marker["size"]
    canvas, px = _canvas(marker["seed"], row.dataset, row.subject, size)
    here = pose.frame_points(row.height, row.width).astype(np.float32)
    shown = {au: person.rest.get(au, 0.0) + value for au, value in zip(motion.OPENFACE_AUS, aus, strict=True)}
    seen = here + motion.displacement(person.muscles, shown, (0.0,) * 4, *here)
    darkening = sum(value * shading.shade_field(au, *here) for au, value in zip(motion.OPENFACE_AUS, aus, strict=True))
    frame = actors.sample_canvas(canvas, px, seen) * shading.brightness(darkening)[..., None]
    lamp = SimpleNamespace(lamp=(row.lamp_gain, row.lamp_slope))
    rng = actors.generator(marker["seed"], "acted", clip_id)
    image = actors.expose(frame, lamp, actors.camera_of(row.dataset, size), rng)
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def _clip_truth(root: Path, clip_id: str) -> tuple[dict, pd.Series, SimpleNamespace, motion.Pose]:
    """The corpus' marker; of a clip its row in the truth, its person with the clip's lean, and the pose.

    KeyError for a clip that the corpus has no frames of, ValueError for a corpus of another version.
    """
    marker = json.loads((root / MARKER).read_text(encoding="utf-8"))
    if marker["version"] != VERSION:
        raise ValueError(
            f"{root} has version {marker['version']} of the demo corpus, expected {VERSION}. Write it anew: "
            "write_demo replaces it."
        )
    path = root / TRUTH / "clips.parquet"
    clips = _clips(path, path.stat().st_mtime_ns)
    if clip_id not in clips.index:
        raise KeyError(f"No clip {clip_id!r} with frames in {path}: take a clip_id whose has_frames is true.")
    row = clips.loc[clip_id]
    person = actors.actor(marker["seed"], row.dataset, row.subject)
    person = SimpleNamespace(rest=person.rest, muscles=motion.lean(person.muscles, row.lean))
    return marker, row, person, motion.Pose(*row[["pose_x", "pose_y", "pose_px", "pose_roll"]].to_numpy(float))


@functools.lru_cache(maxsize=4)
def _clips(path: Path, changed: int) -> pd.DataFrame:
    """The truth about the clips that have frames; `changed` is the file's time: a corpus may be written anew."""
    return pd.read_parquet(path, filters=[("has_frames", "==", True)]).set_index("clip_id")


_canvas = functools.lru_cache(maxsize=4)(actors.draw_canvas)


def _is_whole(root: Path, wanted: dict) -> bool:
    try:
        marker = json.loads((root / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return all(marker.get(key) == wanted[key] for key in ("size", "seed", "version", "shift"))


def _marker(size: str, seed: int, shift: str) -> dict:
    cameras = {name: actors.camera_of(name, size) for name in DATASETS}
    return {
        "notice": NOTICE,
        "size": size,
        "seed": seed,
        "version": VERSION,
        "shift": shift,
        "datasets": {
            name: {
                "fps": {"nominal": FPS[name], "drawn": FPS[name]},
                "resolution": {"nominal": camera.nominal_size[::-1], "drawn": camera.size[::-1]},
                "frames": {"nominal": camera.nominal_frames, "drawn": f"{camera.frames[0]}-{camera.frames[1]}"},
            }
            for name, camera in cameras.items()
        },
        "table1": TABLE1,
        "habits": layouts.HABITS,
    }


def _draw_all(root: Path, clips: list, size: str, seed: int, workers: int, progress) -> None:
    """Draw all frames, person by person, in this process or in several."""
    casts: dict = {}
    for clip in clips:
        if clip.has_frames:
            casts.setdefault((clip.dataset, clip.subject), []).append(clip)
    total, done = sum(map(len, casts.values())), 0
    jobs = [(str(root), cast, size, seed) for cast in casts.values()]
    if workers == 1:
        results = (draw_cast(*job) for job in jobs)
        pool = contextlib.nullcontext()
    else:
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), cv2.setNumThreads, (1,))
        results = (future.result() for future in as_completed([pool.submit(draw_cast, *job) for job in jobs]))
    with pool:
        for count in results:
            done += count
            if progress:
                progress(done, total)


def draw_cast(root: str, clips: list, size: str, seed: int) -> int:
    """Draw and write the frames of one person's clips; returns how many clips they are."""
    camera = actors.camera_of(clips[0].dataset, size)
    canvas, px = actors.draw_canvas(seed, clips[0].dataset, clips[0].subject, size)
    options = [] if camera.quality is None else [cv2.IMWRITE_JPEG_QUALITY, camera.quality]
    for clip in clips:
        folder = Path(root, clip.folder)
        folder.mkdir(parents=True)
        rng = np.random.default_rng(clip.noise_seed)
        scene = actors.Scene(clip, seed, camera.size, canvas, px)
        for number in range(clip.onset, clip.offset + 1):
            image = actors.expose(scene.draw(number), clip, camera, rng)
            image = image if camera.grey else np.ascontiguousarray(image[..., ::-1])
            path = folder / clip.pattern.format(number)
            if not cv2.imwrite(str(path), image, options):
                raise OSError(f"Could not write {path}: is the disk full?")
    return len(clips)


def _write_truth(root: Path, clips: list, size: str) -> None:
    """ground_truth/: one row per clip, and the AU intensities of every frame."""
    (root / TRUTH).mkdir()
    rows, frames = [], []
    for clip in clips:
        row = asdict(clip)
        for name, parts in (("pose", "x y px roll"), ("drift", "x y turn growth"), ("lamp", "gain slope")):
            row |= {f"{name}_{part}": value for part, value in zip(parts.split(), row.pop(name), strict=True)}
        row |= dict(zip(("face_x", "face_y", "face_w", "face_h"), actors.face_box(clip), strict=True))
        height, width = actors.camera_of(clip.dataset, size).size
        del row["peak"]
        rows.append({"clip_id": clip.clip_id, **row, "height": height, "width": width})
        if clip.has_frames:
            course = {f"AU{au:02d}": values for au, values in actors.intensities(clip).items()}
            numbers = range(clip.onset, clip.offset + 1)
            frames.append(pd.DataFrame({"clip_id": clip.clip_id, "frame": numbers, **course}))
    pd.DataFrame(rows).to_parquet(root / TRUTH / "clips.parquet", index=False)
    pd.concat(frames).to_parquet(root / TRUTH / "aus.parquet", index=False)
