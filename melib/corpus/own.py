"""A dataset of one's own: a folder with frames or video files, and a `clips.csv` that says what they show."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from melib.corpus.clips import Clip, index_rows, interval, set_cropped
from melib.corpus.findings import Log, few
from melib.corpus.frames import VIDEOS, frame_rate, is_video, list_folder, list_frames
from melib.corpus.index import CLASSES, FPS, CorpusError
from melib.corpus.mapping import label_of, spell
from melib.corpus.places import DEPTH, Bounds
from melib.corpus.sheets import Row, cell_text, column_role, csv_rows, frame_number
from melib.errors import nearest

SHEET = "clips.csv"
COLUMNS = ("clip", "subject", "emotion", "label", "onset", "apex", "offset", "fps", "file", "au_codes", "cropped")
CROPPED = {"": None, "no": False, "0": False, "false": False, "yes": True, "1": True, "true": True}
MISSING = ("", "/", "\\", "?", "nan", "na", "none")
TREE = """MY_DATASET/clips.csv           with the columns clip, subject, and emotion or label
   MY_DATASET/.../<clip>/img1.jpg   (or MY_DATASET/.../<clip>.mp4)"""


class Line(NamedTuple):
    """One row of a clips.csv: its line, counted from 1, and its cells by column, empty where there is none."""

    number: int
    cells: dict[str, str]

    def __str__(self) -> str:
        return f"row {self.number} ({self.cells['clip'] or 'no clip'})"


def find_sheet(folder: Path) -> Path | None:
    """The clips.csv of a folder, in any case of letters: what makes it a dataset of one's own."""
    try:
        return next((path for path in sorted(folder.iterdir()) if path.name.lower() == SHEET and path.is_file()), None)
    except OSError:
        return None


def read_own(root: Path, dataset: str, place: str, mapping: str) -> tuple[list[dict], Log, str]:
    """Index rows, findings and the edition of the dataset in the folder `place` of the data root."""
    log = Log(dataset)
    try:
        lines = read_lines(find_sheet(root / place), log)
    except CorpusError as error:
        log.say("error", f"{place}/{SHEET}", str(error), f"Expected:\n   {TREE}")
        return [], log, ""
    if not lines:
        log.say("error", f"{place}/{SHEET}", "It has a header and no rows.", "Write a row for each clip.")
    places, links, closed = _places(root, place)
    log.say_links(links)
    for error in closed:
        where = Path(error.filename).relative_to(root).as_posix()
        log.say("error", where, f"The folder cannot be opened ({error.strerror}).", "Make it readable.")
    clips = []
    for line in lines:
        clip = _clip(dataset, line, mapping, log)
        if clip and _find_frames(root, place, clip, line, places, log):
            clips.append(clip)
    _number(clips, log)
    used = {clip.folder for clip in clips}
    for path, filled in places.items():
        if filled and path not in used:
            log.count("no row", path)
    if lines and not clips:
        remedy = f"Its clips must lie beside {SHEET}, named as in its rows. Expected:\n   {TREE}"
        log.say("error", place, f"None of the {len(lines)} clips of the dataset has frames here.", remedy)
    return index_rows(clips, False, log), log, f"{SHEET}, {len(lines)} rows"


def read_lines(path: Path, log: Log) -> list[Line]:
    """The rows of a clips.csv. Raises CorpusError where a column that is needed is not there."""
    rows = [[cell_text(cell) for cell in row] for row in csv_rows(path)]
    header = [_column(name) for name in rows[0]] if rows else []
    absent = [name for name in ("clip", "subject") if name not in header]
    if not {"emotion", "label"} & set(header):
        absent.append("emotion or label")
    if absent:
        words = [word for name in absent for word in name.split(" or ")]
        hints = {column: nearest(column, words) for column in header if column not in COLUMNS}
        raise CorpusError(
            f"It has no column {' and no column '.join(absent)}; its header is: {', '.join(header)}."
            + "".join(f" {column!r} is not known.{hint}" for column, hint in hints.items() if hint)
        )
    if unknown := sorted(set(header) - {*COLUMNS, ""}):
        log.say(
            "note", path.name, f"Columns that are not read: {', '.join(unknown)}.", f"Known are {', '.join(COLUMNS)}."
        )
    lines = []
    for number, row in enumerate(rows[1:], 2):
        cells = dict(zip(header, row, strict=False))
        if any(cells.values()):
            lines.append(Line(number, {name: cells.get(name, "") for name in COLUMNS}))
    return lines


