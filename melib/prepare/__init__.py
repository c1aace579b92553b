"""From index to samples: aligned crops, apex, optical flow, cached."""

from melib.prepare.encode import ENCODINGS, encode, flip_flow, strain
from melib.prepare.pipeline import PrepareError, PrepareSettings, prepare, prepared_folder, skipped
from melib.prepare.samples import Samples, SamplesError

__all__ = [
    "ENCODINGS",
    "PrepareError",
    "PrepareSettings",
    "Samples",
    "SamplesError",
    "encode",
    "flip_flow",
    "prepare",
    "prepared_folder",
    "skipped",
    "strain",
]
