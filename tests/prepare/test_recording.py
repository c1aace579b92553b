"""Recordings of one's own: what is read, what is refused and why, and that their length costs no memory."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from melib.corpus.frames import list_frames, read_frame
from melib.corpus.index import CorpusError
from melib.prepare import spot
from melib.prepare.faces import Face
from melib.prepare.recording import LONGEST_UNTIMED, interval, open_recording
from melib.prepare.settings import PrepareError
from melib.prepare.spot import find_candidates
from tests.prepare.clips import moving_texture, texture, write_clip, write_video


@pytest.fixture
def short(tmp_path):
    """One second of video."""
    return open_recording(write_video(tmp_path / "short.mp4", moving_texture([n % 4 for n in range(25)])))


@pytest.fixture
def long(tmp_path):
    """Four seconds of video."""
    return open_recording(write_video(tmp_path / "long.mp4", moving_texture([n % 4 for n in range(100)])))


def test_a_stream_gives_the_frames_that_are_read_one_by_one(short):
    frames = list_frames(short.place)
    streamed = dict(short.stream(4, 20, step=3))
    assert list(streamed) == [4, 7, 10, 13, 16, 19]
    for number, frame in streamed.items():
        np.testing.assert_array_equal(frame, read_frame(frames[number]))
    assert short.fps == 25
    assert short.numbers(7) == list(range(1, 8))
    assert short.numbers(99) == list(frames)


def test_a_folder_streams_as_a_video_does_by_its_own_numbers(tmp_path):
    write_clip(tmp_path / "clip")
    (tmp_path / "clip" / "img4.png").rename(tmp_path / "clip" / "img40.png")
    recording = open_recording(tmp_path / "clip", fps=100)
    assert [number for number, _ in recording.stream(2, step=2)] == [2, 5, 40]
    assert [number for number, _ in recording.stream(last=6)] == [1, 2, 3, 5, 6]


def write(path: Path, content: bytes = b"") -> Path:
    path.write_bytes(content)
    return path


def bad_recordings(folder: Path):
    """Places that are no recording, and words of what is said of them."""
    whole = write_video(folder / "whole.mp4", moving_texture(range(8))).read_bytes()
    one = write_video(folder / "one.mp4", moving_texture([0]))
    write_clip(folder / "still", times=(0,))
    (folder / "nothing").mkdir()
    return {
        folder / "nowhere.mp4": "There is no",
        write(folder / "notes.txt", b"x"): "no folder and no video file",
        write(folder / "empty.mp4"): "is empty",
        write(folder / "noise.mp4", bytes(range(256)) * 40): "cannot be opened as a video",
        write(folder / "cut.mp4", whole[: len(whole) // 3]): "cannot be opened as a video",
        one: "has 1 frame that can be read; motion needs two",
        folder / "still": "has 1 frame that can be read; motion needs two",
        folder / "nothing": "has no frames that can be read",
    }


def test_what_cannot_be_read_is_refused_with_a_reason(tmp_path):
    for place, words in bad_recordings(tmp_path).items():
        with pytest.raises(CorpusError, match=words) as refused:
            open_recording(place)
        assert place.name in str(refused.value)


def test_a_short_recording_is_one_clip_and_a_long_one_needs_an_onset(short, long):
    assert not short.is_long()
    assert interval(short).onset == 1 and interval(short).offset == 25 and interval(short).apex is None
    assert long.is_long()
    with pytest.raises(PrepareError, match=r"long\.mp4 would last more than 2 s.* candidates"):
        interval(long)
    with pytest.raises(PrepareError, match="more than 2 s"):
        interval(long, 1, 30, 90)


def test_a_missing_offset_mirrors_the_apex_or_lies_half_a_second_on(long):
    frames = interval(long, 10, 16)
    assert (frames.onset, frames.apex, frames.offset) == (10, 16, 22)
    assert frames.notes == ("no offset given: frame 22 taken",)
    assert interval(long, 10).offset == 22
    assert interval(long, 95, 99).offset == 100  # where the recording ends


@pytest.mark.parametrize("numbers", [(10, 5, 20), (10, 30, 20), (20, None, 10), (10, 10, 20), (200, 210, 220)])
def test_frames_in_the_wrong_order_or_beyond_the_end_are_refused(short, numbers, tmp_path):
    with pytest.raises(ValueError, match=r"the onset must come first|ends before frame 220"):
        frames = interval(short, *numbers)
        short.cut(frames.onset, frames.offset, tmp_path)


def test_without_a_frame_rate_the_length_is_counted_in_frames(tmp_path):
    write_clip(tmp_path / "many", times=[0] * (LONGEST_UNTIMED + 1), shape=(8, 8))
    with pytest.raises(PrepareError, match=r"no frame rate: give it \(fps\)"):
        interval(open_recording(tmp_path / "many"))
    with pytest.raises(PrepareError, match=r"no frame rate: give it \(fps\)"):
        find_candidates(open_recording(tmp_path / "many"))
    assert interval(open_recording(tmp_path / "many", fps=200)).offset == LONGEST_UNTIMED + 1
    with pytest.raises(PrepareError, match="fps = 0"):
        open_recording(tmp_path / "many", fps=0)


def test_an_hour_of_video_is_searched_in_bounded_memory(tmp_path, monkeypatch):
    """2 frames per second, so that the file is written fast: what is held is a few seconds of crops of 64 px."""
    images = [texture(36, 48, seed) for seed in range(5)]
    path = write_video(tmp_path / "hour.mp4", (images[n % 5] for n in range(3600 * 2)), fps=2)
    monkeypatch.setattr(spot, "find_face", lambda frame, detector: Face(4, 4, 28, 28, 0.0, "boxes"))
    monkeypatch.setattr(spot, "_motion", lambda first, second: float(abs(first[0, 0, 0] - second[0, 0, 0] * 1.0)))
    monkeypatch.setattr(spot, "blinks", lambda maps, fps: np.zeros(len(maps), bool))
    monkeypatch.setattr(spot, "motion_maps", lambda crops: crops)
    recording = open_recording(path)
    frames = []
    tracemalloc.start()
    assert recording.is_long()
    found = find_candidates(recording, progress=frames.append)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert frames[-1] == 7200
    assert found.table["seconds"].max() > 3000 or len(found.table) == spot.COUNT
    assert peak < 8e6  # all crops would be 88 MB, all frames 37 MB
