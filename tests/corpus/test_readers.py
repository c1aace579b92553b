"""Each dataset in each of its forms, from copies written by hand."""

import pandas as pd
import pytest

from melib.corpus import places
from melib.corpus.places import clip_key
from melib.corpus.scan import scan
from tests.corpus import copies


def read(root, dataset):
    """The index of one dataset by clip, without errors."""
    result = scan(root, [dataset])
    assert [str(finding) for finding in result.findings if finding.level == "error"] == []
    assert list(result.editions) == [dataset]
    return result.index.set_index("clip"), result.editions[dataset]


def test_clips_are_found_by_subject_and_name_however_they_are_padded():
    assert clip_key("sub01", "EP02_01f") == clip_key("1", "ep02_01F") == (1, "ep02_01f")
    assert clip_key("18", "s18_sur_03") == clip_key("", "S018_sur_03")
    assert clip_key("6", "EP01_2") != clip_key("6", "EP01_02")
    assert clip_key("", "EP02_01f") is None


def test_casme2_repeated_names_unpadded_frames_and_a_missing_apex(tmp_path):
    copies.casme2(tmp_path)
    result = scan(tmp_path)
    index = result.index.set_index("clip_id")
    assert list(index.index) == [f"CASME2/sub{subject}/{clip}" for subject, clip, *_ in copies.CASME2]
    first = index.loc["CASME2/sub01/EP02_01f"]
    assert (first["onset"], first["apex"], first["offset"], first["apex_source"]) == (46, 49, 53, "annotated")
    assert first["folder"] == "CASME2/CASME2_RAW_selected/sub01/EP02_01f"
    assert (first["subject"], first["label"], first["fps"], first["notes"]) == ("CASME2/sub01", "positive", 200, "")
    assert not first["cropped"]
    assert index.loc["CASME2/sub02/EP02_01f", "au_codes"] == "4+L10"
    assert index.loc["CASME2/sub09/EP09f", "au_codes"] == "4"
    corrected = index.loc["CASME2/sub04/EP12_01f"]
    assert (corrected["apex"], corrected["apex_source"]) == (294, "corrected")
    assert "apex / of the sheet corrected to 294" in corrected["notes"]
    assert pd.isna(index.loc["CASME2/sub09/EP09f", "label"])
    assert index.loc["CASME2/sub09/EP09f", "emotion"] == "others"


@pytest.mark.parametrize(
    ("emotion", "edition", "counts"), [("sadness", "2014", "32/72/25"), ("surprise", "2019", "32/69/28")]
)
def test_the_editions_of_casme2_give_their_published_counts(tmp_path, emotion, edition, counts):
    moved = [("EP07_01", emotion), ("EP07_04f", emotion), ("EP10_03", emotion)]
    plenty = {"happiness": 32, "disgust": 63, "sadness": 4, "fear": 2, "surprise": 25, "others": 9, "repression": 7}
    clips = [(24, clip, name) for clip, name in moved]
    clips += [(1 + n % 23, f"EP{n:02d}_{i:02d}", name) for i, name in enumerate(plenty) for n in range(plenty[name])]
    name = f"CASME2-coding-{edition}0101.xlsx"
    rows = [(f"{subject:02d}", clip, 3, 4, 5, "4", emotion) for subject, clip, emotion in clips]
    copies.casme2(tmp_path, rows, name)
    for subject, clip, *_ in rows:
        copies.frames(
            tmp_path / f"CASME2/CASME2_RAW_selected/sub{subject}/{clip}", ["img3.jpg", "img4.jpg", "img5.jpg"]
        )
    result = scan(tmp_path, ["CASME2"])
    assert result.editions["CASME2"].startswith(f"raw, selected frames, {edition} edition: {name}")
    warnings = [f.message for f in result.findings if "Table 1" in f.message]
    assert ("32/69/28 clips instead of Table 1's 32/72/25" in "".join(warnings)) == (counts == "32/69/28")
    if warnings:
        assert (
            "emotions: disgust 63, fear 2, happiness 32, others 9, repression 7, sadness 4, surprise 28" in warnings[0]
        )
    got = result.index["label"].value_counts()
    assert f"{got['positive']}/{got['negative']}/{got['surprise']}" == counts


def test_casme2_prefers_the_2014_sheet_and_selected_frames_and_tells_of_the_others(tmp_path):
    copies.casme2(tmp_path)
    copies.casme2(tmp_path, name="CASME2-coding-20190701.xlsx")
    copies.sheet(tmp_path / "CASME2/CASME2-ObjectiveClasses.xlsx", "Subject Filename Objective_Class", [])
    copies.frames(tmp_path / "CASME2/Cropped/sub01/EP02_01f", ["reg_img46.jpg"])
    result = scan(tmp_path, ["CASME2"])
    assert "2014 edition: CASME2-coding-20140508.xlsx" in result.editions["CASME2"]
    notes = {finding.where: finding for finding in result.findings if finding.level == "note"}
    assert "Also there: cropped, 1 clips; not used." in notes["CASME2/Cropped"].message
    assert "Another sheet" in notes["CASME2/CASME2-coding-20190701.xlsx"].message


