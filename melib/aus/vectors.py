"""One vector of 17 AU intensities per clip, in several forms."""

from __future__ import annotations

import pandas as pd

from melib.aus.table import HIGHEST, NAMES, AUError, Measurements, log, wide

AROUND = 2  # frames on either side of the apex that "around" averages over


def _apex(values: pd.DataFrame, onset: int, apex: int) -> pd.Series:
    """The apex frame."""
    return values.loc[apex]


def _around(values: pd.DataFrame, onset: int, apex: int) -> pd.Series:
    """The mean of the frames around the apex, without the onset."""
    return values.loc[values.index.isin(range(max(apex - AROUND, onset + 1), apex + AROUND + 1))].mean()


def _difference(values: pd.DataFrame, onset: int, apex: int) -> pd.Series:
    """What changed: apex minus onset."""
    return values.loc[apex] - values.loc[onset]


VECTORS = {"apex": _apex, "around": _around, "difference": _difference}


def clip_vectors(
    measured: Measurements, index: pd.DataFrame, vectors: str = "apex", reencode: bool = False
) -> pd.DataFrame:
    """A row a labelled clip (indexed by clip_id), columns AU01.. of the 17 AUs, 0 to 5 ("difference": -5 to 5).

    `vectors`: "apex" (the paper's), "around" (mean of the frames around it) or "difference" (apex minus onset).
    `reencode` first sets an AU to 0 in a clip over whose frames its mean presence is below one half (ULME-GAN); so it
    needs presences. Where presences or probabilities are all that is known, 1 counts as 5. Where the index has no apex,
    it is the frame with the largest sum of AUs, lids (AU45) apart (ULME-GAN). Clips without AUs on the frames that are
    needed are left out; the log counts them. AUError for an unknown `vectors`.

    >>> clip_vectors(read_openface(root, index), index, "difference")  # doctest: +SKIP
    """
    if vectors not in VECTORS:
        raise AUError(f"vectors is {vectors!r}; expected one of {list(VECTORS)}.")
    kind = "intensity" if (measured.table["kind"] == "intensity").any() else "presence"
    values = wide(measured, kind) * (5 / HIGHEST[kind])
    if reencode:
        present = wide(measured, "presence").groupby(level="clip_id", observed=True).transform("mean") >= 0.5
        values = values.where(present.loc[values.index], 0.0)
    clips = dict(iter(values.groupby(level="clip_id", observed=True)))
    vectors_by_clip = {}
    left_out = []
    for row in index.dropna(subset=["label"]).itertuples():
        try:
            frames = clips[row.clip_id].droplevel("clip_id")
            onset = frames.index.min() if pd.isna(row.onset) else row.onset
            apex = frames.drop(columns="AU45").sum(axis=1).idxmax() if pd.isna(row.apex) else row.apex
            vector = VECTORS[vectors](frames, onset, apex)
        except KeyError:
            vector = pd.Series(float("nan"))
        if vector.notna().all():
            vectors_by_clip[row.clip_id] = vector
        else:
            left_out.append(row.clip_id)
    if left_out:
        log.info("AUs: %d labelled clips have none on the frames needed, such as %s", len(left_out), left_out[:3])
    return pd.DataFrame(vectors_by_clip, index=list(NAMES)).T.rename_axis("clip_id")
