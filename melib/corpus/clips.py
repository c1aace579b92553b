"""One clip between its row in a sheet and the index: interval and apex reconciled with the frames that are there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from melib.corpus.findings import Log
from melib.corpus.frames import VideoFrame
from melib.corpus.sheets import Row, frame_number


@dataclass
class Clip:
    """A row of a sheet, known errors corrected, together with its frames."""

    row: Row
    dataset: str
    subject: str
    corrected: set[str] = field(default_factory=set)  # names of fields
    notes: list[str] = field(default_factory=list)
    label: str | None = None
    folder: str = ""  # of the frames, or the video file; from the data root
    frames: dict[int, Path | VideoFrame] = field(default_factory=dict)
    called: str = ""  # the recording's name where it is not its folder's
    number: int = 1  # of the expression in its recording
    shared: bool = False  # the recording holds further expressions
    until: int | None = None  # last frame before the recording's next expression
    other_images: bool = False  # its folder holds images of a kind that is not read
    fps: float | None = None
    cropped: bool = False
    expects_interval: bool = True  # a sheet states onset and offset, so that other frames are worth a note
    expects_apex: bool = True

    @property
    def name(self) -> str:
        """The clip's name: that of its recording, with a number from the second expression on."""
        recording = self.called or self.folder.rsplit("/", 1)[-1]
        return recording if self.number == 1 else f"{recording}#{self.number}"

    @property
    def clip_id(self) -> str:
        return f"{self.dataset}/{self.subject}/{self.name}"


def interval(row: Row) -> tuple[int | None, int | None]:
    """Onset and offset of a row; SMIC writes its offset as a formula, whose value may not be stored."""
    onset, offset, length = map(frame_number, (row.onset, row.offset, row.length))
    return onset, onset + length - 1 if offset is None and None not in (onset, length) else offset


def exact(clip: Clip) -> bool:
    """Whether the clip's folder holds exactly the frames of its row's interval."""
    return (min(clip.frames), max(clip.frames)) == interval(clip.row)


def named_as_crop(name: str) -> bool:
    """Whether a frame's file is named as crops of the face are in releases and copies: crop_img036.jpg, reg_img36.jpg
    (registered)."""
    return bool(re.search(r"(?<![a-z])(crop|reg_)", name, re.IGNORECASE))


def set_cropped(clip: Clip, known: bool | None) -> None:
    """Say whether the frames are crops of the face: as is `known`; where it is None by their own names, with a note."""
    name = clip.frames[min(clip.frames)].name
    named = named_as_crop(name)
    clip.cropped = named if known is None else known
    if named and known is None:
        clip.notes.append(f"frames are named as crops ({name}), taken whole")


def index_rows(clips: Iterable[Clip], whole: bool, log: Log) -> list[dict]:
    """The rows of the index; without expressions of a longer recording that have no frames in it, which is logged."""
    rows = []
    for clip in clips:
        onset, offset = interval(clip.row)
        expression = [
            number for number in clip.frames if (onset or number) <= number <= (offset or clip.until or number)
        ]
        if clip.shared and not expression:
            log.count("no frames of it", f"{clip.clip_id} ({onset} to {offset})")
        else:
            rows.append(index_row(clip, whole, log))
    return rows


def index_row(clip: Clip, whole: bool, log: Log) -> dict:
    """One row of the index: the sheet's frame numbers reconciled with the frames that are there, each repair noted.

    `whole` takes all frames of the folder, unless it holds several expressions; else those of the sheet's interval are
    taken, up to the last one where the offset is missing.
    """
    notes = list(clip.notes)
    present = _present(clip, whole, log)
    onset = present[0]
    offset = present[-1]
    stated = interval(clip.row)
    for end, cell, number, frame in (
        ("onset", clip.row.onset, stated[0], onset),
        ("offset", clip.row.offset, stated[1], offset),
    ):
        if number != frame and (clip.expects_interval or cell):
            notes.append(f"{end} {number or cell or 'empty'} in the sheet, {frame} by the frames")
    if gaps := offset - onset + 1 - len(present):
        notes.append(f"{gaps} of {offset - onset + 1} frames missing")
    apex, source = _apex(clip, present, notes, log)
    return {
        "clip_id": clip.clip_id,
        "dataset": clip.dataset,
        "subject": f"{clip.dataset}/{clip.subject}",
        "clip": clip.name,
        "emotion": clip.row.emotion,
        "label": pd.NA if clip.label is None else clip.label,
        "onset": onset,
        "apex": pd.NA if apex is None else apex,
        "offset": offset,
        "apex_source": pd.NA if apex is None else source,
        "fps": pd.NA if clip.fps is None else clip.fps,
        "cropped": clip.cropped,
        "folder": clip.folder,
        "au_codes": clip.row.codes or pd.NA,
        "notes": "; ".join(notes),
    }


def _present(clip: Clip, whole: bool, log: Log) -> list[int]:
    """The frame numbers of the clip, ascending."""
    numbers = list(clip.frames)
    onset, offset = interval(clip.row)
    if whole and not clip.shared and offset is not None:
        return numbers
    first = numbers[0] if onset is None else onset
    last = offset or clip.until or numbers[-1]
    expression = [number for number in numbers if first <= number <= last]
    if expression:
        return expression
    log.count("astray", clip.clip_id)
    return numbers


def _apex(clip: Clip, present: list[int], notes: list[str], log: Log) -> tuple[int | None, str]:
    """The annotated apex, None where it is missing or outside the clip, and its source."""
    text = clip.row.apex
    apex = frame_number(text)
    source = "corrected" if "apex" in clip.corrected else "annotated"
    if apex is None:
        if text or clip.expects_apex:
            notes.append(f"apex {text if text not in ('', 'nan') else 'empty'} in the sheet: none annotated")
    elif not present[0] <= apex <= present[-1]:
        log.count("apex", f"{clip.clip_id} ({apex})")
        notes.append(f"apex {apex} lies outside {present[0]} to {present[-1]}: left empty")
        apex = None
    elif apex not in present:
        nearest = min(present, key=lambda number: abs(number - apex))
        notes.append(f"apex frame {apex} is missing, {nearest} is the nearest")
        apex = nearest
    return apex, source
