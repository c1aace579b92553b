import json

import numpy as np
import pandas as pd
import pytest

from melib.aus.openface import read_file, read_openface
from melib.aus.table import AUError, coverage
from tests.aus.files import FRAMES, INTENSITIES, PRESENCES, frame_values, one_clip, sequence, write

LANDMARKS = [f"x_{i}" for i in range(663)] + [
    "p_scale",
    "p_rx",
    "p_ry",
    "p_rz",
    "p_tx",
    "p_ty",
    "p_0",
    "p_1",
    "p_2",
    "p_3",
    "p_4",
]
CLIP = "SAMM/006/006_1_1"


def sequence_with_blanks(folder):
    write(sequence(frame_values()), folder / f"{CLIP}.csv", blank=" ")


def sequence_with_landmarks(folder):
    table = sequence(frame_values(), others=LANDMARKS)
    assert table.shape[1] == 714
    write(table, folder / f"{CLIP}.csv")


def images(folder):
    for number, (_, row) in zip(FRAMES, frame_values().iterrows(), strict=True):
        table = pd.concat(
            [pd.DataFrame({"face": [0], "confidence": [0.975]}), row.to_frame().T.reset_index(drop=True)], axis=1
        )
        write(table, folder / CLIP / f"006_{number:05d}.csv", blank=" ")


def two_faces(folder):
    passing = sequence(frame_values(seed=5), face=0, confidence=0.99).iloc[2:5]
    table = pd.concat([passing, sequence(frame_values(), face=1)]).sort_values(["frame", "face_id"])
    write(table, folder / f"{CLIP}.csv")


def failed_frames(folder):
    good, failed = sequence(frame_values()), sequence(frame_values() * 0, face=1, confidence=0.1, success=0)
    write(pd.concat([good, failed]).sort_values("frame"), folder / f"{CLIP}.csv", blank=" ")


@pytest.mark.parametrize("shape", [sequence_with_blanks, sequence_with_landmarks, images, two_faces, failed_frames])
def test_files_of_five_shapes_read_to_the_same_table(tmp_path, shape):
    shape(tmp_path)
    table = read_openface(tmp_path, one_clip(), tmp_path).table
    expected = (
        frame_values()
        .set_axis(FRAMES)
        .rename_axis("frame")
        .melt(ignore_index=False, value_name="expected")
        .reset_index()
    )
    expected["au"], expected["kind"] = expected["variable"].str[2:4].astype(int), expected["variable"].str[-1]
    expected["kind"] = expected["kind"].map({"r": "intensity", "c": "presence"})
    both = table.astype({"kind": str}).merge(expected, on=["frame", "au", "kind"], validate="1:1")
    assert len(both) == len(table) == len(FRAMES) * 35
    assert np.array_equal(both["value"], both["expected"])
    assert set(table["clip_id"]) == {CLIP} and set(table["tool"]) == {"OpenFace"}
    assert set(table["tool_version"]) == {"2 image" if shape is images else "2 sequence"}


def test_what_cannot_be_used_is_left_out_and_counted(tmp_path):
    values = frame_values()
    values.loc[1, "AU12_r"] = np.nan
    values.loc[2, "AU12_r"] = 5.3
    values.loc[3, "AU28_c"] = -1
    table = sequence(values)
    table["success"], table["confidence"] = [1, 1, 1, 1, 0, 1, 1, 1], [0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.9, 0.9]
    write(table, tmp_path / f"{CLIP}.csv")
    measured = read_openface(tmp_path, one_clip(), tmp_path)
    assert dict(zip(measured.left_out["reason"], measured.left_out["frames"], strict=True)) == {
        "tracking failed": 2, "a value is no number": 1, "a value is out of range": 2,
    }  # fmt: skip
    assert sorted(set(measured.table["frame"])) == [FRAMES[0], *FRAMES[-2:]]
    assert coverage(measured, one_clip()).loc["SAMM"].to_list() == [1, 1, 5]


def test_an_image_without_a_face(tmp_path):
    images(tmp_path)
    path = tmp_path / CLIP / "006_00014.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")
    measured = read_openface(tmp_path, one_clip(), tmp_path)
    assert measured.left_out["reason"].to_list() == ["no face found"]
    assert sorted(set(measured.table["frame"])) == [n for n in FRAMES if n != 14]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["AU12_r", "AU45_r"]), "no columns AU12_r, AU45_r: run OpenFace with -aus"),
        (
            lambda t: t.drop(columns="face_id"),
            "the header frame, timestamp, confidence, success, AU01_r is of OpenFace 0 or 1",
        ),
        (lambda t: t[INTENSITIES + PRESENCES], "is not of OpenFace 2"),
        (lambda t: t.iloc[:0].iloc[:, :0], "is not of OpenFace 2"),
    ],
)
def test_a_file_of_the_wrong_kind_says_what_it_is(tmp_path, change, message):
    write(change(sequence(frame_values())), tmp_path / "a.csv")
    with pytest.raises(AUError, match=message):
        read_file(tmp_path / "a.csv")


def test_a_line_cut_short(tmp_path):
    write(sequence(frame_values()), tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text()[:-40])
    with pytest.raises(AUError, match="cut short"):
        read_file(tmp_path / "a.csv")


def test_clips_without_a_file_are_named_and_no_clip_at_all_is_an_error(tmp_path, caplog):
    sequence_with_blanks(tmp_path)
    index = pd.concat([one_clip(), one_clip(clip_id="SMIC/s01/s1_ne_01", dataset="SMIC")], ignore_index=True)
    measured = read_openface(tmp_path, index, tmp_path)
    assert measured.left_out.to_numpy().tolist() == [["SMIC/s01/s1_ne_01", "no AU file", 0]]
    assert "SMIC has them for 0 of its 1 clips" in caplog.text
    with pytest.raises(AUError, match=r"None of 1 clips has AU data. no AU file"):
        read_openface(tmp_path, index.iloc[1:], tmp_path)
    with pytest.raises(AUError, match=r"There is no folder .*run_openface"):
        read_openface(tmp_path, index)


def test_sequences_and_images_do_not_mix(tmp_path):
    sequence_with_blanks(tmp_path)
    images(tmp_path)
    (tmp_path / CLIP).rename(tmp_path / "SAMM/006/b")
    index = pd.concat([one_clip(), one_clip(clip_id="SAMM/006/b")])
    with pytest.raises(AUError, match="do not compare"):
        read_openface(tmp_path, index, tmp_path)


def test_frames_are_those_of_the_folder_by_number(tmp_path, caplog):
    (tmp_path / "frames").mkdir()
    for number in (8, 9, 10, 11):
        (tmp_path / "frames" / f"{number}.jpg").touch()
    write(sequence(frame_values(frames=4)), tmp_path / f"{CLIP}.csv")
    index = one_clip(folder="frames")
    assert sorted(set(read_openface(tmp_path, index, tmp_path).table["frame"])) == [8, 9, 10, 11]
    assert "-fdir goes by the text" in caplog.text
    caplog.clear()
    (tmp_path / "source.json").write_text(json.dumps({"tool_version": "2.2.0", "in_order": True}))
    assert set(read_openface(tmp_path, index, tmp_path).table["tool_version"]) == {"2.2.0 sequence"}
    assert not caplog.text
    (tmp_path / "frames" / "12.jpg").touch()
    with pytest.raises(AUError, match="its number of frames is neither"):
        read_openface(tmp_path, index, tmp_path)
