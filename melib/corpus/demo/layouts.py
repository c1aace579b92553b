"""The five layouts as their owners hand them out: who is in them, what clips are called, the annotation sheets."""

from __future__ import annotations

import datetime
import io
import zipfile
from pathlib import Path

import numpy as np
import openpyxl

from melib.corpus.demo.actors import Clip, camera_of, generator
from melib.corpus.index import FPS
from melib.corpus.mapping import label_of, spell

# Habits of real copies that are planted in the corpus, and where.
HABITS = {
    "dropped emotions": "others, repression, tense, Contempt and so on have rows and frames but no class",
    "misspelt emotion": "CASME writes comtempt, SAMM capitalises (Anger, Other)",
    "repeated clip names": "CASME and CASME2 use the same clip name for several subjects",
    "unpadded numbers": "CASME below sub08, CASME2 and MMEW: 10 sorts before 2",
    "padded numbers": "CASME from sub08 on (3 digits), SMIC (6 or more), SAMM (4 or 5, by recording)",
    "absolute frame counters": "SMIC and SAMM count from the start of the recording, CASME and CASME2 not from 1",
    "blank columns": "CASME and CASME2 sheets have unnamed separator columns",
    "mixed cells": "subjects as text (01, 006), AU cells as numbers or text, durations as formulas",
    "missing apex": "CASME2 sub04 EP12_01f has the apex /, SMIC has no sheet at all",
    "missing values": "CASME leaves ApexF2 as a backslash",
    "wrong apex": "SAMM 032_3_1 has 1930 for 4930, 028_4_1 has 1143 (after its offset) for 1113",
    "notes above the header": "SAMM has 13 rows of notes, the header is row 14",
    "folder without a row": "CASME2 sub09 EP02_02f",
    "row without a folder": "CASME2 has a repression clip, MMEW a clip of others, that were never handed out",
    "AU notation": "sides, intensities and alternatives: 4+L10, R12B, R12 or R14, T23, 10A/B, ?",
    "grey frames": "SAMM has a single channel",
    "bitmaps": "SMIC has BMP frames",
    "blinks": "in clips.parquet where blink, the AU45 at its height, is above 0; blink_frame says when",
    "annotated apex": "some frames off the true one, in clips.parquet as annotated_apex beside apex",
    "annotators' doubt": "in clips.parquet where acted, the emotion shown, is of another class than emotion",
    "one-sided expressions": "in clips.parquet as lean: how much further the right of the picture moves",
}

COUNTS = {
    "demo": {
        "SMIC": {"positive": 51, "negative": 70, "surprise": 43},
        "CASME": {"happiness": 9, "disgust": 44, "sadness": 6, "fear": 3, "surprise": 21, "tense": 3, "repression": 2,
                  "comtempt": 1},
        "CASME2": {"happiness": 32, "disgust": 63, "sadness": 7, "fear": 2, "surprise": 25, "others": 5,
                   "repression": 25},
        "SAMM": {"Happiness": 26, "Anger": 57, "Disgust": 9, "Fear": 8, "Sadness": 6, "Surprise": 15, "Other": 4,
                 "Contempt": 12},
        "MMEW": {"happiness": 36, "anger": 8, "disgust": 72, "fear": 16, "sadness": 13, "surprise": 89, "others": 5},
    },
    "tiny": {
        "SMIC": {"positive": 5, "negative": 5, "surprise": 5},
        "CASME": {"happiness": 4, "disgust": 4, "sadness": 1, "surprise": 4, "tense": 1, "comtempt": 1},
        "CASME2": {"happiness": 4, "disgust": 4, "sadness": 1, "surprise": 4, "others": 1, "repression": 1},
        "SAMM": {"Happiness": 4, "Anger": 4, "Disgust": 1, "Surprise": 4, "Other": 1, "Contempt": 1},
        "MMEW": {"happiness": 4, "anger": 1, "disgust": 3, "fear": 1, "surprise": 4, "others": 2},
    },
}  # fmt: skip
SUBJECTS = {
    "SMIC": (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20),
    "CASME": tuple(range(1, 20)),
    "CASME2": tuple(range(1, 27)),
    "SAMM": (6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 30, 31, 32, 33, 34, 35,
             36, 37),
    "MMEW": tuple(range(1, 31)),
}  # fmt: skip
TINY_SUBJECTS = {"SMIC": (1, 3, 20), "CASME": (1, 7, 12), "CASME2": (4, 9, 24), "SAMM": (6, 28, 32), "MMEW": (1, 2, 11)}

