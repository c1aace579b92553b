"""Read one dataset: find its clip folders and its sheet, bring the two together, note every repair."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from melib.corpus.errata import correct
from melib.corpus.findings import Log, few
from melib.corpus.frames import list_folder
from melib.corpus.index import FPS, CorpusError
from melib.corpus.layouts import LAYOUTS, Release, dataset_of
from melib.corpus.mapping import label_of, spell
from melib.corpus.places import Found, Key, choose_release, clip_key, explore
from melib.corpus.sheets import Row, frame_number, read_sheet

SMIC_TOKENS = {"ne": "negative", "po": "positive", "sur": "surprise"}
# These clips were moved from sadness to surprise: they tell the editions of CASME II's sheet apart.
CASME2_MOVED = {(24, "ep07_01"), (24, "ep07_04f"), (24, "ep10_03")}


@dataclass
class Clip:
    """A row of the sheet, known errors corrected, together with its frames."""

    row: Row
    subject: str
    corrected: set[str]  # names of fields
    notes: list[str]
    label: str | None = None
    folder: str = ""
    frames: dict[int, Path] = field(default_factory=dict)


def read_dataset(
    root: Path, dataset: str, places: list[str], mapping: str, contempt: bool
) -> tuple[list[dict], Log, str]:
    """Index rows, findings and the edition of the dataset that lies in `places`, names of entries of the data root."""
    layout, log = LAYOUTS[dataset], Log(dataset)
    found = explore(root, places, layout)
    for path in sorted(found.nested):
        log.say("note", path, "A folder inside a folder of the same name (unpacked twice); read all the same.")
    for path, error in found.closed.items():
        log.say("error", path, f"The folder cannot be opened ({error}).", "Make it readable.")
    for path in found.locks:
        log.say("note", path, "Excel's lock file, ignored: the sheet is open there and may change.", "Close it.")
    if not found.clips:
        what = "holds no clip folders in a layout that is known" if found.entries else "is empty"
        log.say("error", few(places), f"The dataset's folder {what}.", f"Expected:\n   {layout.tree}")
        return [], log, ""
    path, release = choose_release(found, layout, log)
    folders = found.clips[path]
    if release.sheet:
        rows, edition = _sheet_rows(root, found, dataset, log)
    else:
        names = [paths[0].rsplit("/", 1)[-1] for paths in folders.values()]
        rows, edition = [Row(0, clip=name, emotion=SMIC_TOKENS[name.split("_")[1].lower()]) for name in names], ""
    clips = _join(root, dataset, rows, folders, log, mapping, contempt)
    if rows and not clips:
        log.say(
            "error",
            path,
            f"None of the {len(rows)} clips of the dataset has frames here.",
            f"Sheet and frames must belong to one dataset. Expected:\n   {layout.tree}",
        )
    # Where most folders hold exactly their row's interval, the frames were selected and the folder is right about the
    # others too (copies made for an older sheet are about). Else the folders hold longer recordings.
    exact = sum((min(clip.frames), max(clip.frames)) == _interval(clip.row) for clip in clips)
    selected = not release.sheet or 2 * exact >= len(clips)
    index = [_index_row(clip, dataset, release, selected, log) for clip in clips]
    return index, log, ", ".join(filter(None, (release.name, edition)))


def _sheet_rows(root: Path, found: Found, dataset: str, log: Log) -> tuple[list[Row], str]:
    """The rows of the dataset's sheet, or of all of its section sheets where no sheet holds everything."""

    def rank(path: str) -> tuple[bool, bool, str]:
        name = path.rsplit("/", 1)[-1].lower()
        return "section" in name, dataset_of(name) != dataset, name

    sheets, failed, spare = {}, {}, []
    for path in sorted(found.sheets, key=rank):
        if sheets and not all(rank(one)[0] for one in (path, *sheets)):
            spare.append(path)
        elif not path.lower().endswith(".csv") or not rank(path)[1]:  # tables of the user's own may lie about
            try:
                sheets[path] = read_sheet(root / path, LAYOUTS[dataset].needs)
            except CorpusError as error:
                failed[path] = str(error)
    for path, message in failed.items():
        if sheets and not rank(path)[0]:
            log.say("note", path, f"{message} Another sheet is read.")
        else:
            log.say("error", path, message, "Put the sheet back as it was delivered, or give the column its name.")
    for path in spare:
        log.say("note", path, "Another sheet, not used.", f"To use it, move {', '.join(sheets)} out of the data root.")
    if not sheets and not failed:
        only = f" (only Excel's lock file {found.locks[0]})" if found.locks else ""
        remedy = f"Copy the sheet that came with the frames. Expected:\n   {LAYOUTS[dataset].tree}"
        log.say("error", "", f"No annotation sheet (.xlsx, .xls, .csv) beside the frames{only}.", remedy)
    rows = [row for sheet in sheets.values() for row in sheet.rows]
    for path, sheet in sheets.items():
        if sheet.header > 1:
            log.say("note", path, f"The header stands in row {sheet.header}; what is above it is not read.")
    year = casme2_edition(rows) if dataset == "CASME2" else ""
    names = " and ".join(path.rsplit("/", 1)[-1] for path in sheets)
    return rows, f"{year}{names}, {len(rows)} rows" if sheets else ""


