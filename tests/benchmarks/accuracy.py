"""How right flow and apex rules are on micro-motion: `python -m tests.benchmarks.accuracy`.

Known fields move a photograph and the demo corpus' faces. The tables go to `figures/`; `melib figures` draws them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from melib.corpus.demo.write import TRUTH, true_flow
from melib.corpus.frames import list_frames, read_frame
from melib.corpus.scan import read_index
from melib.figures.motion import BINS
from melib.home import resolve
from melib.prepare.apex import RULES, SPOT_SIZE, motion_curve
from melib.prepare.clip import Clip
from melib.prepare.data import find_corpus
from melib.prepare.faces import FaceError, crop, crop_matrix, find_face
from melib.prepare.flow import FlowError, dis, farneback, flow_solver, lk, tvl1

VARIANTS = {  # each method with the setting that matters most to it
    "lk, window 6 px": lk,
    "lk, window 3 px": partial(lk, window=3),
    "Farneback, window 21 px": farneback,
    "Farneback, window 11 px": partial(farneback, window=11),
    "DIS, finest scale 0": dis,
    "DIS, finest scale 1": partial(dis, finest=1),
    "TV-L1, light evened": tvl1,
    "TV-L1, as it is": partial(tvl1, even=False),
    "no flow": lambda onset, apex: np.zeros((2, *onset.shape[:2]), np.float32),
}
SHIFTS = (0.3, 0.5, 1.0)  # px of a whole picture
NOISE = 2  # grey levels
MARGIN = 8  # px about a moved picture, from which real content moves in


def variants(raft: str | Path | None = None) -> dict[str, Callable]:
    """VARIANTS, and RAFT-small with the weights in the file `raft`."""
    if raft is None:
        return VARIANTS
    solve = flow_solver("raft_small", raft)
    return {**VARIANTS, f"RAFT-small, {Path(raft).stem}": lambda *pair: solve(*(image[None] for image in pair))[0]}


def flow_accuracy(
    root: str | Path | None = None,
    index: pd.DataFrame | None = None,
    methods: Mapping[str, Callable] = VARIANTS,
    photo: np.ndarray | None = None,
    size: int = 224,
    pairs: int = 24,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure flow `methods` on a `photo` moved by known fields and, with `root` and `index` of a demo corpus, faces.

    Returns one row per method, source (photo, demo) and kind of motion: epe (px of `size`, mean end-point error over
    textured pixels), angle (degrees), pixels, ms (of processor time a pair). Motion is a bin of BINS, "shift 0.3 px"
    and so on, or "still, 99th percentile", where `epe` is that percentile of the flow between two noisy pictures of
    one scene. Moved pictures carry noise of 2 grey levels and, where a field moves them, up to 7 % change of
    brightness; the demo corpus' clips move as they do. `photo` (H, W, 3) uint8 defaults to scikit-image's astronaut.
    """
    rng = np.random.default_rng(seed)
    sources = {"photo": list(moved_pairs(_astronaut() if photo is None else photo, size, pairs, rng))}
    if root is not None:
        sources["demo"] = list(demo_pairs(root, index, size, pairs, rng))
    rows = []
    for method, solve in methods.items():
        for source, examples in sources.items():
            errors = []
            start = process_time()
            flows = [solve(onset, apex) for _, onset, apex, _ in examples]
            ms = 1000 * (process_time() - start) / len(examples)
            for (kind, onset, _, true), flow in zip(examples, flows, strict=True):
                where = textured(onset)
                parts = {kind: where}
                if kind is None:
                    length = np.linalg.norm(true, axis=0)
                    parts = {name: where & (low <= length) & (length < high) for name, (low, high) in BINS.items()}
                for motion, part in parts.items():
                    epe, angle = endpoint_error(flow, true)[part], angular_error(flow, true)[part]
                    errors.append(pd.DataFrame({"motion": motion, "epe": epe, "angle": angle}))
            for motion, part in pd.concat(errors).groupby("motion", sort=False):
                epe = part["epe"].quantile(0.99) if motion.startswith("still") else part["epe"].mean()
                found = {"epe": epe, "angle": part["angle"].mean(), "pixels": len(part), "ms": ms}
                rows.append({"method": method, "source": source, "motion": motion, **found})
    return pd.DataFrame(rows)