# Clips that the real sheets are known for: subject, clip, emotion and, where the sheet is wrong, onset, apex, offset.
FAMOUS = {
    "CASME2": (
        (4, "EP12_01f", "disgust", (261, 279, 321)),
        (24, "EP07_01", "sadness", None),
        (24, "EP07_04f", "sadness", None),
        (24, "EP10_03", "sadness", None),
    ),
    "SAMM": ((28, "028_4_1", "Anger", (1071, 1113, 1134)), (32, "032_3_1", "Anger", (4896, 4930, 4970))),
}
WRONG_APEX = {"CASME2/sub04/EP12_01f": "/", "SAMM/028/028_4_1": 1143, "SAMM/032/032_3_1": 1930}
WIDE_RECORDINGS = {"006_1", "011_1", "013_1", "014_1", "016_7", "018_7", "023_1", "026_1", "030_1", "033_1", "034_7",
                   "035_1", "035_7", "036_7"}  # fmt: skip
MMEW_CODES = {"happiness": 1, "surprise": 2, "anger": 3, "disgust": 4, "fear": 5, "sadness": 6, "others": 7}


def plan(dataset: str, size: str, seed: int) -> list[Clip]:
    """All clips of a dataset: dealt to its subjects, named, numbered; nothing has happened in them yet."""
    rng = generator(seed, dataset, "plan")
    subjects = list(SUBJECTS[dataset] if size == "demo" else TINY_SUBJECTS[dataset])
    rng.shuffle(subjects)
    wanted, roles = dict(COUNTS[size][dataset]), []
    for subject, name, emotion, frames in FAMOUS.get(dataset, ()):
        if wanted.get(emotion):
            wanted[emotion] -= 1
            roles.append((subject, name, emotion, frames))
    # Shuffled emotions dealt round: everybody gets equally many clips, and the person says nothing about the emotion.
    emotions = rng.permutation([emotion for emotion, count in wanted.items() for _ in range(count)]).tolist()
    roles += [(subjects[i % len(subjects)], None, emotion, None) for i, emotion in enumerate(emotions)]
    clips, taken = [], {name for _, name, _, _ in roles if name}
    counters: dict = {}
    for subject, name, emotion, frames in roles:
        length = int(rng.integers(camera_of(dataset, size).frames[0], camera_of(dataset, size).frames[1] + 1))
        middle = int(np.clip(round((length - 1) * rng.uniform(0.35, 0.65)), 2, length - 3))
        clips.append(NAMERS[dataset](rng, counters, taken, subject, name, emotion))
        clip = clips[-1]
        clip.onset, clip.apex, clip.offset = frames or (clip.onset, clip.onset + middle, clip.onset + length - 1)
    extras = {"CASME2": ((9, "EP02_02f", "disgust", False, True), (17, "EP10_13", "repression", True, False)),
              "MMEW": ((5, "S05-07-099", "others", True, False),)}  # fmt: skip
    for subject, name, emotion, in_sheet, has_frames in extras.get(dataset, ()):
        clip = NAMERS[dataset](rng, counters, taken, subject, name, emotion)
        clip.apex, clip.offset = clip.onset + 4, clip.onset + 8
        clip.in_sheet, clip.has_frames = in_sheet, has_frames
        clips.append(clip)
    return sorted(clips, key=lambda clip: clip.clip_id)


def _clip(dataset, subject, clip, emotion, folder, pattern, onset, acted=None) -> Clip:
    emotion = emotion.lower()
    acted = acted or spell(emotion)
    label = label_of(dataset, emotion)
    return Clip(dataset, subject, clip, emotion, acted, label, folder, pattern, int(onset), 0, 0)


