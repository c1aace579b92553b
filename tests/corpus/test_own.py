"""Datasets of one's own, of frames and of videos: read, and what is wrong with them said."""

import shutil

import numpy as np
import pandas as pd
import pytest

from melib.corpus.doctor import check_frames, exit_code, report
from melib.corpus.frames import list_frames, read_frame, save_frame
from melib.corpus.index import CorpusError, dataset_name
from melib.corpus.scan import fingerprint, read_index, scan
from melib.prepare.pipeline import prepare
from melib.prepare.settings import PrepareSettings
from tests.corpus import copies, own


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    own.of_frames(root)
    own.of_videos(root)
    return root


@pytest.fixture
def root(two, tmp_path):
    return shutil.copytree(two, tmp_path / "root")


def test_frames_of_a_video_are_exact_in_any_order(tmp_path):
    own.write_video(tmp_path / "a.avi", 12)
    frames = list_frames(tmp_path / "a.avi")
    assert list(frames) == list(range(1, 13))
    for number in (3, 4, 12, 1, 7, 7):
        found = read_frame(frames[number]).astype(int)
        assert found.shape == (own.SIZE, own.SIZE, 3)
        away = [np.abs(found - own.picture(other)).mean() for other in range(1, 13)]
        assert np.argmin(away) == number - 1
    saved = save_frame(frames[5], tmp_path / "5")
    np.testing.assert_array_equal(read_frame(saved), read_frame(frames[5]))


