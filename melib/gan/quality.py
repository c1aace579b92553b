"""What generated faces are worth as images, measured where the truth is known: on the demo corpus."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial.distance import pdist
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import polynomial_kernel

from melib.aus.table import NAMES
from melib.corpus.demo.write import TRUTH, acted_frame
from melib.corpus.index import CLASSES, subject_weights
from melib.folder import is_done
from melib.gan.fold import Fold, open_fold, subjects_in_turn, trained_generator
from melib.gan.settings import PRESETS, GanSettings
from melib.gan.train import GanError, Trained, generate, heads, new_networks
from melib.prepare.data import find_corpus
from melib.prepare.faces import Face, crop
from melib.prepare.flow import lk, shrink_flow
from melib.prepare.samples import Samples

MAGNIFY = (1, 3)  # of the centroids
CELLS = 16  # a flow is read as CELLS x CELLS averages
RIDGE = 1.6  # penalty of the regression of AUs on flow
COMPONENTS = 40  # of a face, for identity, KID and diversity
SATURATED = 0.01, 0.99
KINDS = ("generated", "shuffled", "untrained")  # of generated faces; see `read_pairs`
DRAWS = 1000  # of subjects, for intervals
MEASURE_WORDS = {
    "identity": "nearer to their own person than to others (share of pairs; 0.5: chance)",
    "kid": "kernel distance to real apex faces, × 1000 (of real ones: between two halves)",
    "diversity": "distance between faces of a class and dataset (no unit)",
    "sharpness": "finest detail, as a share of the onset's",
    "attention": "mean attention (1: the face is returned, 0: all is drawn anew)",
    "saturated": "attention at one end or the other (share of pixels)",
    "passed": "change of real faces that keep their AUs (grey levels of 255)",
}


def read_pairs(fold: Fold, trained: Trained, each: int = 8, progress: Callable | None = None) -> dict[str, np.ndarray]:
    """AUs measured on pairs (neutral, other face), arrays (magnify, class, face, 17) by the kind of the other face:

    neutral (the face itself: the floor), generated, shuffled (generated with the next class' centroid), untrained
    (by the generator before its first step, which with "moves" knows the flow fitted to the AUs), and real (the same
    face acting the target before its own camera: the ceiling); `target` is what there is to be read: the true AUs of
    the clips behind the centroid, times MAGNIFY. `place` (magnify, class, face, 3) is the correlation of the lengths of
    flow of the pairs of KINDS with those of the real one. `rows` (face,) are the samples whose onset is the neutral
    face: `each` of a dataset, its subjects in turn.

    AUs are read from the flow by ridge regression on the true AUs of the real clips of all *other* datasets: other
    people, another camera, no network. Raises GanError for a corpus that is not a demo corpus.
    """
    if not fold.data.synthetic:
        raise GanError("The true AUs of this corpus are not known: quality is measured on the demo corpora alone.")
    root = find_corpus(fold.settings.corpus)
    index = fold.index
    arrays = fold.data.samples.arrays
    truth = _true_aus(root, index)
    regressions = _regressions(fold, truth)
    rng = np.random.default_rng(fold.settings.seed)
    rows = np.concatenate([subjects_in_turn(index[index["dataset"] == name], rng)[:each] for name in fold.sources])
    datasets = index["dataset"].to_numpy(dtype=str)[rows]
    onset = arrays["onset"][rows]
    dominant = fold.clusters.members.query("cluster == 0")
    position = index.reset_index().set_index("clip_id").iloc[:, 0]
    goal = np.stack([truth[position[dominant.index[dominant["label"] == label]]].mean(0) for label in CLASSES])

    first = new_networks(fold.settings, fold.frames())[0].to(next(trained.generator.parameters()).device).eval()
    measured = {name: [] for name in ("neutral", *KINDS, "real", "target", "place")}
    for step, (magnify, label) in enumerate((m, c) for m in MAGNIFY for c in range(len(CLASSES))):
        target = magnify * goal[label]
        acted = np.stack([_acted(root, index.iloc[row], target, onset.shape[1]) for row in rows])
        faces = {"neutral": onset, "real": acted, **_generated(fold, trained, first, onset, magnify, label)}
        cells = {name: pair_cells(onset, other) for name, other in faces.items()}
        for name, flows in cells.items():
            aus = [regressions[source].predict(flow[None]) for source, flow in zip(datasets, flows, strict=True)]
            measured[name].append(np.concatenate(aus))
        measured["target"].append(np.tile(target, (len(rows), 1)))
        far = {name: np.hypot(*x.reshape(len(rows), 2, -1).swapaxes(0, 1)) for name, x in cells.items()}
        measured["place"].append(np.stack([_correlation(far[name], far["real"]) for name in KINDS], axis=1))
        if progress:
            progress(step + 1, len(MAGNIFY) * len(CLASSES))
    shape = len(MAGNIFY), len(CLASSES), len(rows)
    return {name: np.stack(part).reshape(*shape, -1) for name, part in measured.items()} | {"rows": rows}


def _regressions(fold: Fold, truth: np.ndarray) -> dict[str, Ridge]:
    """For each source, the regression of true AUs on the flow of the real clips of all other datasets."""
    arrays = fold.data.samples.arrays
    flows = pair_cells(arrays["onset"], arrays["apex"])
    others = {name: (fold.index["dataset"] != name).to_numpy() for name in fold.sources}
    return {name: Ridge(RIDGE).fit(flows[rows], truth[rows]) for name, rows in others.items()}


def _generated(fold: Fold, trained: Trained, first, onset: np.ndarray, magnify: float, label: int) -> dict:
    """Faces of each of KINDS from the neutral ones `onset` (N, S, S, 3); `first` is the generator before training."""
    centroids = fold.clusters.centroids.loc[list(CLASSES)].to_numpy()
    faces = {}
    for name in KINDS:
        aus = magnify * centroids[(label + (name == "shuffled")) % len(CLASSES)]
        network = first if name == "untrained" else trained.generator
        faces[name] = generate(network, onset, np.tile(aus, (len(onset), 1)), fold.settings)
    return faces


def gap_table(pairs: dict[str, np.ndarray], fold: Fold) -> pd.DataFrame:
    """How far generated faces go from the floor to the ceiling; measure, magnify, kind, value, low, high (95 %).

    `aus`: how far the measured AUs go from the neutral face's towards the real face's, along the line between them.
    `error`: the share of the neutral face's mean absolute error that is gone, where the real face's is as far as it
    can go; above 1 where a generated face reads truer than a real one. `place`: correlation of where it moves. All are
    0 for a generator that returns its input. Intervals are over subjects. `untrained` shows whether a measure can be
    had for nothing: noise is read as AUs too.
    """
    who = fold.index.iloc[pairs["rows"]]
    rows = []
    weights = np.vstack([np.ones(len(who)), subject_weights(who, DRAWS, fold.settings.seed)])
    floor, real, target = (pairs[name] for name in ("neutral", "real", "target"))
    for k, kind in enumerate(KINDS):
        way = real - floor
        moved = pairs[kind] - floor
        error = {name: np.abs(pairs[name] - target).mean(-1) for name in ("neutral", "real", kind)}
        parts = {
            "aus": ((way * moved).sum(-1), (way * way).sum(-1)),
            "error": (error["neutral"] - error[kind], error["neutral"] - error["real"]),
            "place": (pairs["place"][..., k], np.ones_like(pairs["place"][..., k])),
        }
        for name, (top, bottom) in parts.items():
            for place, magnify in enumerate(MAGNIFY):
                values = (weights @ top[place].sum(0)) / (weights @ bottom[place].sum(0))
                low, high = np.quantile(values[1:], (0.025, 0.975))
                rows.append((name, magnify, kind, values[0], low, high))
    return pd.DataFrame(rows, columns=["measure", "magnify", "kind", "value", "low", "high"])


def au_table(pairs: dict[str, np.ndarray]) -> pd.DataFrame:
    """By AU and kind, at magnification 1: correlation of measured and target over faces and classes, and mean error."""
    target = pairs["target"][0].reshape(-1, len(NAMES))
    rows = []
    for kind in ("neutral", *KINDS, "real"):
        read = pairs[kind][0].reshape(-1, len(NAMES))
        correlation = _correlation(read.T, target.T)
        rows += [(au, kind, *x) for au, *x in zip(NAMES, correlation, np.abs(read - target).mean(0), strict=True)]
    return pd.DataFrame(rows, columns=["au", "kind", "correlation", "error"])


def folds_table(settings: GanSettings, each: int = 8, progress: Callable | None = None) -> pd.DataFrame:
    """How far AUs of generated faces go (`gap_table`, centroids as they are) in each fold whose generator is there.

    Columns held_out, kind, value, low, high, and the seconds that the generator's training took.
    """
    folds = [open_fold(replace(settings, held_out=name)) for name in open_fold(settings).index["dataset"].unique()]
    folds = [fold for fold in folds if is_done(fold.folder)]
    parts = []
    for done, fold in enumerate(folds, 1):
        trained = trained_generator(fold)
        gaps = gap_table(read_pairs(fold, trained, each), fold).query("measure == 'aus' and magnify == 1")
        parts.append(gaps.assign(held_out=fold.settings.held_out, seconds=trained.seconds))
        if progress:
            progress(done, len(folds))
    return pd.concat(parts)[["held_out", "kind", "value", "low", "high", "seconds"]].reset_index(drop=True)


def image_table(fold: Fold, trained: Trained, samples: Samples) -> pd.DataFrame:
    """What generated `samples` are as pictures, a row a measure.

    Columns measure, generated, neutral (the same of the faces they were made from, where that says something), real
    (of real apex frames).

    `identity`: how often a face is nearer to another clip's onset of its subject than to one of another subject of its
    dataset (area under the curve; 0.5 is chance). `kid`: kernel distance to real apex frames of the class, times 1000,
    mean over classes; beside it that between two halves of the real ones. `diversity`: mean distance between faces of a
    class and dataset. `sharpness`: energy of the finest detail against the onset's. `attention` and `saturated`: the
    mean of the attention map, and the share of it that is above 0.99 (the face returned) or below 0.01 (the colour
    image alone). `passed`: grey levels by which real faces change that go through the generator with their own AUs.
    Faces are compared by their first principal components (`COMPONENTS`), fitted on the onsets of the training
    datasets; for `kid` each counts alike.
    """
    real = fold.data.samples.select(fold.index["dataset"].isin(fold.sources).to_numpy())
    pixels = real.arrays["onset"].reshape(len(real), -1) / 127.5 - 1
    mean = pixels.mean(0)
    basis = np.linalg.svd(pixels - mean, full_matrices=False)[2][:COMPONENTS]
    onsets, apexes, made, before = (
        (x.reshape(len(x), -1) / 127.5 - 1 - mean) @ basis.T
        for x in (real.arrays["onset"], real.arrays["apex"], samples.arrays["apex"], samples.arrays["onset"])
    )
    onset_aus = fold.onset.reindex(real.index["clip_id"]).fillna(0).to_numpy()
    asked = 0 * onset_aus if PRESETS[fold.settings.preset].moves else onset_aus
    through = list(heads(trained.generator, real.arrays["onset"], asked, fold.settings))
    passed = np.concatenate([result for result, _, _ in through])
    centroid = fold.clusters.centroids.loc[real.index["label"]].to_numpy()
    drawn = list(heads(trained.generator, real.arrays["onset"], centroid, fold.settings))
    attention = np.concatenate([attention for _, _, attention in drawn])
    halves = np.arange(len(real)) % 2 == 0
    level = onsets.std(0)
    kid = []
    for label in CLASSES:
        faces = _of(samples, label)
        theirs = _of(real, label)
        pairs = (made[faces], apexes[theirs]), (before[faces], apexes[theirs])
        pairs += ((apexes[theirs & halves], apexes[theirs & ~halves]),)
        kid.append([_kid(x / level, y / level) for x, y in pairs])
    nan, low, high = np.nan, *SATURATED
    rows = {
        "identity": (_identity(made, samples, onsets, real), nan, _identity(apexes, real, onsets, real)),
        "kid": 1000 * np.nanmean(kid, axis=0),
        "diversity": (_spread(made, samples.index), _spread(before, samples.index), _spread(apexes, real.index)),
        "sharpness": (_detail(samples.arrays["apex"]) / _detail(samples.arrays["onset"]), nan,
                      _detail(real.arrays["apex"]) / _detail(real.arrays["onset"])),
        "attention": (attention.mean(), nan, nan),
        "saturated": (((attention < low) | (attention > high)).mean(), nan, nan),
        "passed": (np.abs(passed.astype(float) - real.arrays["onset"]).mean(), nan, nan),
    }  # fmt: skip
    return pd.DataFrame([(name, *x) for name, x in rows.items()], columns=["measure", "generated", "neutral", "real"])


def readable(images: pd.DataFrame) -> pd.DataFrame:
    """`image_table` for reading: each measure in words with its unit, and nothing where it does not apply."""
    table = images.set_index("measure").map(lambda value: "" if pd.isna(value) else f"{value:.2f}")
    table.columns = ["generated faces", "neutral faces they are made from", "real apex faces"]
    return table.rename(MEASURE_WORDS).rename_axis(None)


def pair_cells(onset: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Flow between faces (N, S, S, 3) uint8 as (N, 2 CELLS^2), in pixels of a face of 64; windows of a 32nd of S."""
    size = onset.shape[1]
    flows = [shrink_flow(lk(*pair, window=size / 32), CELLS) for pair in zip(onset, other, strict=True)]
    return np.stack(flows).reshape(len(onset), -1) * (64 / CELLS)


def _true_aus(root, index: pd.DataFrame) -> np.ndarray:
    """The true AUs (N, 17) of the apex frames."""
    table = pd.read_parquet(root / TRUTH / "aus.parquet").set_index(["clip_id", "frame"])[list(NAMES)]
    return table.loc[list(zip(index["clip_id"], index["apex"], strict=True))].to_numpy()


def _acted(root, row: pd.Series, target: np.ndarray, size: int) -> np.ndarray:
    """The crop of a clip's face that acts `target`."""
    box = Face(*row[["face_x", "face_y", "face_w", "face_h", "face_angle"]].astype(float), row["face_method"])
    return crop(acted_frame(root, row["clip_id"], target), box, size)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the rows of two arrays (N, D); 0 where one of them is constant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        return np.nan_to_num(stats.pearsonr(a, b, axis=-1).statistic)


def _of(samples: Samples, label: str) -> np.ndarray:
    return (samples.index["label"] == label).to_numpy()


def _kid(x: np.ndarray, y: np.ndarray) -> float:
    """Kernel distance, unbiased, with the kernel (x . y / D + 1)^3 (Binkowski et al. 2018), of (N, D) and (M, D).

    NaN where there are not two of each.
    """
    if min(len(x), len(y)) < 2:
        return np.nan
    inside = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in map(polynomial_kernel, (x, y))]
    return float(sum(inside) - 2 * polynomial_kernel(x, y).mean())