def test_a_cropped_copy_is_known_by_its_folder_or_its_frames(tmp_path):
    copies.casme2(tmp_path)
    raw = tmp_path / "CASME2/CASME2_RAW_selected"
    raw.rename(tmp_path / "CASME2/Cropped-updated")
    assert read(tmp_path, "CASME2")[0]["cropped"].all()
    (tmp_path / "CASME2/Cropped-updated").rename(tmp_path / "CASME2/mine")
    assert not read(tmp_path, "CASME2")[0]["cropped"].any()
    for path in (tmp_path / "CASME2/mine").rglob("*.jpg"):
        path.rename(path.with_name("reg_" + path.name))
    assert read(tmp_path, "CASME2")[0]["cropped"].all()


def test_selected_folders_overrule_the_interval_of_the_sheet(tmp_path):
    rows = [("01", "EP02_01f", 40, 49, 60, "12", "happiness"), *copies.CASME2[1:]]
    copies.casme2(tmp_path, rows)
    clip = read(tmp_path, "CASME2")[0].iloc[0]
    assert (clip["onset"], clip["apex"], clip["offset"]) == (46, 49, 53)
    assert clip["notes"] == "onset 40 in the sheet, 46 by the frames; offset 60 in the sheet, 53 by the frames"


def test_long_recordings_keep_the_interval_of_the_sheet(tmp_path):
    copies.casme2(tmp_path)
    for subject, clip, onset, _, offset, *_ in copies.CASME2:
        folder = tmp_path / f"CASME2/CASME2_RAW_selected/sub{subject}/{clip}"
        copies.frames(folder, [f"img{n}.jpg" for n in (*range(max(onset - 5, 1), onset), offset + 1, offset + 2)])
    (tmp_path / "CASME2/CASME2_RAW_selected").rename(tmp_path / "CASME2/CASME2-RAW")
    index, edition = read(tmp_path, "CASME2")
    assert edition.startswith("raw, 2014 edition")
    assert index["onset"].tolist() == [row[2] for row in copies.CASME2]
    assert index["offset"].tolist() == [row[4] for row in copies.CASME2]
    assert not index["notes"].str.contains("by the frames").any()


def test_missing_frames_are_noted_and_a_missing_apex_frame_gives_way_to_its_neighbour(tmp_path):
    copies.casme2(tmp_path)
    (tmp_path / "CASME2/CASME2_RAW_selected/sub01/EP02_01f/img49.jpg").unlink()
    clip = read(tmp_path, "CASME2")[0].iloc[0]
    assert (clip["apex"], clip["apex_source"]) == (48, "annotated")
    assert clip["notes"] == "1 of 8 frames missing; apex frame 49 is missing, 48 is the nearest"


def test_casme_xls_padding_backslash_and_a_misspelt_emotion(tmp_path):
    copies.casme(tmp_path)
    index, edition = read(tmp_path, "CASME")
    assert edition == "raw, selected frames, CASME-coded-20190721.xls, 4 rows"
    assert index.index.tolist() == ["EP07_1", "EP12_2_11", "EP04", "EP07_1"]
    assert index["onset"].tolist() == [8, 97, 9, 120]
    assert index["subject"].tolist() == ["CASME/sub01"] * 2 + ["CASME/sub08"] * 2
    contempt = index.loc["EP04"]
    assert contempt["emotion"] == "contempt" and pd.isna(contempt["label"]) and "'comtempt'" in contempt["notes"]


def test_casme_in_two_sections_is_one_release(tmp_path):
    copies.casme(tmp_path)
    whole = read(tmp_path, "CASME")[0]
    place = tmp_path / "CASME"
    (place / "CASME-coded-20190721.xls").unlink()
    for section, subject in (("A", 1), ("B", 8)):
        folder = place / f"RAW/CASME_{section}/Section {section}"
        folder.mkdir(parents=True)
        (place / f"CASME_raw_selected/sub{subject:02d}").rename(folder / f"sub{subject:02d}")
        rows = [copies.casme_line(row) for row in copies.CASME if row[0] == subject]
        if section == "B":
            rows = [(*row[:6], "\\", *row[7:]) for row in rows]  # older sheets leave offsets open
        copies.sheet(folder / f"Section {section}.xls", copies.CASME_HEADER, rows)
    index, edition = read(tmp_path, "CASME")
    assert edition == "raw, Section A.xls and Section B.xls, 4 rows"
    same = ["clip_id", "onset", "apex", "offset", "label"]
    pd.testing.assert_frame_equal(index.reset_index()[same], whole.reset_index()[same])
    assert index["notes"].str.contains("offset \\ in the sheet, 12 by the frames", regex=False).sum() == 1


def test_a_damaged_section_sheet_is_an_error_even_where_the_other_is_sound(tmp_path):
    copies.casme(tmp_path)
    (tmp_path / "CASME/CASME-coded-20190721.xls").unlink()
    rows = [copies.casme_line(row) for row in copies.CASME if row[0] == 1]
    copies.sheet(tmp_path / "CASME/Section A.xls", copies.CASME_HEADER, rows)
    (tmp_path / "CASME/Section B.xls").write_bytes(b"cut off")
    errors = [finding for finding in scan(tmp_path, ["CASME"]).findings if finding.level == "error"]
    assert [finding.where for finding in errors] == ["CASME/Section B.xls"]