def test_a_file_that_is_no_video_is_named(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(CorpusError, match=r"a\.mp4 cannot be opened as a video.*images"):
        list_frames(tmp_path / "a.mp4")


def test_both_kinds_are_read(two):
    result = check_frames(scan(two))
    assert exit_code(result) == 0, report(result)
    assert result.editions == {"CAS(ME)^2": "clips.csv, 9 rows", "pilot": "clips.csv, 9 rows"}
    index = result.index.set_index("clip_id")
    frames = index.loc["pilot/p1/c2"]
    assert (frames["onset"], frames["apex"], frames["offset"], frames["fps"]) == (5, 9, 14, 100)
    assert (frames["label"], frames["emotion"], frames["subject"]) == ("surprise", "surprise", "pilot/p1")
    assert (frames["folder"], frames["notes"]) == ("pilot/p1/c2", "")
    video = index.loc["CAS(ME)^2/s0/s0_disgust"]
    assert (video["onset"], video["apex"], video["offset"], video["fps"]) == (11, 15, 19, 30)
    assert (video["label"], video["folder"]) == ("negative", "CAS(ME)^2/s0.avi")
    text = report(result)
    assert "pilot: clips.csv, 9 rows" in text and "9 clips of 3 subjects" in text
    assert "positive/negative/surprise: 3/3/3, without label: 0" in text
    assert "Table 1" not in text.split("pilot:")[1]


def test_videos_enter_the_fingerprint_with_their_bytes(root):
    index = read_index(root)
    name = fingerprint(root, index)
    video = root / "CAS(ME)^2/s2.avi"
    video.write_bytes(video.read_bytes() + b"\0")
    assert fingerprint(root, index) != name


def sheet(root, *rows, header=own.HEADER, **kw):
    own.write_sheet(root / "pilot/clips.csv", rows, header, **kw)


GOOD = ("c0", "p0", "happiness", 5, 9, 14, 100, "")


def test_only_clip_subject_and_one_of_emotion_and_label_are_needed(root):
    sheet(root, ("c0", "p0", "Negative"), ("c1", "p0", "positive"), header=("Clip", "SUBJECT", "label"))
    index = read_index(root, ["pilot"]).set_index("clip")
    assert index["label"].to_dict() == {"c0": "negative", "c1": "positive"}
    assert index.loc["c0", ["onset", "offset"]].tolist() == [5, 14]
    assert pd.isna(index.loc["c0", "apex"]) and pd.isna(index.loc["c0", "fps"]) and index.loc["c0", "notes"] == ""


@pytest.mark.parametrize(("encoding", "separator"), [("utf-16", ";"), ("utf-8-sig", "\t"), ("utf-16", "\t")])
def test_sheets_as_spreadsheets_save_them(root, encoding, separator):
    lines = [separator.join(map(str, line)) for line in (own.HEADER, GOOD)]
    (root / "pilot/clips.csv").write_text("\r\n".join(lines), encoding=encoding)
    assert read_index(root, ["pilot"])["emotion"].tolist() == ["happiness"]


def test_the_dataset_given_in_place_of_the_folder_that_holds_it(root):
    (finding,) = [finding for finding in scan(root / "pilot").findings if finding.level == "error"]
    assert "This folder is a dataset" in finding.message and finding.remedy == f"Give {root.resolve()}."


PROBLEMS = [
    ([(*GOOD[:2], "hapiness", *GOOD[3:])], "warning", "Did you mean 'happiness'"),
    ([(*GOOD[:4], 77, *GOOD[5:])], "warning", "apex outside the clip's interval"),
    ([(*GOOD[:3], 14, 9, 5, 100, "")], "error", "offset is not after its onset"),
    ([(*GOOD[:3], "five", 9, 14, 100, "")], "warning", "onset 'five'"),
    ([(*GOOD[:6], "fast", "")], "warning", "fps 'fast'"),
    ([("", *GOOD[1:])], "warning", "no clip name"),
    ([("c0", "", *GOOD[2:])], "error", "row without a subject"),
    ([("../../secret", *GOOD[1:])], "error", "could lead out of the data root"),
    ([GOOD, GOOD], "warning", "occurs twice"),
    ([GOOD, (*GOOD[:2], "disgust", *GOOD[3:])], "error", "contradict each other"),
    ([GOOD, ("c9", *GOOD[1:])], "warning", "row without a clip folder"),
    ([("c0", "nobody", *GOOD[2:])], "error", "several places"),
    ([GOOD], "warning", "clip folder without a row"),
    ([(*GOOD[:3], 905, "", 914, 100, "")], "warning", "interval of the sheet that has no frames"),
    ([(*GOOD[:7], "maybe")], "warning", "neither yes nor no"),
    ([(*GOOD[:2], "", *GOOD[3:])], "warning", "neither emotion nor label"),
]


@pytest.mark.parametrize(("rows", "level", "says"), PROBLEMS, ids=[says for _, _, says in PROBLEMS])
def test_what_is_wrong_in_a_sheet_is_said(root, rows, level, says):
    sheet(root, *rows)
    result = scan(root, ["pilot"])
    lines = [finding for finding in result.findings if says in str(finding)]
    assert [finding.level for finding in lines] == [level], report(result)
    assert not result.index["folder"].str.contains("secret").any()


@pytest.mark.parametrize(
    "row, remedy",
    [
        (("c9", *GOOD[1:]), "Correct the clip's name in the row, or add its frames."),
        ((*GOOD[:4], 77, *GOOD[5:]), "Correct the cell; until then"),
        (GOOD, "Add a row for it"),
    ],
)
def test_advice_on_a_dataset_of_ones_own_speaks_of_no_archive(root, row, remedy):
    sheet(root, row)
    text = report(scan(root, ["pilot"]))
    assert remedy in text and "Unpack the archive" not in text and "nothing to do" not in text.lower()


def test_crops_are_known_by_the_sheet_or_by_their_names(root):
    copies.frames(root / "pilot/p9/c0", ["crop_img005.jpg", "crop_img006.jpg"])
    copies.frames(root / "pilot/p8/c0", ["microcropper5.jpg", "microcropper6.jpg"])
    rows = [
        ("c0", f"p{person}", "fear", "", "", "", "", cropped) for person, cropped in ((0, "no"), (1, "Yes"), (2, ""))
    ]
    sheet(root, *rows, *(("c0", f"p{person}", "fear", "", "", "", "", "") for person in (8, 9)))
    index = read_index(root, ["pilot"]).set_index("subject")
    assert index["cropped"].tolist() == [False, True, False, False, True]
    assert index["notes"].str.contains("named as crops").tolist() == [False, False, False, False, True]


def test_prepared_crops_are_taken_whole(root, tmp_path):
    for path in (root / "pilot/p0/c0").iterdir():
        path.rename(path.with_name(f"reg_{path.name}"))
    sheet(root, ("c0", "p0", "happiness", 5, 9, 14, 100, ""))
    samples = prepare(root, read_index(root, ["pilot"]), PrepareSettings(32), tmp_path / "cache").samples
    (clip,) = samples.index.to_dict("records")
    assert clip["face_method"] == "cropped" and "reg_img5.png), taken whole" in clip["notes"]


def test_a_missing_column_is_named_with_what_may_be_meant(root):
    sheet(root, ("c0", "p0", "happiness"), header=("clip", "subjct", "emotion"))
    result = scan(root, ["pilot"])
    assert "no column subject; its header is: clip, subjct, emotion." in report(result)
    assert "'subjct' is not known. Did you mean 'subject'?" in report(result)
    sheet(root, ("c0", "p0", "happiness"), header=("clip", "subject", "emotoin"))
    assert "'emotoin' is not known. Did you mean 'emotion'?" in report(scan(root, ["pilot"]))
    sheet(root, ("c0", "p0", 3), header=("clip", "subject", "valence"))
    assert "no column emotion or label" in report(scan(root, ["pilot"]))


def test_a_recording_of_several_expressions_without_offsets(root):
    header = ("clip", "subject", "emotion", "onset", "file")
    rows = [("a", "s0", "fear", 11, "s0.avi"), ("b", "s0", "fear", 3, "s0.avi"), ("a", "s0", "fear", 21, "s0.avi")]
    own.write_sheet(root / "CAS(ME)^2/clips.csv", rows, header)
    index = read_index(root, ["CAS(ME)^2"]).set_index("clip")
    assert index[["onset", "offset"]].T.to_dict("list") == {"a": [11, 20], "a#2": [21, 30], "b": [3, 10]}


def test_names_are_understood_or_asked_about_and_never_read_as_another_dataset(root):
    copies.casme2(root)
    (root / "CASME2").rename(root / "casme (Ⅱ)")
    (root / "pilot").rename(root / "SMIC2")
    (root / "CASME^2").mkdir()
    result = scan(root)
    assert list(result.index["dataset"].unique()) == ["CASME2", "CAS(ME)^2"]
    text = report(result)
    assert "SMIC2: The folder's name is nearly that of SMIC; not read. Rename" in text
    assert "CASME^2: The name is nearly CASME II; not read. Is it CASME II?" in text
    assert [dataset_name(name) for name in ("CASME(II)", "CAS(ME)2", "smic")] == ["CASME2", "CAS(ME)2", "SMIC"]


def test_a_clips_csv_serves_a_copy_of_the_five_in_a_layout_of_ones_own(root):
    (root / "pilot").rename(root / "CASME II")
    index = read_index(root)
    assert set(index["dataset"]) == {"CASME2", "CAS(ME)^2"}
    assert scan(root).editions["CASME2"].startswith("clips.csv")


def test_a_sheet_in_capitals_is_read_and_a_workbook_of_that_name_asked_for_as_csv(root):
    (root / "pilot/clips.csv").rename(root / "pilot/Clips.CSV")
    (root / "later").mkdir()
    (root / "later/clips.xlsx").write_bytes(b"")
    result = scan(root)
    assert len(result.index) == 18
    assert "Save the table of clips in later as clips.csv." in report(result)


def test_headers_and_words_of_other_sheets_and_files_in_other_capitals_are_understood(root):
    header = ("Clip", "Subject ID", "Estimated Emotion", "Onset Frame", "ApexFrame", "OffsetF", "FPS", "Action Units")
    lines = [header, ("c0", "p0", "Happy", "5.0", "9,0", "14", "29,97", "4R+12L")]
    text = "\n".join(";".join(line) for line in lines)
    (root / "pilot/clips.csv").write_text(text, encoding="cp1252")
    sheet_of_videos = root / "CAS(ME)^2/clips.csv"
    sheet_of_videos.write_text(sheet_of_videos.read_text().replace("s0.avi", "S0.AVI"))
    index = read_index(root)
    clip = index[index["dataset"] == "pilot"].iloc[0]
    assert clip[["label", "onset", "apex", "offset", "fps"]].tolist() == ["positive", 5, 9, 14, 29.97]
    assert clip["au_codes"] == "4R+12L" and (index["folder"] == "CAS(ME)^2/s0.avi").sum() == 3


def test_a_header_alone_and_a_video_that_is_cut_off_are_errors_said_once(root):
    sheet(root)
    video = root / "CAS(ME)^2/s0.avi"
    video.write_bytes(video.read_bytes()[:2000])
    text = report(scan(root))
    assert "error    pilot/clips.csv: It has a header and no rows. Write a row for each clip." in text
    assert text.count("s0.avi cannot be opened as a video") == 1


def test_datasets_that_are_not_there_take_one_line(root):
    text = report(scan(root))
    assert "Not there: SMIC, CASME, CASME II, SAMM, MMEW." in text and "Expected:" not in text
    assert text.endswith("18 clips, 0 with notes; 0 notes, 0 warnings, 0 errors.")
    assert "Expected:\n   SAMM/006" in report(scan(root, ["SAMM"]))


def test_other_folders_are_named(root):
    (root / "holiday").mkdir()
    assert "holiday: Folders that are not read" in report(scan(root))