def apex_accuracy(root: str | Path, index: pd.DataFrame, progress: Callable | None = None) -> pd.DataFrame:
    """How far from the truth each apex rule is on the labelled clips of a demo corpus whose face is found.

    Returns one row per rule and dataset: rule, dataset, clips, frames, ms and share (mean absolute error, of the clip's
    length), and of clips that blink away from the apex (`blinks`) how often the frame of the blink is `taken`.
    "unguarded" is the greatest motion with blinks among it. `progress(done, total)` counts clips.
    """
    truth = pd.read_parquet(Path(root) / TRUTH / "clips.parquet").set_index("folder")
    clips, rows = index.dropna(subset=["label"]), []
    for number, row in enumerate(clips.to_dict("records"), start=1):
        clip = Clip(root, row)
        try:
            face = find_face(clip.first, bool(row["cropped"]))
        except FaceError:
            continue
        crops = np.stack([crop(clip.frame(n), face, SPOT_SIZE) for n in clip.numbers])
        drawn = truth.loc[row["folder"]]
        for rule, spot in (RULES | {"unguarded": unguarded}).items():
            chosen = clip.numbers[spot(crops, row["fps"])]
            off = abs(chosen - drawn["apex"])
            errors = {"frames": off, "ms": 1000 * off / row["fps"], "share": off / (row["offset"] - row["onset"])}
            rows.append({"rule": rule, "dataset": row["dataset"], **errors, "taken": blink_taken(drawn, chosen)})
        if progress:
            progress(number, len(clips))
    groups = pd.DataFrame(rows).groupby(["rule", "dataset"], sort=False)
    table = groups[["frames", "ms", "share", "taken"]].mean()
    return table.assign(clips=groups.size(), blinks=groups["taken"].count()).reset_index()


def unguarded(crops: np.ndarray, fps: float) -> int:
    """The frame of greatest motion, blinks among it."""
    return 1 + int(np.argmax(motion_curve(crops)[1:]))


def blink_taken(drawn: pd.Series, chosen: int, near: int = 2) -> float:
    """Whether the `chosen` frame is that of a drawn blink; missing where there is none apart from the apex."""
    if (
        not drawn["blink"]
        or drawn["blink_frame"] > drawn["offset"]
        or abs(drawn["blink_frame"] - drawn["apex"]) <= near + 1
    ):
        return np.nan
    return float(abs(chosen - drawn["blink_frame"]) <= near)


def moved_pairs(photo: np.ndarray, size: int, pairs: int, rng: np.random.Generator) -> Iterable[tuple]:
    """(kind of motion, onset, apex, true flow): `photo` shifted, still, and moved by `pairs` smooth fields."""
    whole = size + 2 * MARGIN
    side = min(photo.shape[:2])
    top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    way = cv2.INTER_AREA if side > 2 * whole else cv2.INTER_CUBIC
    photo = cv2.resize(photo[top : top + side, left : left + side], (2 * whole, 2 * whole), interpolation=way)
    fields = [("still, 99th percentile", np.zeros((2, whole, whole), np.float32))]
    for shift in SHIFTS:
        for turn in rng.uniform(0, 2 * np.pi, 4):
            step = np.float32([np.cos(turn), np.sin(turn)]) * shift
            fields.append((f"shift {shift} px", np.broadcast_to(step[:, None, None], (2, whole, whole))))
    fields += [(None, smooth_field(whole, peak, rng)) for peak in np.geomspace(0.5, 5, pairs) * size / 224]
    for kind, field in fields:
        onset, apex, flow = move(photo, field, MARGIN)
        gain = rng.uniform(0.93, 1.07) if kind is None else 1
        yield kind, disturb(onset, NOISE, 1, rng), disturb(apex, NOISE, gain, rng), flow


def demo_pairs(
    root: str | Path, index: pd.DataFrame, size: int, pairs: int, rng: np.random.Generator
) -> Iterable[tuple]:
    """A face of the demo corpus shifted and still, as in `moved_pairs`, and (None, onset, apex, true flow) of `pairs`
    random clips with an annotated apex."""
    usable = index[(index["apex_source"] == "annotated") & index["label"].notna()]
    first = usable[~usable["cropped"]].iloc[0]
    onset = read_frame(list_frames(Path(root) / first["folder"])[first["onset"]])
    yield from moved_pairs(crop(onset, find_face(onset), 480), size, 0, rng)
    for row in usable.sample(min(pairs, len(usable)), random_state=rng.integers(2**31)).itertuples():
        frames = list_frames(Path(root) / row.folder)
        onset, apex = read_frame(frames[row.onset]), read_frame(frames[row.apex])
        face = find_face(onset, bool(row.cropped))
        matrix = crop_matrix(face, size)
        flow = cv2.warpAffine(true_flow(root, row.clip_id).transpose(1, 2, 0), matrix, (size, size))
        yield None, crop(onset, face, size), crop(apex, face, size), np.einsum("ij,hwj->ihw", matrix[:, :2], flow)