def _name_smic(rng, counters, taken, subject, name, emotion):
    token = {"negative": "ne", "positive": "po", "surprise": "sur"}[emotion]
    number = counters[subject, token] = counters.get((subject, token), 0) + 1
    name = f"s{subject}_{token}_{number:02d}"
    # Every subject's recording has its own counter, with five to eight digits, and clips follow each other in it.
    start = counters.setdefault(("start", subject), int(10 ** (4.6 + 0.9 * (subject % 4) + 0.4 * rng.random())))
    counters["start", subject] += int(rng.integers(200, 900))
    acted = {"positive": "happiness", "surprise": "surprise"}.get(emotion)
    acted = acted or str(rng.choice(["disgust", "sadness", "fear", "anger"], p=[0.4, 0.25, 0.2, 0.15]))
    folder = f"SMIC/SMIC_all_raw/HS/s{subject}/micro/{emotion}/{name}"
    return _clip("SMIC", f"s{subject:02d}", name, emotion, folder, "image{:06d}.bmp", start, acted)


def _name_casme(rng, counters, taken, subject, name, emotion):
    while name is None or (subject, name) in taken:
        name = str(rng.choice(["EP{:02d}_{}", "EP{:02d}_{}", "EP{:02d}_{}_1{}", "EP{:02d}"]))
        name = name.format(rng.integers(1, 20), rng.integers(1, 4), rng.integers(0, 9))
    taken.add((subject, name))
    pattern = f"{name}-{{}}.jpg" if subject < 8 else f"{name}-{{:03d}}.jpg"
    folder = f"CASME/CASME_raw_selected/sub{subject:02d}/{name}"
    return _clip("CASME", f"sub{subject:02d}", name, emotion, folder, pattern, rng.integers(5, 180))


def _name_casme2(rng, counters, taken, subject, name, emotion):
    while name is None or (subject, name) in taken:
        name = f"EP{rng.integers(1, 20):02d}_{rng.integers(1, 10):02d}" + "f" * int(rng.random() < 0.28)
        name = None if name in taken else name
    taken.add((subject, name))
    folder = f"CASME2/CASME2_RAW_selected/sub{subject:02d}/{name}"
    return _clip("CASME2", f"sub{subject:02d}", name, emotion, folder, "img{}.jpg", rng.integers(5, 250))


def _name_samm(rng, counters, taken, subject, name, emotion):
    while name is None or (subject, name) in taken:
        code = int(rng.integers(1, 8))
        index = counters[subject, code] = counters.get((subject, code), 0) + 1
        name = f"{subject:03d}_{code}_{index}"
        name = None if name in taken else name
    taken.add((subject, name))
    recording = name.rsplit("_", 1)[0]
    start = counters.setdefault(("start", recording), int(rng.integers(60, 900)))
    counters["start", recording] += int(rng.integers(150, 1200))
    digits = 5 if recording in WIDE_RECORDINGS else 4
    pattern = f"{subject:03d}_{{:0{digits}d}}.jpg"
    return _clip("SAMM", f"{subject:03d}", name, emotion, f"SAMM/{subject:03d}/{name}", pattern, start)


def _name_mmew(rng, counters, taken, subject, name, emotion):
    if name is None:
        number = counters[subject, emotion] = counters.get((subject, emotion), 0) + 1
        name = f"S{subject:02d}-{MMEW_CODES[emotion]:02d}-{number:03d}"
    folder = f"MMEW/Micro_Expression/{emotion}/{name}"
    return _clip("MMEW", f"S{subject:02d}", name, emotion, folder, "{}.jpg", 1)


NAMERS = {"SMIC": _name_smic, "CASME": _name_casme, "CASME2": _name_casme2, "SAMM": _name_samm, "MMEW": _name_mmew}


def write_sheet(root: Path, dataset: str, clips: list[Clip], seed: int) -> None:
    """Write the dataset's annotation workbook as its owner words it; SMIC's short release has none."""
    if dataset == "SMIC":
        return
    rng = generator(seed, dataset, "sheet")
    rows = [clip for clip in clips if clip.in_sheet]
    name, title, above, header, line = SHEETS[dataset]
    book = openpyxl.Workbook()
    book.active.title = title
    for cells in (*above, header):
        book.active.append(cells)
    for clip in rows:
        book.active.append(line(clip, WRONG_APEX.get(clip.clip_id, clip.annotated_apex), rng, book.active.max_row + 1))
    _save(book, root / dataset / name)


