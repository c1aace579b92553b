"""Small copies of the five datasets for tests, built by hand: folders, frames of a few pixels, annotation sheets."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import openpyxl
import xlwt
from PIL import Image


def _encoded(mode: str, kind: str) -> bytes:
    pixels = np.full((6, 8, 3) if mode == "RGB" else (6, 8), 120, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


JPG, GREY, BMP = _encoded("RGB", "JPEG"), _encoded("L", "JPEG"), _encoded("RGB", "BMP")

# subject, clip, onset, apex, offset, action units, emotion
CASME2 = [
    ("01", "EP02_01f", 46, 49, 53, "12", "happiness"),
    ("02", "EP02_01f", 8, 10, 12, "4+L10", "disgust"),
    ("04", "EP12_01f", 261, "/", 321, "4", "disgust"),
    ("09", "EP09f", 98, 100, 103, 4, "others"),
    ("24", "EP07_01", 1, 3, 5, "1", "sadness"),
]
CASME = [
    (1, "EP12_2_11", 97, 100, 102, "4+17", "disgust"),
    (1, "EP07_1", 8, 10, 11, "12", "happiness"),
    (8, "EP07_1", 120, 122, 124, "1+2", "surprise"),
    (8, "EP04", 9, 10, 12, "14", "comtempt"),
]
SAMM = [
    ("006", "006_1_2", 562, 564, 566, "4", "Anger"),
    ("013", "013_1_12", 9998, 10000, 10002, "R12B", "Happiness"),
    ("032", "032_3_1", 4896, 1930, 4970, "43E", "Other"),
    ("028", "028_4_1", 1071, 1143, 1134, "R12 or R14", "Contempt"),
]
MMEW = [
    (1, "S01-01-001", 1, 8, 12, "6+12", "happiness"),
    (1, "S01-05-002", 1, 3, 5, "1+2", "surprise"),
    (30, "S30-07-003", 1, 2, 4, "4", "others"),
]
SMIC = {"s1_ne_01": 34208, "s2_po_01": 120001, "s18_sur_03": 9998}

CASME2_HEADER = "Subject Filename - OnsetFrame ApexFrame OffsetFrame - Action_Units Estimated_Emotion"
CASME_HEADER = "Subject Filename - OnsetF ApexF1 ApexF2 OffsetF - Onset Total AU Emotion"
SAMM_HEADER = "Subject Filename Inducement_Code Onset_Frame Apex_Frame Offset_Frame Duration Micro Action_Units"
SAMM_HEADER += " Estimated_Emotion Objective_Classes Notes"
MMEW_HEADER = "Subject Filename OnsetFrame ApexFrame OffsetFrame Action_Units Estimated_Emotion remarks"
LONG_HEADER = "Subject Filename - OnsetF OffsetF FirstF LastF TotalMF1 Emotion"


def frames(folder: Path, names: Iterable[str], content: bytes = JPG) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(content)


def sheet(path: Path, header: str, rows: Iterable[tuple], above: int = 0) -> None:
    """Write a sheet; "-" in the header is a blank column, "_" a blank."""
    titles = [None if word == "-" else word.replace("_", " ") for word in header.split()]
    lines = [[f"note {n}"] for n in range(above)] + [titles, *map(list, rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".xls":
        book = xlwt.Workbook()
        tab = book.add_sheet("Sheet1")
        for i, line in enumerate(lines):
            for j, value in enumerate(line):
                if value is not None:
                    tab.write(i, j, value)
        book.save(str(path))
    else:
        book = openpyxl.Workbook()
        for line in lines:
            book.active.append(line)
        book.save(path)


def casme2(root: Path, rows: list[tuple] = CASME2, name: str = "CASME2-coding-20140508.xlsx", **kw) -> None:
    place = root / "CASME2"
    for subject, clip, onset, _, offset, *_ in CASME2:
        frames(place / f"CASME2_RAW_selected/sub{subject}/{clip}", (f"img{n}.jpg" for n in range(onset, offset + 1)))
    lines = [(s, c, None, on, apex, off, None, au, emotion) for s, c, on, apex, off, au, emotion in rows]
    sheet(place / name, CASME2_HEADER, lines, **kw)


def casme(root: Path) -> None:
    place = root / "CASME"
    for subject, clip, onset, _, offset, *_ in CASME:
        pattern = f"{clip}-{{}}.jpg" if subject < 8 else f"{clip}-{{:03d}}.jpg"
        names = map(pattern.format, range(onset, offset + 1))
        frames(place / f"CASME_raw_selected/sub{subject:02d}/{clip}", names)
    sheet(place / "CASME-coded-20190721.xls", CASME_HEADER, map(casme_line, CASME))


def casme_line(row: tuple) -> tuple:
    subject, clip, onset, apex, offset, codes, emotion = row
    return subject, clip, None, onset, apex, "\\", offset, None, 120.0, 300.0, codes, emotion


def samm(root: Path, above: int = 13, rows=SAMM) -> None:
    place = root / "SAMM"
    for subject, clip, onset, _, offset, *_ in rows:
        width = 5 if clip.startswith("013_1") else 4
        names = (f"{subject}_{n:0{width}d}.jpg" for n in range(onset, offset + 1))
        frames(place / subject / clip, names, GREY)
    lines = [
        (s, c, int(c.split("_")[1]), on, apex, off, off - on + 1, "Micro - 1/2", au, emotion, 7, None)
        for s, c, on, apex, off, au, emotion in rows
    ]
    sheet(place / "SAMM_Micro_FACS_Codes_v2.xlsx", SAMM_HEADER, lines, above)


def mmew(root: Path) -> None:
    place = root / "MMEW" / "MMEW_Final"
    for _, clip, onset, _, offset, _, emotion in MMEW:
        folder = "repression" if emotion == "others" else emotion
        frames(place / "Micro_Expression" / folder / clip, (f"{n}.jpg" for n in range(onset, offset + 1)))
    frames(place / "Macro_Expression/S01/anger", ["S01-02-001.jpg"])
    lines = [(s, c, on, apex, off, au, emotion, None) for s, c, on, apex, off, au, emotion in MMEW]
    sheet(root / "MMEW" / "MMEW_Micro_Exp (20).xlsx", MMEW_HEADER, lines)


def smic(root: Path, release: str = "SMIC_all_raw/HS", pattern: str = "image{:06d}.bmp") -> None:
    emotions = {"ne": "negative", "po": "positive", "sur": "surprise"}
    for clip, start in SMIC.items():
        subject, token, _ = clip.split("_")
        names = [pattern.format(n) for n in range(start, start + 12)]
        frames(root / "SMIC" / release / subject / "micro" / emotions[token] / clip, names, BMP)
    frames(root / "SMIC" / release / "s1/non_micro/s1_n_01", ["image000001.bmp"], BMP)


def smic_long(root: Path) -> None:
    """The long release: ten frames before the onset and ten after the offset; s18_sur_03 labelled wrongly."""
    lines = []
    for clip, start in SMIC.items():
        subject = int(clip.split("_")[0][1:])
        folder = root / "SMIC/SMIC-E_raw image/HS_long/SMIC-HS-E" / f"s{subject:02d}" / clip
        frames(folder, (f"image{n:06d}.jpg" for n in range(start - 10, start + 22)))
        emotion = "positive" if "_po_" in clip else "negative"
        lines.append((subject, clip, None, start, start + 11, start - 10, start + 21, 12, emotion))
    lines[0] = (*lines[0][:4], None, *lines[0][5:])  # a formula whose value was not stored
    lines.append((None, None, None, None, 0, None, None, None, None))
    sheet(root / "SMIC" / "SMIC-HS-E_annotation.xlsx", LONG_HEADER, lines)


def all_five(root: Path) -> Path:
    for write in (smic, casme, casme2, samm, mmew):
        write(root)
    return root
