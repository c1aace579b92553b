"""What a tool might read off the demo corpus: its ground truth with a tool's errors, in the format of OpenFace.

No tool has looked at a face here. A reading is the true intensity, plus what the tool takes for AUs on that person's
resting face and under that dataset's camera, plus noise. The sizes of these errors follow the nine clips of SMIC, SAMM
and CASME II whose OpenFace files come with the ULME-GAN repository: over their 17 AUs the level of a clip is about 0.4,
the change from onset to apex about 0.17, and 5 of 17 AUs are present in half of the frames or more.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.demo import actors, motion
from melib.corpus.demo.write import MARKER, TRUTH

FOLDER = "openface"
SOURCE = "source.json"
FACE_ERROR = 0.6  # standard deviation between persons of what is read off a resting face, beside its true rest
CAMERA_ERROR = 0.35  # the same between datasets
NOISE = 0.1  # between frames
PRESENT = 0.55  # the reading from which on an AU counts as present, itself read with PRESENCE_NOISE
PRESENCE_NOISE = 0.2
FAILED_SHARE = 0.002  # frames on which the tracking fails


def write_openface(root: str | Path) -> Path:
    """Write `openface/<clip_id>.csv` for every clip of a demo corpus, beside its layouts; at once where that is done.

    Sequence files as FeatureExtraction writes them with -aus: frames count from 1, intensities 0-5 with two decimals,
    blanks after the commas. FileNotFoundError where `root` is no demo corpus.
    """
    root = Path(root)
    folder, seed = root / FOLDER, json.loads((root / MARKER).read_text(encoding="utf-8"))["seed"]
    if folder.is_dir():
        return folder
    notice = (
        "Synthetic: the demo corpus' ground truth with measurement noise, in OpenFace's format. No tool read a face."
    )
    draft = Path(tempfile.mkdtemp(prefix=f".{FOLDER}-", dir=root))
    draft.chmod(0o755)  # mkdtemp makes it private
    for clip_id, truth in pd.read_parquet(root / TRUTH / "aus.parquet").groupby("clip_id", sort=True):
        path = draft / f"{clip_id}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        _measure(seed, clip_id, truth).to_csv(path, index=False, lineterminator="\n")
    source = {"tool": "OpenFace format (synthetic)", "tool_version": "2", "in_order": True, "notice": notice}
    (draft / SOURCE).write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")
    try:
        draft.rename(folder)
    except OSError:  # somebody else finished it meanwhile: theirs is the same
        shutil.rmtree(draft)
    return folder


def _measure(seed: int, clip_id: str, truth: pd.DataFrame) -> pd.DataFrame:
    """One clip's file: what the tool reads where the true intensities are `truth` (T, AU01..AU45)."""
    dataset, subject, _ = clip_id.split("/")
    rest, names = actors.actor(seed, dataset, subject).rest, [f"AU{au:02d}" for au in motion.OPENFACE_AUS]
    still = np.array([rest.get(au, 0.0) for au in motion.OPENFACE_AUS])
    still += actors.generator(seed, FOLDER, dataset, subject).normal(0, FACE_ERROR, len(names))
    still += actors.generator(seed, FOLDER, dataset).normal(0, CAMERA_ERROR, len(names))
    rng = actors.generator(seed, FOLDER, clip_id)
    reading = still + truth[names].to_numpy()
    reading = np.clip(reading + rng.normal(0, NOISE, reading.shape), 0, 5).round(2)
    present = reading + rng.normal(0, PRESENCE_NOISE, reading.shape) >= PRESENT
    success = rng.random(len(truth)) >= FAILED_SHARE
    columns = {"frame": np.arange(1, len(truth) + 1), "face_id": 0, "timestamp": 0.0}
    columns |= {"confidence": np.where(success, 0.98, 0.0), "success": success.astype(int)}
    columns |= {f"{name}_r": reading[:, k] * success for k, name in enumerate(names)}
    presence = {f"{name}_c": (present[:, k] & success).astype(float) for k, name in enumerate(names)}
    columns |= dict(sorted({**presence, "AU28_c": 0.0}.items()))
    return pd.DataFrame(columns).rename(columns=lambda name: name if name == "frame" else f" {name}")
