"""Candidates of a long recording: a brief motion is found, a head that moves on is not."""

import numpy as np
import pytest

from melib.prepare import spot
from melib.prepare.faces import Face, FaceError
from melib.prepare.recording import open_recording
from melib.prepare.spot import find_candidates
from tests.prepare.clips import bump, texture, write_video

BRIEF = {60: 1.0, 61: 2.0, 62: 2.4, 63: 2.0, 64: 1.0}  # pixels of a face 100 wide, by frame


@pytest.fixture
def as_face(monkeypatch):
    """Any frame shows one face in its middle."""
    monkeypatch.setattr(spot, "find_face", lambda frame, detector: Face(20, 20, 100, 100, 0.0, "boxes"))


def test_a_brief_motion_comes_first_at_its_apex(tmp_path, as_face):
    image = texture(140, 140)
    frames = (bump(image, BRIEF.get(number, 0.0)) for number in range(1, 91))
    found = find_candidates(open_recording(write_video(tmp_path / "brief.mp4", frames))).table
    first = found.iloc[0]
    assert abs(first["apex"] - 62) <= 1
    assert first["onset"] == first["apex"] - 6 and first["offset"] == first["apex"] + 6
    assert first["seconds"] == pytest.approx(first["apex"] / 25)
    assert (found["contrast"].diff().dropna() <= 0).all()
    assert len(found) == 1 or found["contrast"].iloc[1] < 0.3 * first["contrast"]


def test_a_motion_that_goes_on_has_no_contrast(tmp_path, as_face):
    image = texture(140, 140)
    frames = (bump(image, 0.05 * number) for number in range(1, 61))
    found = find_candidates(open_recording(write_video(tmp_path / "slow.mp4", frames))).table
    assert found.empty or found["contrast"].max() < 0.1


def test_contrast_is_the_mean_motion_to_both_sides_less_that_between_them(monkeypatch):
    """On numbers in place of crops, whose motion is their distance: a closed form."""
    monkeypatch.setattr(spot, "_motion", lambda first, second: abs(first - second) * spot.SPOT_SIZE / 100)
    monkeypatch.setattr(spot, "blinks", lambda maps, rate: np.zeros(len(maps), bool))
    monkeypatch.setattr(spot, "motion_maps", np.asarray)
    blocks = spot._Blocks("yunet", half=2, length=9)
    blocks._measure(list(range(10, 19)), [0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 4.0, 8.0])
    rows = {row["number"]: row["contrast"] for row in blocks.rows}
    assert rows[14] == pytest.approx(3)  # (3 + 3) / 2 - 0
    assert rows[12] == pytest.approx((0 + 3) / 2 - 3)
    assert rows[16] == pytest.approx((3 + 8) / 2 - 5)
    assert list(rows) == [12, 13, 14, 15, 16]


def test_candidates_lie_apart_and_stretches_without_a_face_are_told(tmp_path, monkeypatch):
    image = texture(140, 140)
    times = {number: 2.0 for start in (20, 90, 95) for number in range(start, start + 4)}
    frames = [bump(image, times.get(number, 0.0)) for number in range(1, 151)]
    seen = []

    def face_in_turn(frame, detector):
        seen.append(frame)
        if len(seen) == 2:
            raise FaceError("none")
        return Face(20, 20, 100, 100, 0.0, "boxes", others=len(seen) == 3)

    monkeypatch.setattr(spot, "find_face", face_in_turn)
    found = find_candidates(open_recording(write_video(tmp_path / "two.mp4", frames)))
    assert all(abs(a - b) > 6 for i, a in enumerate(found.table["apex"]) for b in found.table["apex"][i + 1 :])
    assert found.notes[0] == "no face in 1 of 3 stretches"
    assert "more than one face in 1 stretches" in found.notes[1]


def test_a_recording_without_any_face_is_refused(tmp_path):
    video = write_video(tmp_path / "wall.mp4", (np.full((96, 96, 3), 90 + n % 2, np.uint8) for n in range(60)))
    with pytest.raises(FaceError, match=r"No face found in wall\.mp4"):
        find_candidates(open_recording(video))