def casme2_edition(rows: list[Row]) -> str:
    """Which edition of CASME II's sheet this is: of 2014 (Table 1's 32/72/25) or of 2019 (32/69/28)."""
    moved = {row.emotion.lower() for row in rows if clip_key(row.subject, row.clip) in CASME2_MOVED}
    counts = Counter(row.emotion.lower() for row in rows)
    if moved == {"sadness"} or (not moved and (counts["sadness"], counts["surprise"]) == (7, 25)):
        return "2014 edition: "
    if moved == {"surprise"} or (not moved and (counts["sadness"], counts["surprise"]) == (4, 28)):
        return "2019 edition: "
    return "edition not recognised: "


def _join(
    root: Path, dataset: str, rows: list[Row], folders: dict[Key, list[str]], log: Log, mapping: str, contempt: bool
) -> list[Clip]:
    """Bring rows and folders together by (subject, clip); whatever has no partner is logged."""
    seen: dict[Key, Row] = {}
    clips = []
    for row in rows:
        key = clip_key(row.subject, row.clip)
        if not row.clip:
            log.count("no name", f"row {row.line}")
        elif re.search(r"[/\\:]|^\.+$", row.clip):
            log.count("escape", f"row {row.line} ({row.clip})")
        elif key is None:
            log.count("no subject", f"row {row.line} ({row.clip})")
        elif key in seen:
            same = seen[key]._replace(line=row.line) == row
            log.count("twice" if same else "contradiction", f"rows {seen[key].line} and {row.line} ({row.clip})")
        else:
            seen[key] = row
            subject = LAYOUTS[dataset].subject.format(key[0])
            clip = _corrected(dataset, subject, row)
            where = f"{subject}/{row.clip}"
            try:
                clip.label = label_of(dataset, clip.row.emotion, mapping, contempt)
            except CorpusError as error:
                log.count("unknown emotion", where, str(error))
            dropped = "" if clip.label else ", dropped"
            if key not in folders:
                log.count("no folder" + dropped, where)
            elif _find_frames(root, clip, folders[key], log):
                clips.append(clip)
            elif clip.folder:
                log.count("empty folder" + dropped, where)
    if rows:
        for key in sorted(set(folders) - set(seen)):
            log.count("no row", folders[key][0])
    return clips


def _corrected(dataset: str, subject: str, row: Row) -> Clip:
    """The clip of a row, after errata and spelling; SMIC's clip names are right about the class, its sheet is not."""
    row, fields, notes = correct(dataset, subject, row.clip, row)
    emotion = spell(row.emotion)
    if emotion != row.emotion.lower():
        notes.append(f"emotion {row.emotion!r} read as {emotion!r}")
    token = row.clip.lower().split("_")[1:2]
    if dataset == "SMIC" and token and token[0] in SMIC_TOKENS and emotion != SMIC_TOKENS[token[0]]:
        notes.append(f"emotion {row.emotion!r} in the sheet, {SMIC_TOKENS[token[0]]!r} by the clip's name")
        emotion = SMIC_TOKENS[token[0]]
    return Clip(row._replace(emotion=emotion), subject, fields, notes)