def _astronaut() -> np.ndarray:
    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise FlowError("Give a photo (H, W, 3) uint8, or install scikit-image for its astronaut.") from error
    return astronaut()


def move(photo: np.ndarray, field: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move `photo` (2H, 2H, 3) uint8 by `field` (2, H, H) px: onset, apex and flow at half its size, less a `margin`.

    The apex shows at x what the onset has at x - field(x), so the flow solves f(x) = field(x + f(x)): a fixed point,
    exact to .001 px for smooth fields. Both frames are shrunk alike, so interpolation leaves no trace between them;
    the margin lets real content move in across the border.
    """
    size = field.shape[1]
    big = 2 * np.stack([cv2.resize(part, (2 * size, 2 * size), interpolation=cv2.INTER_LINEAR) for part in field])
    y, x = np.indices(big.shape[1:], dtype=np.float32)
    apex = cv2.remap(photo, x - big[0], y - big[1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
    y, x = np.indices(field.shape[1:], dtype=np.float32)
    flow = field
    for _ in range(20):
        at = (x + flow[0], y + flow[1])
        flow = np.stack([cv2.remap(part, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for part in field])
    onset, apex = (cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in (photo, apex))
    inner = slice(margin, size - margin)
    return onset[inner, inner], apex[inner, inner], flow[:, inner, inner]


def smooth_field(size: int, peak: float, rng: np.random.Generator, bumps: int = 6) -> np.ndarray:
    """A field (2, size, size) of Gaussian bumps of random place, width and direction, its greatest motion `peak` px."""
    y, x = np.indices((size, size), dtype=np.float32) / size
    field = np.zeros((2, size, size), np.float32)
    for _ in range(bumps):
        cx, cy = rng.uniform(0.1, 0.9, 2)
        bump = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * rng.uniform(0.06, 0.15) ** 2))
        turn = rng.uniform(0, 2 * np.pi)
        field += np.array([np.cos(turn), np.sin(turn)], np.float32)[:, None, None] * bump
    return field * np.float32(peak / np.linalg.norm(field, axis=0).max())


def disturb(image: np.ndarray, noise: float, gain: float, rng: np.random.Generator) -> np.ndarray:
    """`image` (H, W, 3) uint8 brighter by the factor `gain` and with Gaussian noise of `noise` grey levels."""
    return np.clip(np.rint(image * gain + rng.normal(0, noise, image.shape)), 0, 255).astype(np.uint8)


def textured(image: np.ndarray) -> np.ndarray:
    """Where `image` (H, W, 3) has texture to follow, (H, W) bool: standard deviation of 3 grey levels about a pixel."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    blur = lambda x: cv2.GaussianBlur(x, (0, 0), 3)  # noqa: E731
    return blur(gray**2) - blur(gray) ** 2 > 9


def endpoint_error(flow: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Length of the difference of two fields (2, H, W), in px, (H, W)."""
    return np.linalg.norm(flow - true, axis=0)


def angular_error(flow: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Angle between (u, v, 1) and its truth in degrees, (H, W) (Barron et al. 1994)."""
    dot = (flow * true).sum(0) + 1
    lengths = np.sqrt(((flow**2).sum(0) + 1) * ((true**2).sum(0) + 1))
    return np.degrees(np.arccos(np.clip(dot / lengths, -1, 1)))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.accuracy", description=__doc__)
    parser.add_argument("--raft", help="file of weights of torchvision's raft_small, to be measured too")
    parser.add_argument("--pairs", type=int, default=24, help="moved pictures of each source (default: 24)")
    parser.add_argument("--to", default="figures", help="folder for the CSVs (default: figures)")
    args = parser.parse_args(argv)
    root, to = find_corpus("demo"), resolve(args.to)
    index = read_index(root)
    to.mkdir(parents=True, exist_ok=True)
    with tqdm(desc="clips spotted", mininterval=1) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        tables = {
            "flow_accuracy": flow_accuracy(root, index, variants(args.raft), pairs=args.pairs),
            "apex_accuracy": apex_accuracy(root, index, show),
        }
    for name, table in tables.items():
        marked = table.assign(synthetic=table["source"] == "demo" if "source" in table else True)
        marked.to_csv(to / f"{name}.csv", index=False, float_format="%.4g")
        print(to / f"{name}.csv")


if __name__ == "__main__":
    main()
