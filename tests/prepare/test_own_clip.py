"""A clip of one's own becomes the arrays that preparation makes of it in a corpus; what cannot be used is refused."""

import cv2
import numpy as np
import pytest

from melib.corpus.frames import list_frames, read_frame
from melib.corpus.index import CorpusError
from melib.corpus.scan import read_index
from melib.prepare.arrays import ARRAYS
from melib.prepare.faces import Face, FaceError
from melib.prepare.own_clip import StilledClip, make_array, open_clip
from melib.prepare.pipeline import prepare
from melib.prepare.recording import Interval, interval, open_recording
from melib.prepare.settings import PrepareError, PrepareSettings
from tests.prepare.clips import write_clip, write_video

SETTINGS = PrepareSettings(32)


@pytest.fixture(scope="module")
def one(tiny_root):
    """A clip of the tiny corpus, a row of its index."""
    index = read_index(tiny_root)
    return index[index["dataset"] == "CASME2"].iloc[:1].reset_index(drop=True)


@pytest.fixture(scope="module")
def own(tiny_root, one):
    row = one.iloc[0]
    recording = open_recording(tiny_root / row["folder"], float(row["fps"]))
    frames = Interval(int(row["onset"]), int(row["apex"]), int(row["offset"]))
    return open_clip(recording, frames, SETTINGS)


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_those_of_a_corpus(name, tiny_root, one, own, tmp_path):
    samples = prepare(tiny_root, one, SETTINGS, tmp_path, [name], workers=1).samples
    made = make_array(name, own.clip, SETTINGS)
    assert made.dtype == samples.arrays[name].dtype
    np.testing.assert_array_equal(made, samples.arrays[name])


def test_a_video_gives_the_clip_that_its_frames_give(tiny_root, one, tmp_path):
    row = one.iloc[0]
    frames = list_frames(tiny_root / row["folder"])
    images = [read_frame(path)[:160, :200] for path in frames.values()]
    video = open_recording(write_video(tmp_path / "clip.mp4", images, fps=25))
    decoded = tmp_path / "frames"
    decoded.mkdir()
    for number, image in video.stream():
        cv2.imwrite(str(decoded / f"{number}.png"), image[..., ::-1])
    folder = open_recording(decoded, fps=25)
    face = Face(20, 5, 150, 150, 0.0, "boxes")
    clips = [open_clip(recording, interval(recording, 2), SETTINGS, face) for recording in (video, folder)]
    first, second = (make_array("flow", own.clip, SETTINGS) for own in clips)
    np.testing.assert_array_equal(first, second)
    assert clips[0].clip.row["apex"] == clips[1].clip.row["apex"]
    assert clips[0].clip.row["apex_source"] == "spotted"


def faces(tiny_root, one, count):
    """A frame with the face of a clip `count` times side by side, or with none."""
    frame = read_frame(next(iter(list_frames(tiny_root / one.iloc[0]["folder"]).values())))
    return np.full_like(frame, 90) if count == 0 else np.concatenate([frame] * count, axis=1)


@pytest.mark.parametrize("count, words", [(0, "No face found in frame 1 of"), (2, "2 faces in frame 1 of")])
def test_no_face_and_two_faces_are_refused_and_a_box_helps(count, words, tiny_root, one, tmp_path):
    image = faces(tiny_root, one, count)
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image[..., ::-1])
    recording = open_recording(tmp_path, fps=25)
    with pytest.raises(FaceError, match=words) as refused:
        open_clip(recording, interval(recording, apex=2), SETTINGS)
    assert "box (x, y, w, h)" in str(refused.value)
    own = open_clip(recording, interval(recording, apex=2), SETTINGS, Face(10, 10, 60, 60, 0.0, "boxes"))
    assert own.clip.face.method == "boxes"


def test_frames_of_4k_are_taken(tiny_root, one, tmp_path):
    frames = list_frames(tiny_root / one.iloc[0]["folder"])
    for number in list(frames)[:2]:
        large = cv2.resize(read_frame(frames[number]), (3840, 2160))
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), large[..., ::-1])
    recording = open_recording(tmp_path, fps=25)
    own = open_clip(recording, interval(recording), SETTINGS)
    assert own.clip.face.w > 800
    assert make_array("flow", own.clip, SETTINGS).shape == (1, 2, 32, 32)


def test_frames_that_are_not_there_or_of_another_size_are_refused(tmp_path):
    write_clip(tmp_path / "clip")
    recording = open_recording(tmp_path / "clip", fps=100)
    for numbers, words in (((0, 3, 6), "no frame 0, which is given as the onset"),
                           ((1, 9, 12), "no frame 9, which is given as the apex")):  # fmt: skip
        with pytest.raises(CorpusError, match=words):
            open_clip(recording, Interval(*numbers), SETTINGS, cropped=True)
    cv2.imwrite(str(tmp_path / "clip" / "img4.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(PrepareError, match=r"Frame 4 is 20x20 pixels, .* a clip needs one size\. Put back"):
        open_clip(recording, interval(recording), SETTINGS, cropped=True)


def test_a_region_held_still_does_not_move_and_the_rest_does(own):
    moving = np.linalg.norm(make_array("flow", own.clip, SETTINGS)[0].astype(float), axis=0)
    whole = make_array("flow", StilledClip(own.clip, (-1, 2, -1, 2)), SETTINGS)
    assert np.abs(whole).max() < 1e-3
    nothing = make_array("flow", StilledClip(own.clip, (2, 3, 2, 3)), SETTINGS)
    np.testing.assert_array_equal(nothing, make_array("flow", own.clip, SETTINGS))
    left = np.linalg.norm(
        make_array("flow", StilledClip(own.clip, (-1, 2, -1, 0.5)), SETTINGS)[0].astype(float), axis=0
    )
    assert left[:, :12].mean() < 0.1 * moving[:, :12].mean()
    assert abs(left[:, 20:].mean() - moving[:, 20:].mean()) < 0.2 * moving[:, 20:].mean()


def test_a_region_is_held_still_in_every_frame(own):
    crops = np.stack(list(StilledClip(own.clip, (0, 0.5, -1, 2)).crops(32)))
    plain = np.stack(list(own.clip.crops(32)))
    assert (crops[:, :14] == plain[0, :14]).all()
    np.testing.assert_array_equal(crops[:, 18:], plain[:, 18:])
    assert (plain[:, :14] != plain[0, :14]).any()