def _find_frames(root: Path, clip: Clip, folders: list[str], log: Log) -> bool:
    """Give the clip the one of its folders with most frames; False where none has any or none could be listed."""
    for path in folders:
        twice = f"{path}/{path.rsplit('/', 1)[-1]}"  # a clip folder that was itself unpacked twice
        try:
            frames, others = list_folder(root / path)
            if not frames and (root / twice).is_dir():
                path, (frames, others) = twice, list_folder(root / twice)
        except (CorpusError, OSError) as error:
            log.say("error", path, str(error))
            continue
        if others:
            log.count("strangers", f"{path} ({few(others, 3)})")
        if not clip.folder or len(frames) > len(clip.frames):
            clip.folder, clip.frames = path, frames
    if len(folders) > 1:
        log.count("two folders", " and ".join(folders))
    return bool(clip.frames)


def _interval(row: Row) -> tuple[int | None, int | None]:
    """Onset and offset of a row; SMIC writes its offset as a formula, whose value may not be stored."""
    onset, offset, length = map(frame_number, (row.onset, row.offset, row.length))
    return onset, onset + length - 1 if offset is None and None not in (onset, length) else offset


def _index_row(clip: Clip, dataset: str, release: Release, selected: bool, log: Log) -> dict:
    """One row of the index: the sheet's frame numbers reconciled with the frames that are there, each repair noted."""
    row, notes, name = clip.row, list(clip.notes), clip.folder.rsplit("/", 1)[-1]
    numbers = list(clip.frames)
    clip_id = f"{dataset}/{clip.subject}/{name}"
    asked = _interval(row)
    inside = [] if None in asked else [number for number in numbers if asked[0] <= number <= asked[1]]
    if not selected and not inside:
        log.count("astray", clip_id)
    present = numbers if selected or not inside else inside
    onset, offset = present[0], present[-1]
    for what, text, was, now in (("onset", row.onset, asked[0], onset), ("offset", row.offset, asked[1], offset)):
        if release.sheet and was != now:
            notes.append(f"{what} {was or text or 'empty'} in the sheet, {now} by the frames")
    if gaps := offset - onset + 1 - len(present):
        notes.append(f"{gaps} of {offset - onset + 1} frames missing")

    apex, source = frame_number(row.apex), "corrected" if "apex" in clip.corrected else "annotated"
    if apex is None:
        if row.apex or "apex" in LAYOUTS[dataset].needs:
            notes.append(f"apex {row.apex if row.apex not in ('', 'nan') else 'empty'} in the sheet: none annotated")
    elif not onset <= apex <= offset:
        log.count("apex", f"{clip_id} ({apex})")
        notes.append(f"apex {apex} lies outside {onset} to {offset}: left empty")
        apex = None
    elif apex not in clip.frames:
        nearest = min(present, key=lambda number: abs(number - apex))
        notes.append(f"apex frame {apex} is missing, {nearest} is the nearest")
        apex = nearest
    return {
        "clip_id": clip_id,
        "dataset": dataset,
        "subject": f"{dataset}/{clip.subject}",
        "clip": name,
        "emotion": row.emotion,
        "label": pd.NA if clip.label is None else clip.label,
        "onset": onset,
        "apex": pd.NA if apex is None else apex,
        "offset": offset,
        "apex_source": pd.NA if apex is None else source,
        "fps": FPS[dataset],
        # Registered frames are called reg_..., whatever the folder above them is called now.
        "cropped": release.cropped or clip.frames[numbers[0]].name.startswith("reg_"),
        "folder": clip.folder,
        "au_codes": row.codes or pd.NA,
        "notes": "; ".join(notes),
    }
