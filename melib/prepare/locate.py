"""Where the face and the apex of a clip are: found once, before any array is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from melib.prepare.apex import RULES, SPOT_SIZE, midpoint
from melib.prepare.clip import Clip
from melib.prepare.faces import Face, crop, find_face
from melib.prepare.settings import PrepareSettings


def locate(root: Path, row: dict, settings: PrepareSettings, box: Face | None = None) -> dict:
    """What preparation adds to a clip's index row: apex, apex_source, notes, and face_method, face_x and so on.

    Raises PrepareError, FaceError or CorpusError for a clip that cannot be used.
    """
    clip = Clip(root, row)
    notes = []
    if not pd.isna(row["onset"]) and clip.numbers[0] != row["onset"]:
        notes.append(f"onset frame {row['onset']} missing, {clip.numbers[0]} used")
    face = find_face(clip.first, bool(row["cropped"]), box, settings.face_detector)
    if face.method == "whole":
        notes.append("looks already cropped, taken whole")
    if face.others:
        notes.append(f"{face.others + 1} faces seen, the largest kept")
    apex = row["apex"]
    source = row["apex_source"]
    if pd.isna(apex) or apex not in clip.files or apex == clip.numbers[0]:
        if not pd.isna(apex):
            notes.append(f"annotated apex {apex} is the onset or no frame of the clip, replaced")
        apex, source = _find_apex(clip, face, settings.apex_rule)
    clip.frame(int(apex))  # an apex that cannot be read, or of another size, is said here
    box_of_face = {f"face_{name}": getattr(face, name) for name in ("method", "x", "y", "w", "h", "angle")}
    return {
        "clip_id": row["clip_id"], "apex": int(apex), "apex_source": source, "notes": "; ".join(notes), **box_of_face,
    }  # fmt: skip


def _find_apex(clip: Clip, face: Face, rule: str) -> tuple[int, str]:
    """The apex frame's number by `rule`, and the source to record."""
    if rule == "midpoint":
        return clip.numbers[midpoint(clip.numbers)], "midpoint"
    crops = np.stack([crop(clip.frame(number), face, SPOT_SIZE) for number in clip.numbers])
    fps = float(clip.row["fps"]) if not pd.isna(clip.row["fps"]) else np.nan
    return clip.numbers[RULES[rule](crops, fps)], "spotted"


def located_index(labelled: pd.DataFrame, entries: Sequence[dict]) -> pd.DataFrame:
    """The rows of the clips that were located, with what `locate` gave: apex and its source, face, further notes."""
    located = pd.DataFrame([entry for entry in entries if "reason" not in entry])
    table = labelled[labelled["clip_id"].isin(located["clip_id"])].reset_index(drop=True)
    for name in ("apex", "apex_source"):
        table[name] = located[name].astype(labelled[name].dtype)
    table["notes"] = [
        "; ".join(filter(None, pair)) for pair in zip(table["notes"].fillna(""), located["notes"], strict=True)
    ]
    return table.astype({"notes": labelled["notes"].dtype}).join(located.filter(like="face_"))
