"""The doctor on broken copies: which line it says, with which remedy, and whether the copy can still be used."""

import shutil

import pandas as pd
import pytest

from melib.corpus.doctor import check_frames, exit_code, report
from melib.corpus.scan import _compare_counts, scan
from tests.corpus import copies

CLIPS = "CASME2/CASME2_RAW_selected"
SHEET = "CASME2/CASME2-coding-20140508.xlsx"


def rewrite(root, rows=copies.CASME2, header=copies.CASME2_HEADER, above=0):
    lines = [(s, c, None, on, apex, off, None, au, emotion) for s, c, on, apex, off, au, emotion in rows]
    copies.sheet(root / SHEET, header, lines, above)


def changed(at, **values):
    """CASME II's rows with some values of one row replaced."""
    names = ("subject", "clip", "onset", "apex", "offset", "codes", "emotion")
    rows = list(copies.CASME2)
    rows[at] = tuple((dict(zip(names, rows[at], strict=True)) | values).values())
    return rows


def wrong_root(root):
    return root / "nowhere"


def root_is_a_file(root):
    return root / SHEET


def root_without_datasets(root):
    shutil.rmtree(root / "CASME2")
    (root / "holiday").mkdir()


def too_deep(root):
    return root / CLIPS / "sub01"


def too_shallow(root):
    (root / "data").mkdir()
    (root / "CASME2").rename(root / "data/CASME2")


def unpacked_twice(root):
    inner = root / CLIPS / "CASME2_RAW_selected"
    inner.mkdir()
    for path in (root / CLIPS).glob("sub*"):
        path.rename(inner / path.name)


def sheet_missing(root):
    (root / SHEET).unlink()


def lock_file_alone(root):
    (root / SHEET).rename(root / "CASME2/~$CASME2-coding-20140508.xlsx")


def lock_file_beside(root):
    (root / "CASME2/~$CASME2-coding-20140508.xlsx").write_bytes(b"lock")


def sheet_damaged(root):
    (root / SHEET).write_bytes((root / SHEET).read_bytes()[:500])


def header_moved(root):
    rewrite(root, above=8)


def column_renamed(root):
    rewrite(root, header=copies.CASME2_HEADER.replace("ApexFrame", "Peak"))


def clip_folder_missing(root):
    shutil.rmtree(root / CLIPS / "sub01/EP02_01f")


def dropped_clip_folder_missing(root):
    shutil.rmtree(root / CLIPS / "sub09/EP09f")


def empty_clip_folder(root):
    for path in (root / CLIPS / "sub01/EP02_01f").iterdir():
        path.unlink()


def empty_dataset_folder(root):
    shutil.rmtree(root / "CASME2")
    (root / "CASME2").mkdir()


def frames_of_others(root):
    (root / CLIPS / "sub01").rename(root / CLIPS / "sub20")
    for name in ("sub02", "sub04", "sub09", "sub24"):
        shutil.rmtree(root / CLIPS / name)


def corrupt_frame(root):
    (root / CLIPS / "sub01/EP02_01f/img48.jpg").write_bytes(copies.JPG[:-60])


def apex_outside(root):
    rewrite(root, changed(0, apex=77))


def row_twice(root):
    rewrite(root, [*copies.CASME2, copies.CASME2[0]])


def rows_that_contradict(root):
    rewrite(root, [*copies.CASME2, ("01", "EP02_01f", 46, 49, 53, "4", "disgust")])


def unknown_emotion(root):
    rewrite(root, changed(1, emotion="disguts"))


def name_that_leaves_the_root(root):
    (root / "secret").mkdir()
    rewrite(root, changed(0, clip="../../../secret"))


def subject_without_number(root):
    rewrite(root, changed(0, subject="one"))


def row_without_name(root):
    rewrite(root, changed(0, clip=None))


def other_files_among_frames(root):
    copies.frames(root / CLIPS / "sub01/EP02_01f", ["Thumbs.db", "readme.txt"])


def two_frames_of_one_number(root):
    copies.frames(root / CLIPS / "sub01/EP02_01f", ["img046.jpg"])


