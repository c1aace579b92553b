"""Datasets of one's own for tests: frames or videos of a spot that moves, and a clips.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

HEADER = ("clip", "subject", "emotion", "onset", "apex", "offset", "fps", "cropped")
SIZE = 64


def picture(number: int, seed: int = 0) -> np.ndarray:
    """A textured frame (64, 64, 3) whose brightness and pattern depend on its number."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.integers(0, 120, (SIZE, SIZE)).astype(np.float32), (0, 0), 3)
    shifted = np.roll(texture, number // 2, axis=1)
    return np.repeat((shifted + 8 * number)[..., None].clip(0, 255).astype(np.uint8), 3, axis=2)


def write_video(path: Path, frames: int, fps: float = 50, seed: int = 0) -> None:
    """A lossless-enough video (MJPG in an .avi) of `picture`, frames numbered from 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (SIZE, SIZE))
    for number in range(1, frames + 1):
        writer.write(picture(number, seed)[..., ::-1])
    writer.release()


def write_frames(folder: Path, numbers: Iterable[int], seed: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        Image.fromarray(picture(number, seed)).save(folder / f"img{number}.png")


def write_sheet(path: Path, rows: Iterable[tuple], header: tuple = HEADER, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([header, *rows])


EMOTIONS = ("happiness", "disgust", "surprise")


def of_frames(root: Path, name: str = "pilot", subjects: int = 3) -> None:
    """A dataset of frame folders: one clip of each of three emotions of each subject."""
    rows = []
    for person in range(subjects):
        for number, emotion in enumerate(EMOTIONS):
            clip = f"c{number}"
            write_frames(root / name / f"p{person}" / clip, range(5, 15), seed=person)
            rows.append((clip, f"p{person}", emotion, 5, 9, 14, 100, "yes"))
    write_sheet(root / name / "clips.csv", rows)


def of_videos(root: Path, name: str = "CAS(ME)^2", subjects: int = 3) -> None:
    """A dataset of one video a subject that holds three expressions; the file states the rate."""
    rows = []
    for person in range(subjects):
        write_video(root / name / f"s{person}.avi", 30, fps=30, seed=person)
        for number, emotion in enumerate(EMOTIONS):
            start = 1 + 10 * number
            rows.append(
                (f"s{person}_{emotion}", f"s{person}", emotion, start, start + 4, start + 8, f"s{person}.avi", "yes")
            )
    write_sheet(
        root / name / "clips.csv", rows, ("clip", "subject", "emotion", "onset", "apex", "offset", "file", "cropped")
    )
