"""Recordings of several expressions: CASME's older sheet, row by row, and SMIC's long release."""

import shutil

import numpy as np
import pytest

from melib.corpus.doctor import check_frames, exit_code, report
from melib.corpus.index import class_counts, further_expressions
from melib.corpus.scan import read_index, scan
from melib.prepare.describe import clip_facts, table1
from tests.corpus import copies

# The older sheet of CASME: 197 rows of 177 recordings, 15 of them with 2 to 6 expressions; 21 rows without offset.
EMOTIONS = {"happiness": 9, "disgust": 45, "sadness": 6, "fear": 3, "surprise": 21, "contempt": 1, "repression": 40,
            "tense": 72}  # fmt: skip


def older_sheet(root):
    """Write the sheet and its frames; returns the rows: subject, clip, onset, apex, offset (None: missing), emotion."""
    rng = np.random.default_rng(0)
    counts = [6, *[2] * 14, *[1] * 162]
    counts[1] += 197 - sum(counts)
    emotions = rng.permutation([name for name, count in EMOTIONS.items() for _ in range(count)])
    open_ended = set(rng.choice(197, 21, replace=False).tolist())
    rows = []
    for recording, count in enumerate(counts):
        subject, clip, onset = 1 + recording % 19, f"EP{recording:02d}_{recording % 9}", 10
        for _ in range(count):
            number = len(rows)
            offset = onset + 8
            rows.append((subject, clip, onset, onset + 4, None if number in open_ended else offset, emotions[number]))
            names = [f"{clip}-{n}.jpg" for n in range(onset, offset + 1)]
            copies.frames(root / f"CASME/CASME_raw_selected/sub{subject:02d}/{clip}", names)
            onset += 20
    shuffled = [rows[place] for place in rng.permutation(len(rows))]
    lines = [
        (subject, clip, None, onset, apex, "\\", "\\" if offset is None else offset, None, 1.0, 2.0, "4", emotion)
        for subject, clip, onset, apex, offset, emotion in shuffled
    ]
    copies.sheet(root / "CASME/CASME-coded.xls", copies.CASME_HEADER, lines)
    return rows


@pytest.fixture(scope="module")
def casme(tmp_path_factory):
    root = tmp_path_factory.mktemp("casme")
    return root, older_sheet(root)


def test_every_row_of_casmes_older_sheet_is_a_clip_of_its_own(casme):
    root, rows = casme
    result = check_frames(scan(root))
    assert exit_code(result) == 0, report(result)
    index = result.index
    assert len(index) == index["clip_id"].nunique() == 197 and index["folder"].nunique() == 177
    found = {(row.folder.split("/")[-1], row.onset): row for row in index.itertuples()}
    for _, clip, onset, apex, _, emotion in rows:
        row = found[clip, onset]
        assert (row.apex, row.offset, row.emotion) == (apex, onset + 8, emotion)
        assert row.clip == clip if onset == 10 else row.clip == f"{clip}#{1 + (onset - 10) // 20}"
    noted = index["notes"].str.contains("offset \\ in the sheet", regex=False)
    assert noted.sum() == 21


def test_its_counts_are_said_beside_those_of_table_1(casme):
    result = scan(casme[0])
    text = report(result)
    assert "positive/negative/surprise: 9/54/21 (Table 1: 9/53/21)" in text
    assert "This is what the older sheet of 197 rows gives, row by row." in text
    assert "15 x recording of several expressions" in text


def test_an_expression_whose_frames_were_not_copied_is_left_out_not_given_those_of_others(casme, tmp_path):
    root = shutil.copytree(casme[0], tmp_path / "root")
    index = scan(root).index
    second = index[index["clip"].str.endswith("#2")].iloc[0]
    for path in (root / second["folder"]).iterdir():
        if second["onset"] <= int(path.stem.split("-")[-1]) <= second["offset"]:
            path.unlink()
    result = scan(root)
    assert set(index["clip_id"]) - set(result.index["clip_id"]) == {second["clip_id"]}
    text = report(result)
    assert f"{second['clip_id']} (30 to " in text and "has no frames in its folder; left out" in text


def long_release(root):
    """HS_long: s1_ne_01 holds three expressions; the third pair of another row is a residue before its recording."""
    copies.smic_long(root)
    header = "Subject Filename - OnsetF OffsetF Onset2F Offset2F Onset3F Offset3F - FirstF LastF TotalMF1 Emotion"
    start = copies.SMIC["s1_ne_01"]
    lines = [(1, "s1_ne_01", None, start - 9, start - 5, start, start + 6, start + 8, start + 15, None, start - 10,
              start + 21, 5, "negative")]  # fmt: skip
    for clip, emotion, pair in (("s2_po_01", "positive", (None, None)), ("s18_sur_03", "surprise", (20, 3))):
        onset = copies.SMIC[clip]
        lines.append((int(clip[1:].split("_")[0]), clip, None, onset, onset + 11, None, None, *pair, None, onset - 10,
                      onset + 21, 12, emotion))  # fmt: skip
    copies.sheet(root / "SMIC" / "SMIC-HS-E_annotation.xlsx", header, lines)


def test_smics_further_expressions_are_clips_counted_apart(tmp_path):
    long_release(tmp_path)
    index = read_index(tmp_path)
    start = copies.SMIC["s1_ne_01"]
    intervals = index.set_index("clip")[["onset", "offset"]].T.to_dict("list")
    assert intervals["s1_ne_01"] == [start - 9, start - 5]
    assert intervals["s1_ne_01#2"] == [start, start + 6]
    assert intervals["s1_ne_01#3"] == [start + 8, start + 15]
    assert intervals["s18_sur_03"] == [copies.SMIC["s18_sur_03"], copies.SMIC["s18_sur_03"] + 11]
    assert index["label"].value_counts().to_dict() == {"negative": 3, "positive": 1, "surprise": 1}
    assert further_expressions(index).sum() == 2
    assert class_counts(index).loc["SMIC"].to_dict() == {"positive": 1, "negative": 1, "surprise": 1}
    text = report(scan(tmp_path))
    assert "positive/negative/surprise: 1/1/1 (Table 1: 51/70/43)" in text
    assert "2 of them are further expressions of long recordings, counted apart: 0/2/0" in text
    assert "row 4 (s18_sur_03): 1 x second or third interval outside its recording; ignored." in text
    assert "3 rows" in text


def test_a_table_of_the_datasets_counts_them_apart_too(tmp_path):
    from melib.prepare.samples import Samples

    long_release(tmp_path)
    index = read_index(tmp_path)
    samples = Samples(index, {"x": np.zeros((len(index), 2), np.float32)})
    (row,) = table1(index, clip_facts(samples)).to_dict("records")
    assert (row["positive"], row["negative"], row["surprise"]) == (1, 1, 1)
    assert (row["clips"], row["skipped"]) == (5, 0)
