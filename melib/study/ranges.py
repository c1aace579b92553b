"""How a clip lies among those that a model was trained on: its motion, the face's size, the light, the speed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from melib.prepare.describe import clip_facts
from melib.prepare.samples import Samples

MEASURES = {
    "motion": "motion, onset to apex (% of face width)",
    "face": "width of the face (pixels)",
    "light": "brightness of the face (0 to 255)",
    "rise": "time from onset to apex (ms)",
}
LOW, HIGH = 0.005, 0.995  # quantiles of the training clips: the ends of what is called seen in training


def clip_measures(samples: Samples) -> pd.DataFrame:
    """The MEASURES of each clip, a column each, index clip_id; missing where the samples lack what they need.

    Motion is `describe.clip_facts`', brightness the mean grey of the onset's crop, width that of the crop in the frame.
    """
    index = samples.index
    measures = pd.DataFrame(np.nan, index=pd.Index(index["clip_id"], name="clip_id"), columns=list(MEASURES))
    measures["motion"] = clip_facts(samples)["motion"].to_numpy()
    if {"face_w", "face_h"} <= set(index.columns):
        measures["face"] = index[["face_w", "face_h"]].max(axis=1).to_numpy()
    if "onset" in samples.arrays:
        measures["light"] = [float(image.mean()) for image in samples.arrays["onset"]]
    if {"onset", "apex", "fps"} <= set(index.columns):
        onset, apex, fps = index[["onset", "apex", "fps"]].to_numpy(dtype=float, na_value=np.nan).T
        measures["rise"] = 1000 * (apex - onset) / fps
    return measures


def compare(own: pd.Series, training: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """A row per measure: value of the own clip, and low, median and high of the training clips (`clip_measures`).

    Low and high are their quantiles LOW and HIGH; of several runs' training clips the narrowest range counts. `within`
    is "yes", "no", or "unknown" where the clip or the training clips lack the measure.
    """
    tables = [table[list(MEASURES)].quantile([LOW, 0.5, HIGH]) for table in training]
    quantiles = np.stack([table.to_numpy() for table in tables])
    ranges = pd.DataFrame(
        {
            "value": own[list(MEASURES)].to_numpy(dtype=float),
            "low": quantiles[:, 0].max(axis=0),
            "median": np.median(quantiles[:, 1], axis=0),
            "high": quantiles[:, 2].min(axis=0),
        },
        index=pd.Index(MEASURES, name="measure"),
    )
    inside = (ranges["low"] <= ranges["value"]) & (ranges["value"] <= ranges["high"])
    known = ranges[["value", "low", "high"]].notna().all(axis=1)
    ranges["within"] = np.where(known, np.where(inside, "yes", "no"), "unknown")
    return ranges
