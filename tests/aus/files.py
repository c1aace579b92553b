"""What the tests of AUs share: OpenFace files of several shapes, and a made-up corpus of AU vectors."""

import numpy as np
import pandas as pd

from melib.aus.table import NAMES
from melib.corpus.index import CLASSES

INTENSITIES = [f"{name}_r" for name in NAMES]
PRESENCES = [*(f"{name}_c" for name in NAMES[:-1]), "AU28_c", "AU45_c"]
FRAMES = list(range(11, 19))  # of the clip that is written


def frame_values(seed=0, frames=8) -> pd.DataFrame:
    """Random AUs of a clip's frames, as OpenFace rounds them."""
    rng = np.random.default_rng(seed)
    values = np.hstack([rng.uniform(0, 5, (frames, 17)).round(2), rng.integers(0, 2, (frames, 18))])
    return pd.DataFrame(values, columns=[*INTENSITIES, *PRESENCES])


def sequence(values: pd.DataFrame, face=0, confidence=0.98, success=1, others=()) -> pd.DataFrame:
    """A FeatureExtraction table of one face, with columns named `others` before the AUs."""
    head = {"frame": range(1, len(values) + 1), "face_id": face, "timestamp": 0.0}
    head |= {"confidence": confidence, "success": success, **{name: -77.5 for name in others}}
    return pd.concat([pd.DataFrame(head, index=values.index), values], axis=1)


def write(table: pd.DataFrame, path, blank="") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [table.columns, *table.astype(object).to_numpy()]
    path.write_text("".join(f",{blank}".join(map(str, line)) + "\n" for line in lines))


def one_clip(**changes) -> pd.DataFrame:
    row = {"clip_id": "SAMM/006/006_1_1", "dataset": "SAMM", "subject": "SAMM/006", "label": "surprise"}
    row |= {"onset": FRAMES[0], "apex": 14, "offset": FRAMES[-1], "folder": "SAMM/006/006_1_1", "au_codes": "1+2"}
    return pd.DataFrame([row | changes])


def corpus(vectors: dict[str, np.ndarray], dataset="SAMM", subjects=4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Vectors and index of clips with the given vectors (n, 17) a class, dealt to `subjects` of one dataset."""
    rows = [(label, row) for label in CLASSES if label in vectors for row in vectors[label]]
    index = pd.DataFrame({"label": [label for label, _ in rows], "dataset": dataset})
    index["clip_id"] = [f"{dataset}/{i % subjects}/{i}" for i in index.index]
    index["subject"] = [f"{dataset}/{i % subjects}" for i in index.index]
    table = pd.DataFrame([row for _, row in rows], index=pd.Index(index["clip_id"]), columns=list(NAMES))
    return table, index