def _casme_line(clip, apex, rng, row):
    second = apex + 1 if rng.random() < 0.65 else "\\"
    rise, total = ((last - clip.onset + 1) * 1000 / FPS["CASME"] for last in (apex, clip.offset))
    return [int(clip.subject[3:]), clip.clip, None, clip.onset, apex, second, clip.offset, None, round(rise),
            round(total), _codes(clip, rng, sides=0.15), clip.emotion]  # fmt: skip


def _casme2_line(clip, apex, rng, row):
    codes = "?" if clip.emotion == "others" and rng.random() < 0.4 else _codes(clip, rng, sides=0.15)
    return [clip.subject[3:], clip.clip, None, clip.onset, apex, clip.offset, None, codes, clip.emotion]


def _samm_line(clip, apex, rng, row):
    objective = {"happiness": 1, "surprise": 2, "anger": 3, "disgust": 4, "sadness": 5, "fear": 6}.get(clip.emotion, 7)
    codes = _codes(clip, rng, sides=0.15, letters=0.12, doubts=0.1)
    return [clip.subject, clip.clip, int(clip.clip.split("_")[1]), clip.onset, apex, clip.offset, f"=F{row}-D{row}+1",
            "Micro - 1/2", codes, clip.emotion.capitalize(), objective, None]  # fmt: skip


def _mmew_line(clip, apex, rng, row):
    return [int(clip.subject[1:]), clip.clip, clip.onset, apex, clip.offset, _codes(clip, rng), clip.emotion, None]


SHEETS = {  # file, sheet, rows above the header, header, line of a clip
    "CASME": ("CASME-coded-20190721.xlsx", "Sheet1", (),
              ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "Onset", "Total", "AU",
               "Emotion"], _casme_line),
    "CASME2": ("CASME2-coding-20140508.xlsx", "Sheet1", (),
               ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
                "Estimated Emotion"], _casme2_line),
    "SAMM": ("SAMM_Micro_FACS_Codes_v2.xlsx", "MICRO_ONLY",
             (["Synthetic demo corpus: drawn faces in the layout of SAMM"], [], ["Key"], ["L", "left side of the face"],
              ["R", "right side of the face"], ["A", "asymmetric"], ["/", "or"], ["?", "offset unclear"], [],
              ["Frames are counted from the start of the recording"], ["Cameras record 200 frames a second"],
              ["Emotions are estimated from the self-reports"], []),
             ["Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration",
              "Micro", "Action Units", "Estimated Emotion", "Objective Classes", "Notes"], _samm_line),
    "MMEW": ("MMEW_Micro_Exp.xlsx", "Sheet1", (),
             ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion",
              "remarks"], _mmew_line),
}  # fmt: skip


def _codes(clip: Clip, rng, sides: float = 0.0, letters: float = 0.0, doubts: float = 0.0) -> str | int:
    """The AUs of a clip as a coder writes them: mostly bare numbers, some with side, intensity letter or a doubt."""
    words = []
    for au in sorted(clip.peak):
        side = str(rng.choice(["L", "R"])) if rng.random() < sides else ""
        letter = "ABCDE"[min(4, int(clip.peak[au]))] if rng.random() < letters else ""
        words.append(f"{side}{au}{letter}")
    if rng.random() < doubts:
        last = max(clip.peak)
        words[-1] = str(rng.choice([f"R{last} or R14", f"{last}A/B", f"A/L{last}", f"({words[-1]})", f"T{last}"]))
    return int(words[0]) if len(words) == 1 and words[0].isdigit() else "+".join(words)


def _save(book: openpyxl.Workbook, path: Path) -> None:
    """Save a workbook whose bytes hold no time, so that equal corpora have equal files."""
    then, buffer = datetime.datetime(2000, 1, 1), io.BytesIO()
    book.save(buffer)
    book.properties.created = book.properties.modified = then
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = openpyxl.xml.functions.tostring(book.properties.to_tree())
            new.writestr(zipfile.ZipInfo(name, then.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