def _spread(x: np.ndarray, index: pd.DataFrame) -> float:
    """Mean distance between two of `x` (N, D) of the same class and dataset."""
    groups = index.reset_index(drop=True).groupby(["dataset", "label"]).groups.values()
    pairs = [pdist(x[g]) for g in groups]
    return float(np.concatenate(pairs).mean()) if any(map(len, pairs)) else np.nan


def _identity(x: np.ndarray, samples: Samples, onsets: np.ndarray, real: Samples) -> float:
    """Area under the curve of telling a subject's onsets of other clips from other subjects' of the same dataset."""
    source = samples.index["source" if "source" in samples.index else "clip_id"].to_numpy(dtype=str)
    subject, dataset = (samples.index[name].to_numpy(dtype=str) for name in ("subject", "dataset"))
    theirs = real.index["subject"].to_numpy(dtype=str)
    clips = real.index["clip_id"].to_numpy(dtype=str)
    near = -np.linalg.norm(x[:, None] - onsets[None], axis=-1)
    there = (dataset[:, None] == real.index["dataset"].to_numpy(dtype=str)) & (source[:, None] != clips)
    same = subject[:, None] == theirs
    areas = [(near[i, there[i] & same[i]][:, None] > near[i, there[i] & ~same[i]]).mean()
             for i in range(len(x)) if (there[i] & same[i]).any()]  # fmt: skip
    return float(np.mean(areas))


def _detail(images: np.ndarray) -> float:
    """Mean energy of the finest detail of images (N, S, S, 3): of the Laplacian of their grey."""
    grey = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in np.ascontiguousarray(images))
    return float(np.mean([cv2.Laplacian(image, cv2.CV_32F).var() for image in grey]))
