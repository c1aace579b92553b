"""Read one dataset: find its clip folders and its sheet, bring the two together, note every repair."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from melib.corpus.clips import Clip, exact, index_rows, interval, set_cropped
from melib.corpus.errata import correct
from melib.corpus.findings import Log, few
from melib.corpus.frames import VIDEOS, list_folder
from melib.corpus.index import FPS, CorpusError, print_name
from melib.corpus.layouts import LAYOUTS, dataset_of
from melib.corpus.mapping import label_of, spell
from melib.corpus.own import SHEET
from melib.corpus.places import Key, Tree, choose_release, clip_key, explore
from melib.corpus.sheets import Row, frame_number, read_sheet

OTHER_IMAGES = (".tif", ".tiff", ".webp", ".gif", ".pgm", ".ppm", ".jp2")
SMIC_TOKENS = {"ne": "negative", "po": "positive", "sur": "surprise"}
# These clips were moved from sadness to surprise: by them the editions of CASME II's sheet are recognised.
CASME2_MOVED = {(24, "ep07_01"), (24, "ep07_04f"), (24, "ep10_03")}


def read_dataset(root: Path, dataset: str, places: list[str], mapping: str) -> tuple[list[dict], Log, str]:
    """Index rows, findings and the edition of the dataset that lies in `places`, names of entries of the data root."""
    layout = LAYOUTS[dataset]
    log = Log(dataset)
    tree = explore(root, places, layout)
    _say_found(tree, log)
    if not tree.clips:
        _say_unread(tree, log)
        what = "holds no clip folders in a layout that is known" if tree.entries else "is empty"
        log.say("error", few(places), f"The dataset's folder {what}.", f"Expected:\n   {layout.tree}")
        return [], log, ""
    path, release = choose_release(tree, layout, log)
    folders = tree.clips[path]
    if release.sheet:
        rows, edition = _sheet_rows(root, tree, dataset, log)
    else:
        names = [paths[0].rsplit("/", 1)[-1] for paths in folders.values()]
        rows = [Row(0, clip=name, emotion=SMIC_TOKENS[name.split("_")[1].lower()]) for name in names]
        edition = ""
    _say_unread(tree, log)
    clips = _join(root, dataset, rows, folders, log, mapping)
    for clip in clips:
        clip.fps = FPS[dataset]
        set_cropped(clip, release.cropped or None)
        clip.expects_interval = release.sheet
        clip.expects_apex = "apex" in layout.needs
    if rows and not clips:
        log.say(
            "error",
            path,
            f"None of the {len(rows)} clips of the dataset has frames here.",
            f"Sheet and frames must belong to one dataset. Expected:\n   {layout.tree}",
        )
    # Where most folders hold exactly their row's interval, the frames were selected and the folder is right about the
    # others too (copies made for an older sheet are about). Else the folders hold longer recordings.
    alone = [exact(clip) for clip in clips if not clip.shared and None not in interval(clip.row)]
    selected = not release.sheet or 2 * sum(alone) >= len(alone)
    return index_rows(clips, selected, log), log, ", ".join(filter(None, (release.name, edition)))


def _say_found(tree: Tree, log: Log) -> None:
    """Name what is odd about the folders themselves."""
    for path in sorted(tree.nested):
        log.say("note", path, "A folder inside a folder of the same name (unpacked twice); read all the same.")
    for path, error in tree.closed.items():
        log.say("error", path, f"The folder cannot be opened ({error}).", "Make it readable.")
    log.say_links(tree.links)
    for path in tree.foreign:
        other = print_name(dataset_of(path.rsplit("/", 1)[-1]))
        log.say(
            "warning", path, f"A folder of {other}; not read here.", "Move it up into the data root to have it read."
        )
    for path in tree.locks:
        log.say("note", path, "Excel's lock file, ignored: the sheet is open there and may change.", "Close it.")


def _say_unread(tree: Tree, log: Log) -> None:
    """Name the files that are not read, and what to do where they may hold what is missed."""
    if not tree.unread:
        return
    names = [path.lower() for path in tree.unread]
    remedies = []
    if any(name.endswith((".zip", ".rar", ".7z", ".gz", ".tar")) for name in names):
        remedies.append("Unpack archives that hold frames.")
    if any(name.endswith((".ods", ".numbers")) for name in names):
        remedies.append("Save spreadsheets as .xlsx or .csv.")
    if any(name.endswith(".csv") for name in names):
        remedies.append("A .csv is read as the sheet if its name begins with the dataset's.")
    if any(name.endswith(VIDEOS) for name in names):
        remedies.append(f"Videos need a {SHEET} (docs: DATASETS.md).")
    log.say("note", few(tree.unread), f"{len(names)} x file that is not read.", " ".join(remedies))


def _sheet_rows(root: Path, tree: Tree, dataset: str, log: Log) -> tuple[list[Row], str]:
    """The rows of the dataset's sheet, or of all of its section sheets where no sheet holds everything."""

    def rank(path: str) -> tuple[bool, bool, str]:
        name = path.rsplit("/", 1)[-1].lower()
        return "section" in name, dataset_of(name) != dataset, name

    sheets = {}
    failed = {}
    spare = []
    tables = [path for path in tree.sheets if path.lower().endswith((".csv", ".tsv")) and rank(path)[1]]
    if len(tables) < len(tree.sheets):  # beside a sheet, other tables are the user's own
        tree.unread += tables
    for path in sorted(tree.sheets, key=rank):
        if path in tree.unread:
            continue
        if sheets and not all(rank(one)[0] for one in (path, *sheets)):
            spare.append(path)
        else:
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
        only = f" (only Excel's lock file {tree.locks[0]})" if tree.locks else ""
        remedy = f"Copy the sheet that came with the frames. Expected:\n   {LAYOUTS[dataset].tree}"
        log.say("error", "", f"No annotation sheet (.xlsx, .xls, .csv) beside the frames{only}.", remedy)
    rows = [row for sheet in sheets.values() for row in sheet.rows]
    if dataset == "SMIC":
        rows = smic_expressions(rows, log)
    for path, sheet in sheets.items():
        if sheet.header > 1:
            log.say("note", path, f"The header stands in row {sheet.header}; what is above it is not read.")
    year = casme2_edition(rows) if dataset == "CASME2" else ""
    names = " and ".join(path.rsplit("/", 1)[-1] for path in sheets)
    count = len({row.line for row in rows}) if len(sheets) == 1 else len(rows)
    return rows, f"{year}{names}, {count} rows" if sheets else ""


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
    root: Path, dataset: str, rows: list[Row], folders: dict[Key, list[str]], log: Log, mapping: str
) -> list[Clip]:
    """Bring rows and folders together by (subject, clip); whatever has no partner is logged."""
    recordings = _recordings(dataset, rows, log)
    clips = []
    for key, expressions in recordings.items():
        onsets = [interval(row)[0] for row in expressions]
        for number, row in enumerate(expressions, 1):
            clip = _corrected(dataset, LAYOUTS[dataset].subject.format(key[0]), row)
            clip.number = number
            clip.shared = len(expressions) > 1
            clip.until = onsets[number] - 1 if number < len(expressions) else None
            where = f"{clip.subject}/{row.clip}"
            try:
                clip.label = label_of(dataset, clip.row.emotion, mapping)
            except CorpusError as error:
                log.count("unknown emotion", where, str(error))
            dropped = "" if clip.label else ", dropped"
            if key not in folders:
                log.count("no folder" + dropped, where)
            elif _find_frames(root, clip, folders[key], log):
                clips.append(clip)
            elif clip.folder:
                log.count("other images" if clip.other_images else "empty folder" + dropped, where)
    if rows:
        for key in sorted(set(folders) - set(recordings)):
            log.count("no row", folders[key][0])
    return clips