def test_a_folder_that_cannot_be_opened_is_an_error_and_no_traceback(tmp_path, monkeypatch):
    copies.casme2(tmp_path)
    open_folder = places.list_entries

    def closed(folder):
        if folder.name == "sub02":
            raise PermissionError(13, "Permission denied")
        return open_folder(folder)

    monkeypatch.setattr(places, "list_entries", closed)
    result = scan(tmp_path, ["CASME2"])
    (error,) = [finding for finding in result.findings if finding.level == "error"]
    assert error.where == "CASME2/CASME2_RAW_selected/sub02" and "Permission denied" in error.message
    assert len(result.index) == 4


def test_samm_grey_padded_frames_and_errata(tmp_path):
    copies.samm(tmp_path)
    index, edition = read(tmp_path, "SAMM")
    assert edition == "raw, SAMM_Micro_FACS_Codes_v2.xlsx, 4 rows"
    assert index["apex"].to_dict() == {"006_1_2": 564, "013_1_12": 10000, "028_4_1": 1113, "032_3_1": 4930}
    assert index["apex_source"].tolist() == ["annotated", "annotated", "corrected", "corrected"]
    assert index["label"].fillna("").tolist() == ["negative", "positive", "", ""]
    assert index["emotion"].tolist() == ["anger", "happiness", "contempt", "others"]
    assert index["subject"].iloc[0] == "SAMM/006"


def test_samm_with_and_without_preamble_give_the_same_index(tmp_path):
    copies.samm(tmp_path / "with", above=13)
    copies.samm(tmp_path / "without", above=0)
    (tmp_path / "without/SAMM/SAMM_Micro_FACS_Codes_v2.xlsx").rename(tmp_path / "without/SAMM/SAMM.xlsx")
    pd.testing.assert_frame_equal(read(tmp_path / "with", "SAMM")[0], read(tmp_path / "without", "SAMM")[0])


def test_mmew_unpadded_frames_and_a_renamed_emotion_folder(tmp_path):
    copies.mmew(tmp_path)
    index, edition = read(tmp_path, "MMEW")
    assert edition == "cropped by its owners, MMEW_Micro_Exp (20).xlsx, 3 rows"
    assert index.loc["S01-01-001", "folder"] == "MMEW/MMEW_Final/Micro_Expression/happiness/S01-01-001"
    assert index.loc["S30-07-003", "folder"].endswith("repression/S30-07-003")
    assert index["offset"].tolist() == [12, 5, 4]
    assert index["cropped"].all()


@pytest.mark.parametrize(
    ("release", "pattern", "cropped", "edition"),
    [
        ("SMIC_all_raw/HS", "image{:06d}.bmp", False, "HS, raw"),
        ("SMIC_all_cropped/HS", "reg_image{:06d}.bmp", True, "HS, cropped"),
    ],
)
def test_smic_short_needs_no_sheet(tmp_path, release, pattern, cropped, edition):
    copies.smic(tmp_path, release, pattern)
    index, found = read(tmp_path, "SMIC")
    assert found == edition
    assert index.index.tolist() == ["s1_ne_01", "s2_po_01", "s18_sur_03"]
    assert index["label"].tolist() == ["negative", "positive", "surprise"]
    assert index["onset"].tolist() == [34208, 120001, 9998]
    assert index["offset"].tolist() == [34219, 120012, 10009]
    assert index["subject"].tolist() == ["SMIC/s01", "SMIC/s02", "SMIC/s18"]
    assert index["apex"].isna().all() and index["apex_source"].isna().all() and index["au_codes"].isna().all()
    assert (index["cropped"] == cropped).all()
    assert (index["notes"] == "").all()


def test_smic_long_takes_the_interval_from_its_sheet_and_the_class_from_the_name(tmp_path):
    copies.smic_long(tmp_path)
    index, edition = read(tmp_path, "SMIC")
    assert edition == "HS_long, SMIC-HS-E_annotation.xlsx, 3 rows"
    assert index["onset"].tolist() == [34208, 120001, 9998]
    assert index["offset"].tolist() == [34219, 120012, 10009]
    assert index["label"].tolist() == ["negative", "positive", "surprise"]
    assert "emotion negative of the sheet corrected to surprise" in index.loc["s18_sur_03", "notes"]


def test_smic_short_is_preferred_to_long_and_other_cameras_are_ignored(tmp_path):
    copies.smic_long(tmp_path)
    copies.smic(tmp_path)
    copies.frames(tmp_path / "SMIC/SMIC_all_raw/VIS/s1/micro/negative/s1_ne_01", ["image1.bmp"])
    result = scan(tmp_path, ["SMIC"])
    assert result.editions == {"SMIC": "HS, raw"}
    assert result.index["folder"].str.startswith("SMIC/SMIC_all_raw/HS/").all()
    assert any("Also there: HS_long, 3 clips" in finding.message for finding in result.findings)