def _column(name: str) -> str:
    """The column that a header's cell means: one of COLUMNS, also by the names that the five's sheets use."""
    plain = name.lower().replace(" ", "_")
    role = column_role(name)
    role = {"codes": "au_codes"}.get(role, role)
    return plain if plain in COLUMNS or role not in COLUMNS else role


def _clip(dataset: str, line: Line, mapping: str, log: Log) -> Clip | None:
    """The clip of a row, without its frames; None, logged, where the row does not name one."""
    cells = line.cells
    names = cells["clip"], cells["subject"], cells["file"]
    if not cells["clip"]:
        log.count("no name", str(line))
    elif not cells["subject"]:
        log.count("subject missing", str(line))
    elif any(re.search(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|:|\\", name) for name in names) or "/" in cells["subject"]:
        log.count("escape", str(line))
    else:
        numbers = {name: "" if cells[name].lower() in MISSING else cells[name] for name in ("onset", "apex", "offset")}
        for name, text in numbers.items():
            if text and frame_number(text) is None:
                log.count("no number", f"{line}: {name} {text!r}")
        row = Row(line.number, cells["subject"], cells["clip"], codes=cells["au_codes"], **numbers)
        onset, offset = interval(row)
        if None not in (onset, offset) and offset <= onset:
            log.count("backwards", f"{line}: {onset} to {offset}")
            return None
        clip = Clip(row, dataset, cells["subject"], fps=_fps(dataset, line, log))
        clip.expects_interval = clip.expects_apex = False
        clip.row, clip.label = _classify(dataset, row, line, mapping, log)
        return clip
    return None


def _classify(dataset: str, row: Row, line: Line, mapping: str, log: Log) -> tuple[Row, str | None]:
    """The row with its emotion, and the clip's class: `label` as it stands, else the emotion's by the mapping."""
    label = line.cells["label"].lower()
    emotion = spell(line.cells["emotion"])
    if label and label not in CLASSES:
        hint = nearest(label, CLASSES)
        log.count("unknown label", str(line), f"Unknown label {label!r}; expected one of {', '.join(CLASSES)}.{hint}")
        return row._replace(emotion=emotion or label), None
    if label:
        return row._replace(emotion=emotion or label), label
    if not emotion:
        log.count("no emotion", str(line))
        return row, None
    row = row._replace(emotion=emotion)
    try:
        return row, label_of(dataset, emotion, mapping)
    except CorpusError as error:
        log.count("unknown emotion", str(line), str(error))
        return row, None


def _fps(dataset: str, line: Line, log: Log) -> float | None:
    text = line.cells["fps"]
    if not text:
        return FPS.get(dataset)
    try:
        rate = float(text.replace(",", "."))
    except ValueError:
        rate = 0
    if 0 < rate < 100_000:
        return rate
    log.count("no number", f"{line}: fps {text!r}")
    return FPS.get(dataset)


def _places(root: Path, place: str) -> tuple[dict[str, bool], dict[str, tuple[str, str, str]], list[OSError]]:
    """Folders and video files of a dataset, from the data root, and whether each can be a clip: a file, or a folder
    without folders and with files; the links that are not followed, with why; and what could not be opened."""
    bounds = Bounds(root, place)
    places = {}
    links = {}
    closed: list[OSError] = []
    for path, folders, files in os.walk(root / place, onerror=closed.append, followlinks=True):
        below = Path(path).relative_to(root).as_posix()
        visible = sorted(name for name in folders if not name.startswith(".")) if below.count("/") < DEPTH else []
        refused = {name: reason for name in visible if (reason := bounds.refuse(Path(path) / name))}
        links |= {f"{below}/{name}": reason for name, reason in refused.items()}
        folders[:] = [name for name in visible if name not in refused]
        files = [name for name in files if not name.startswith(".")]
        videos = sorted(name for name in files if name.lower().endswith(VIDEOS))
        if below != place:
            places[below] = not folders and len(files) > len(videos)
        places |= {f"{below}/{name}": True for name in videos}
    return places, links, closed


def _find_frames(root: Path, place: str, clip: Clip, line: Line, places: dict[str, bool], log: Log) -> bool:
    """Give the clip its folder or video file; False, logged, where there is none, several, or no frame in it."""
    candidates = _matching(place, line.cells, places)
    if len(candidates) != 1:
        dropped = "" if clip.label else ", dropped"
        several = f"{line}: {few(candidates, 3)}"
        log.count("several places" if candidates else "no folder" + dropped, several if candidates else str(line))
        return False
    (clip.folder,) = candidates
    path = root / clip.folder
    try:
        if is_video(path):
            clip.frames = list_frames(path)
            clip.fps = clip.fps or frame_rate(path)
        else:
            clip.frames, others = list_folder(path)
            if others:
                log.count("strangers", f"{clip.folder} ({few(others, 3)})")
    except (CorpusError, OSError) as error:
        log.say("error", clip.folder, str(error))
        return False
    answer = line.cells["cropped"].lower()
    if answer not in CROPPED:
        log.count("not yes or no", f"{line}: {answer!r}")
    if clip.frames:
        set_cropped(clip, CROPPED.get(answer))
    else:
        log.count("empty folder" if clip.label else "empty folder, dropped", clip.folder)
    return bool(clip.frames)


def _matching(place: str, cells: dict[str, str], places: dict[str, bool]) -> list[str]:
    """The folders and files that a row can mean: by `file`, else by the clip's name, under its subject if need be."""
    wanted = PurePosixPath(cells["file"] or cells["clip"]).parts
    if cells["file"]:
        exact = str(PurePosixPath(place, *wanted))
        return [exact] if exact in places else [path for path in places if path.lower() == exact.lower()]
    wanted = [part.lower() for part in wanted]
    matches = []
    for path in places:
        parts = path.lower().split("/")[1:]
        if parts[-len(wanted) :] == wanted or [*parts[:-1], Path(parts[-1]).stem][-len(wanted) :] == wanted:
            matches.append(path)
    of_subject = [path for path in matches if cells["subject"].lower() in path.lower().split("/")[1:-1]]
    return of_subject if len(matches) > 1 and of_subject else matches


def _number(clips: list[Clip], log: Log) -> None:
    """Name the clips, those of one recording differently: by their own names, else by number in order of onset."""
    for clip in clips:
        clip.called = clip.row.clip.replace("/", "_")
    recordings: dict[str, list[Clip]] = {}
    for clip in sorted(clips, key=lambda clip: interval(clip.row)[0] or 0):
        recordings.setdefault(clip.folder, []).append(clip)
    for expressions in recordings.values():
        for clip, following in pairwise(expressions):
            onset = interval(following.row)[0]
            clip.until = None if onset is None else onset - 1
    rows: dict[tuple, list[Clip]] = {}
    for clip in list(clips):
        same = rows.setdefault((clip.subject, clip.called), [])
        where = f"rows {same[0].row.line} and {clip.row.line} ({clip.called})" if same else ""
        if any(other.row._replace(line=0) == clip.row._replace(line=0) for other in same):
            log.count("twice", where)
            clips.remove(clip)
        elif interval(clip.row)[0] in [interval(other.row)[0] for other in same]:
            log.count("contradiction", where)
            clips.remove(clip)
        else:
            same.append(clip)
    for same in rows.values():
        for number, clip in enumerate(sorted(same, key=lambda clip: interval(clip.row)[0] or 0), 1):
            clip.number = number
