"""Arrays from the onset-apex pair: crops, flow, and flow as an image; and the clip's frames in grey."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from melib.prepare.clip import Clip
from melib.prepare.flow import BATCHED, flow_solver, optical_strain, remove_head_motion, shrink_flow
from melib.prepare.settings import PrepareSettings
from melib.prepare.tim import evenly

FLOW_SIZE = 224  # smaller crops blur motion away: flow is computed on crops of this size, then shrunk to theirs
FLOW_IMAGE_SIZE = 28  # as the flow networks of MEGC2019 take it


def onset(clip: Clip, settings: PrepareSettings) -> np.ndarray:
    """The clip's first frame, cropped, (S, S, 3) uint8."""
    return clip.pair(settings.image_size)[0]


def apex(clip: Clip, settings: PrepareSettings) -> np.ndarray:
    """The apex frame, cropped by the same box and angle, (S, S, 3) uint8."""
    return clip.pair(settings.image_size)[1]


def flow_parts(clip: Clip, settings: PrepareSettings) -> tuple[np.ndarray, ...]:
    """What `flow` is finished from: the fine field (2, F, F), or the pair of fine crops where many are solved at once
    (RAFT)."""
    pair = clip.pair(fine_side(settings.image_size))
    if settings.flow_method in BATCHED:
        return pair
    return (fine_flow(pair[0][None], pair[1][None], settings)[0],)


def flow(parts: list[tuple[np.ndarray, ...]], settings: PrepareSettings) -> np.ndarray:
    """Flow (N, 2, S, S) in pixels of the stored crop, from `flow_parts` of N clips."""
    return np.stack([shrink_flow(field, settings.image_size) for field in fine_fields(parts, settings)])


def flow_image(parts: list[tuple[np.ndarray, ...]], settings: PrepareSettings) -> np.ndarray:
    """Images (N, 28, 28, 3) uint8 of u, v and optical strain, each stretched over 0 to 255 in each clip.

    Sign and size of the motion are lost; a constant channel is 128. It is the input of STSTNet (Liong et al., 2019) and
    those after it.
    """
    return np.stack([_stretched(field) for field in fine_fields(parts, settings)])


def grey_frames(clip: Clip, settings: PrepareSettings, length: int) -> np.ndarray:
    """`length` frames of the clip, evenly in time from onset to offset, cropped and grey, (T, S, S) uint8."""
    chosen = [clip.numbers[place] for place in evenly(len(clip.numbers), length)]
    return np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in clip.crops(settings.image_size, chosen)])


def fine_side(image_size: int) -> int:
    """The side at which flow is computed for crops of `image_size`."""
    return max(FLOW_SIZE, image_size)


def fine_flow(onsets: np.ndarray, apexes: np.ndarray, settings: PrepareSettings) -> np.ndarray:
    """Flow (N, 2, F, F) between crops (N, F, F, 3) as the settings ask for it."""
    fields = _solver(settings.flow_method, settings.flow_weights, settings.device)(onsets, apexes)
    if settings.remove_head_motion:
        fields = np.stack([remove_head_motion(field) for field in fields])
    return fields


@lru_cache(maxsize=1)
def _solver(method: str, weights: str | None, device: str):
    return flow_solver(method, weights, device)


def fine_fields(parts: list[tuple[np.ndarray, ...]], settings: PrepareSettings) -> np.ndarray:
    """Flow (N, 2, F, F) at the size it is computed at, from `flow_parts` of N clips."""
    stacked = [np.stack(arrays) for arrays in zip(*parts, strict=True)]
    return stacked[0] if len(stacked) == 1 else fine_flow(*stacked, settings)


def _stretched(field: np.ndarray) -> np.ndarray:
    channels = [*field, optical_strain(field)]
    size = (FLOW_IMAGE_SIZE, FLOW_IMAGE_SIZE)
    image = np.stack([cv2.resize(channel, size, interpolation=cv2.INTER_AREA) for channel in channels], axis=-1)
    low = image.min(axis=(0, 1))
    spread = image.max(axis=(0, 1)) - low
    scaled = 255 * (image - low) / np.where(spread > 1e-9, spread, 1)
    return np.where(spread > 1e-9, np.rint(scaled), 128).astype(np.uint8)