def folder_without_row(root):
    copies.frames(root / CLIPS / "sub09/EP02_02f", ["img1.jpg"])


def two_folders_of_one_clip(root):
    copies.frames(root / CLIPS / "sub1/EP02_01f", ["img46.jpg"])


def interval_elsewhere(root):
    rewrite(root, [(s, c, on + 500, "/", off + 500, au, emotion) for s, c, on, _, off, au, emotion in copies.CASME2])


def other_files_beside(root):
    for name in ("my_table.csv", "frames.zip", "labels.ods", "clip.avi"):
        (root / "CASME2" / name).write_bytes(b"")


def frames_of_another_kind(root):
    for path in (root / CLIPS / "sub01/EP02_01f").iterdir():
        path.rename(path.with_suffix(".tif"))


# copy, its level, what the doctor says, what it advises
BROKEN = [
    (wrong_root, "error", "The data root does not exist", "A data root looks like this"),
    (root_is_a_file, "error", "cannot be opened as a folder", "A data root looks like this"),
    (root_without_datasets, "error", "found holiday", "A data root looks like this"),
    (too_deep, "error", "3 level(s) too deep", "Give {root} instead"),
    (too_shallow, "error", "one level further down", "Give {root}/data instead"),
    (unpacked_twice, "note", "unpacked twice", "read all the same"),
    (sheet_missing, "error", "No annotation sheet", "Copy the sheet that came with the frames"),
    (lock_file_alone, "error", "only Excel's lock file CASME2/~$CASME2", "Copy the sheet that came with the frames"),
    (lock_file_beside, "note", "Excel's lock file, ignored", "Close it"),
    (sheet_damaged, "error", "cannot be read as a sheet", "Put the sheet back"),
    (header_moved, "note", "The header stands in row 9", "what is above it is not read"),
    (column_renamed, "error", "no column for apex (named apexframe", "give the column its name"),
    (clip_folder_missing, "warning", "sub01/EP02_01f: 1 x row without a clip folder", "Unpack the archive again"),
    (dropped_clip_folder_missing, "note", "sub09/EP09f: 1 x row without a clip folder", "carries no label"),
    (empty_clip_folder, "warning", "sub01/EP02_01f: 1 x clip folder without frames", "Unpack the archive again"),
    (empty_dataset_folder, "error", "The dataset's folder is empty", "Expected:\n   CASME2/CASME2_RAW_selected/sub01"),
    (frames_of_others, "error", "None of the 5 clips", "must belong to one dataset"),
    (corrupt_frame, "error", "sub01/EP02_01f/img48.jpg: 1 x frame that cannot be decoded", "Unpack these files"),
    (apex_outside, "warning", "EP02_01f (77): 1 x apex outside the clip's interval", "preparation finds another"),
    (row_twice, "warning", "rows 2 and 7 (EP02_01f): 1 x clip whose row occurs twice", "Delete the second row"),
    (rows_that_contradict, "error", "rows 2 and 7 (EP02_01f): 1 x clip with two rows", "Delete the wrong row"),
    (unknown_emotion, "warning", "Unknown emotion 'disguts'", "Did you mean 'disgust'"),
    (name_that_leaves_the_root, "error", "row 2 (../../../secret): 1 x clip name", "Put the sheet back"),
    (subject_without_number, "error", "row 2 (EP02_01f): 1 x row whose subject", "Put the sheet back"),
    (row_without_name, "warning", "row 2: 1 x row with an emotion but no clip name", "Compare the sheet"),
    (other_files_among_frames, "note", "(Thumbs.db, readme.txt): 1 x files among the frames", "ignored"),
    (two_frames_of_one_number, "error", "both carry frame number 46", "Remove the copy"),
    (folder_without_row, "warning", "sub09/EP02_02f: 1 x clip folder without a row", "nothing to do"),
    (two_folders_of_one_clip, "warning", "1 x clip with more than one folder", "Remove the other copy"),
    (other_files_beside, "note", "CASME2/my_table.csv: 4 x file that is not read", "Unpack archives that hold frames"),
    (other_files_beside, "note", "CASME2/frames.zip", "Save spreadsheets as .xlsx or .csv"),
    (
        other_files_beside,
        "note",
        "CASME2/labels.ods, ",
        "A .csv is read as the sheet if its name begins with the dataset's",
    ),
    (other_files_beside, "note", "CASME2/clip.avi", "Videos need a clips.csv"),
    (frames_of_another_kind, "warning", "1 x clip folder whose images are of a kind", "Convert them to .png"),
    (clip_folder_missing, "warning", "0/3/0 clips instead of Table 1's", "The copy is incomplete"),
    (interval_elsewhere, "warning", "5 x interval of the sheet that has no frames", "Compare sheet and release"),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    root = tmp_path_factory.mktemp("sound")
    copies.casme2(root)
    return root


def examine(root):
    return check_frames(scan(root))


def test_the_sound_copy_has_nothing_but_its_size_to_tell(sound):
    (finding,) = [finding for finding in examine(sound).findings if finding.dataset == "CASME2"]
    assert finding.level == "warning" and "instead of Table 1's" in finding.message


@pytest.mark.parametrize(
    ("damage", "level", "says", "advises"), BROKEN, ids=lambda value: getattr(value, "__name__", "")
)
def test_broken_copies(sound, tmp_path, damage, level, says, advises):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    result = examine(damage(tmp_path) or tmp_path)
    lines = [f for f in result.findings if says in str(f)]
    assert [finding.level for finding in lines] == [level], report(result)
    assert advises.format(root=tmp_path) in str(lines[0])
    text = report(result)
    assert says in text and advises.format(root=tmp_path) in text
    assert exit_code(result) == (level == "error"), text
    assert not result.index["folder"].str.contains("secret").any()


def test_an_absent_dataset_is_a_note_unless_it_was_asked_for(sound):
    assert exit_code(scan(sound)) == 0
    asked = scan(sound, ["CASME2", "SAMM"])
    assert exit_code(asked) == 1
    assert "SAMM/006/006_1_2/006_05562.jpg" in report(asked)


def test_the_report_tells_counts_editions_repairs_and_where_to_apply(sound):
    text = report(scan(sound))
    assert "CASME II: raw, selected frames, 2014 edition: CASME2-coding-20140508.xlsx, 5 rows" in text
    assert "5 clips of 5 subjects in CASME2" in text
    assert "positive/negative/surprise: 1/3/0 (Table 1: 32/72/25), without label: 1" in text
    assert "repair   CASME2/sub04/EP12_01f: apex / of the sheet corrected to 294" in text
    assert "Not there: SMIC, CASME, SAMM, MMEW." in text and "Manchester" in report(scan(sound, ["SAMM"]))
    assert text.endswith("5 clips, 1 with notes; 0 notes, 1 warning, 0 errors.")


def test_a_repair_that_many_clips_share_is_told_once(tmp_path):
    rows = [("006", f"006_1_{n}", 10, 12, 14, "4", "Other") for n in range(1, 12)]
    copies.samm(tmp_path, rows=rows)
    (line,) = [line for line in report(scan(tmp_path)).splitlines() if line.startswith("   repair")]
    assert line.startswith("   repair   11 clips, SAMM/006/006_1_1, ")
    assert line.endswith(" and 3 more: emotion 'Other' read as 'others'")


def test_counts_of_an_edition_are_not_claimed_of_an_incomplete_copy():
    def compared(incomplete):
        index = pd.DataFrame({"dataset": "CASME2", "clip": [f"c{n}" for n in range(129)], "emotion": "x",
                              "label": ["positive"] * 32 + ["negative"] * 69 + ["surprise"] * 28})  # fmt: skip
        return str(_compare_counts(index, {"CASME2": "2019 edition: sheet.xlsx"}, incomplete)[0])

    assert "This is what the 2019 edition" in compared(set())
    assert "This is what" not in compared({"CASME2"}) and "The copy is incomplete" in compared({"CASME2"})
