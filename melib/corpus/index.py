"""The index: one row per clip, the one table that all later steps take."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np
import pandas as pd

from melib.errors import InputError

DATASETS = ("SMIC", "CASME", "CASME2", "SAMM", "MMEW")
PRINT_NAMES = {"SMIC": "SMIC", "CASME": "CASME", "CASME2": "CASME II", "SAMM": "SAMM", "MMEW": "MMEW"}
CLASSES = ("positive", "negative", "surprise")
FPS = {"SMIC": 100, "CASME": 60, "CASME2": 200, "SAMM": 200, "MMEW": 90}

# Published datasets with names like those of the five: CAS(ME)^2 and CAS(ME)^3, and SAMM Long Videos.
OTHERS = r"cas\(me\)\W*[23]|casme[ _-]*(3|iii|sq)|samm[ _-]*l"

# Clips per class in Table 1 of the paper, in the order of CLASSES.
TABLE1 = {
    "SMIC": (51, 70, 43),
    "CASME": (9, 53, 21),
    "CASME2": (32, 72, 25),
    "SAMM": (26, 80, 15),
    "MMEW": (36, 109, 89),
}

# "annotated" only for clips whose sheet names a usable apex; missing until `prepare` fills it.
APEX_SOURCES = ("annotated", "corrected", "spotted", "midpoint")

COLUMNS = {
    "clip_id": "string",  # "CASME2/sub01/EP02_01f"
    "dataset": "string",
    "subject": "string",  # qualified by dataset: "CASME2/sub01"
    "clip": "string",
    "emotion": "string",  # as annotated, lower case
    "label": "string",  # one of CLASSES; missing where the mapping drops the emotion
    "onset": "Int64",  # frame numbers as in the file names
    "apex": "Int64",
    "offset": "Int64",
    "apex_source": "string",
    "fps": "Float64",
    "cropped": "boolean",  # the owner's release is already cropped to the face
    "folder": "string",  # of the clip's frames, relative to the data root, with forward slashes
    "au_codes": "string",  # as annotated
    "notes": "string",  # every repair, joined by "; ", empty where there was none
}


class CorpusError(InputError):
    """The data cannot be used as they are; the message says what came, what was expected, what to do."""


def make_index(rows: list[dict]) -> pd.DataFrame:
    """Turn rows into an index with the contract's columns and types, sorted by dataset and clip.

    Raises CorpusError for unknown columns or labels and for a clip_id that occurs twice.
    """
    unknown = sorted({name for row in rows for name in row} - set(COLUMNS))
    if unknown:
        raise CorpusError(f"Unknown index columns {unknown}; the index has {list(COLUMNS)}.")
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    frame["notes"] = frame["notes"].fillna("")
    for column, allowed in (("label", CLASSES), ("apex_source", APEX_SOURCES)):
        strange = sorted(set(frame[column].dropna()) - set(allowed))
        if strange:
            raise CorpusError(f"Index column {column!r} holds {strange}; allowed are {list(allowed)}.")
    twice = sorted(frame["clip_id"][frame["clip_id"].duplicated()])
    if twice:
        raise CorpusError(f"{len(twice)} clip ids occur more than once: {twice[:5]}. Each clip needs one row.")
    order = frame["dataset"].map(dataset_order(frame["dataset"]).index)
    return frame.assign(_order=order).sort_values(["_order", "clip_id"]).drop(columns="_order").reset_index(drop=True)


def class_counts(index: pd.DataFrame) -> pd.DataFrame:
    """Count labelled clips, one row per dataset of the index (in `dataset_order`), one column per class (Table 1).

    SMIC's further expressions, which Table 1 leaves out, are not counted: see `further_expressions`.
    """
    labelled = index[~further_expressions(index)].dropna(subset=["label"])
    counts = pd.crosstab(labelled["dataset"], labelled["label"])
    return counts.reindex(index=dataset_order(index["dataset"]), columns=list(CLASSES), fill_value=0).rename_axis(
        index=None, columns=None
    )


def further_expressions(index: pd.DataFrame) -> np.ndarray:
    """Which clips (N,) are second or third expressions of SMIC's long recordings.

    They are clips like any other, but no rows of SMIC's sheet; CASME's are, and count in its classes.
    """
    if "clip" not in index:
        return np.zeros(len(index), dtype=bool)
    return (index["dataset"].eq("SMIC") & index["clip"].str.contains("#", regex=False)).to_numpy(dtype=bool)


def subject_weights(index: pd.DataFrame, draws: int, seed: int) -> np.ndarray:
    """How often each clip counts when subjects are drawn with replacement within their dataset, (draws, N)."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((draws, len(index)))
    for _, part in index.reset_index(drop=True).groupby("dataset"):
        names, of = np.unique(part["subject"].to_numpy(dtype=str), return_inverse=True)
        weights[:, part.index] = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)[:, of]
    return weights


def dataset_name(text: str) -> str:
    """A dataset's name in code: the five in any usual spelling, any other name as it is.

    >>> dataset_name("CASME II"), dataset_name("casme (Ⅱ)"), dataset_name("samm"), dataset_name("CAS(ME)^2")
    ('CASME2', 'CASME2', 'SAMM', 'CAS(ME)^2')
    """
    words = unicodedata.normalize("NFKC", text).upper()
    plain = re.sub(r"[\s_-]", "", words)
    if re.fullmatch(r"CASME\(?(2|II)\)?", plain):
        return "CASME2"
    return plain if plain in DATASETS else text.strip()


def doubtful_name(name: str) -> str:
    """Which of the paper's five a dataset's name nearly is, without being a spelling of it; empty where it is clear.

    Published datasets whose names resemble theirs are clear.

    >>> doubtful_name("SMMA"), doubtful_name("CASME^2"), doubtful_name("CASME II"), doubtful_name("CAS(ME)^2")
    ('SAMM', 'CASME2', '', '')
    """
    if dataset_name(name) in DATASETS or re.match(OTHERS, name, re.IGNORECASE):
        return ""
    return next(iter(get_close_matches(name.upper(), DATASETS, n=1, cutoff=0.7)), "")


def print_name(dataset: str) -> str:
    """A dataset's name as papers print it; a dataset of one's own is printed as it is called."""
    return PRINT_NAMES.get(dataset, dataset)


def dataset_order(names: Iterable[str]) -> list[str]:
    """Dataset names, each once: the paper's five first, in its order, then any others by name."""
    present = set(names)
    return [name for name in DATASETS if name in present] + sorted(present - set(DATASETS))