def _recordings(dataset: str, rows: list[Row], log: Log) -> dict[Key, list[Row]]:
    """The usable rows of a sheet by recording, its expressions by onset; what is wrong with the others is logged."""
    recordings: dict[Key, list[Row]] = {}
    above = ""
    for row in rows:
        if row.clip and not row.subject and above:
            log.count("subject above", f"row {row.line} ({row.clip})")
            row = row._replace(subject=above)
        above = row.subject
        key = clip_key(row.subject, row.clip)
        if not row.clip:
            log.count("no name", f"row {row.line}")
        elif re.search(r"[/\\:]|^\.+$", row.clip):
            log.count("escape", f"row {row.line} ({row.clip})")
        elif key is None:
            log.count("no subject", f"row {row.line} ({row.clip})")
        elif problem := _clash(dataset, row, recordings.get(key, [])):
            first = recordings[key][0].line
            log.count(problem, f"rows {first} and {row.line} ({row.clip})")
        else:
            recordings.setdefault(key, []).append(row)
    for key, expressions in recordings.items():
        if len(expressions) > 1:
            expressions.sort(key=lambda row: interval(row)[0])
            log.count("several", f"{expressions[0].clip} of subject {key[0]} ({len(expressions)})")
    return recordings


def _clash(dataset: str, row: Row, others: list[Row]) -> str:
    """Why a row cannot stand beside the other rows of its recording (a key of PROBLEMS); empty where it can."""
    if any(other._replace(line=row.line) == row for other in others):
        return "twice"
    onsets = [interval(other)[0] for other in (row, *others)]
    apart = None not in onsets and len(set(onsets)) == len(onsets)
    return "contradiction" if others and not (LAYOUTS[dataset].several and apart) else ""


def smic_expressions(rows: list[Row], log: Log) -> list[Row]:
    """The rows of SMIC's long release, with a row of its own for each second and third expression of a recording.

    A pair of frame numbers outside the recording is a residue of the sheet's formulas, and logged.
    """
    expanded = []
    for row in rows:
        expanded.append(row)
        first = frame_number(row.first)
        last = frame_number(row.last)
        for pair in ((row.onset2, row.offset2), (row.onset3, row.offset3)):
            onset, offset = map(frame_number, pair)
            if not any(pair):
                continue
            if None in (onset, offset) or not (first or 0) <= onset < offset <= (last or offset):
                log.count("residue", f"row {row.line} ({row.clip})")
            else:
                expanded.append(row._replace(onset=pair[0], offset=pair[1], length="", apex=""))
    return expanded


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
    return Clip(row._replace(emotion=emotion), dataset, subject, fields, notes)


def _find_frames(root: Path, clip: Clip, folders: list[str], log: Log) -> bool:
    """Give the clip the one of its folders with most frames; False where none has any or none could be listed."""
    for path in folders:
        twice = f"{path}/{path.rsplit('/', 1)[-1]}"  # a clip folder that was itself unpacked twice
        try:
            frames, others = list_folder(root / path)
            if not frames and (root / twice).is_dir():
                path = twice
                (frames, others) = list_folder(root / twice)
        except (CorpusError, OSError) as error:
            log.say("error", path, str(error))
            continue
        clip.other_images |= any(name.lower().endswith(OTHER_IMAGES) for name in others)
        if others:
            log.count("strangers", f"{path} ({few(others, 3)})")
        if not clip.folder or len(frames) > len(clip.frames):
            clip.folder = path
            clip.frames = frames
    if len(folders) > 1:
        log.count("two folders", " and ".join(folders))
    return bool(clip.frames)
