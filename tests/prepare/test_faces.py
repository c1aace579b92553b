"""Faces: the crop's geometry against closed forms; detection on the demo corpus and on a real video."""

import hashlib

import cv2
import numpy as np
import pandas as pd
import pytest

from melib.corpus.frames import list_frames, read_frame
from melib.corpus.scan import read_index
from melib.prepare.faces import DETECTORS, YUNET, Face, FaceError, crop, crop_matrix, find_face, read_boxes

VIDEO = "face_video/WolfgangLanger_Pexels.mp4"


def ramp(height, width):
    """An image whose red is its x, green its y, so that a crop shows where it looked."""
    y, x = np.indices((height, width))
    return np.dstack([x, y, np.zeros_like(x)]).astype(np.uint8)


@pytest.mark.parametrize(("height", "width", "size"), [(230, 190, 224), (100, 100, 50), (120, 200, 40), (64, 64, 64)])
def test_crop_samples_where_its_matrix_says(height, width, size):
    face = Face(10, 5, 60, 50, 0, "boxes")
    out = crop(ramp(height, width), face, size).astype(float)
    matrix = crop_matrix(face, size)
    at = (np.array([size / 2, size / 2]) - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    np.testing.assert_allclose(out[size // 2, size // 2, :2], at, atol=1.0)
    np.testing.assert_allclose(np.gradient(out[..., 0], axis=1)[size // 2, 5:-5].mean(), 60 / size, rtol=0.05)
    np.testing.assert_allclose(np.gradient(out[..., 1], axis=0)[5:-5, size // 2].mean(), 60 / size, rtol=0.05)


def test_a_whole_square_frame_comes_back_unchanged():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop(image, find_face(image, cropped=True), 64), image)


def test_shrinking_averages():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    means = image.reshape(16, 4, 16, 4, 3).mean((1, 3))
    np.testing.assert_allclose(crop(image, find_face(image, cropped=True), 16), means, atol=0.51)


def test_a_tall_crop_is_padded_not_stretched():
    image = np.full((230, 190, 3), 255, np.uint8)
    cv2.circle(image, (95, 115), 60, (0, 0, 0), -1)
    dark = crop(image, find_face(image, cropped=True), 224)[..., 0] < 128
    assert abs(np.ptp(np.nonzero(dark)[0]) - np.ptp(np.nonzero(dark)[1])) <= 1


def test_roll_is_levelled():
    image = np.zeros((200, 200, 3), np.uint8)
    for x, y in ((70, 90), (130, 111)):  # the right eye lies lower: +19.3 degrees
        cv2.circle(image, (x, y), 6, (255, 255, 255), -1)
    out = crop(image, Face(40, 40, 120, 120, np.degrees(np.arctan2(21, 60)), "boxes"), 120)[..., 0]
    heights = [np.nonzero(half > 128)[0].mean() for half in (out[:, :60], out[:, 60:])]
    assert abs(heights[0] - heights[1]) < 0.3


def test_no_face_is_an_error_that_tells_what_to_do():
    with pytest.raises(FaceError, match="boxes CSV"):
        find_face(np.full((200, 300, 3), 128, np.uint8))
    with pytest.raises(FaceError, match=r"outside the 300x200 frame.* Correct x, y, w and h in the boxes CSV"):
        find_face(np.zeros((200, 300, 3), np.uint8), box=Face(400, 0, 10, 10, 0, "boxes"))


def test_the_users_box_comes_first():
    box = Face(10, 5, 60, 50, 0, "boxes")
    assert find_face(np.zeros((100, 100, 3), np.uint8), cropped=True, box=box) == box


def test_yunet_takes_the_largest_face_and_its_roll(monkeypatch):
    class Detector:
        def detect(self, image):
            assert image.shape == (320, 320, 3)  # a frame of 640 px is halved
            small, large, button = np.zeros(15), np.zeros(15), np.zeros(15)
            small[:4], large[:8], button[:4] = (0, 0, 60, 60), (50, 40, 80, 100, 110, 90, 70, 70), (0, 0, 20, 20)
            return 1, np.array([small, large, button], np.float32)

    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Detector())
    face = find_face(np.zeros((640, 640, 3), np.uint8))
    assert face.method == "yunet" and face.others == 1
    assert face.angle == pytest.approx(np.degrees(np.arctan2(20, 40)))
    assert (face.x + face.w / 2, face.y + face.h / 2) == pytest.approx((180, 180))
    assert face.w == pytest.approx(1.1 * 200)


def test_the_yunet_file_is_the_one_that_its_page_names():
    page = (YUNET.parent / "README.md").read_text()
    content = YUNET.read_bytes()
    assert hashlib.sha256(content).hexdigest() in page and f"{len(content):,} bytes" in page


def test_where_yunet_sees_nothing_haar_is_asked(monkeypatch, tiny_root):
    clip = next(clip for clip in read_index(tiny_root).itertuples() if not clip.cropped)
    frame = read_frame(list_frames(tiny_root / clip.folder)[clip.onset])
    assert find_face(frame).method == "yunet"
    monkeypatch.setattr("melib.prepare.faces._yunet_face", lambda image: None)
    assert find_face(frame).method in ("haar", "haar_lenient")


def haar_boxes(monkeypatch, boxes, eyes):
    """Let the cascade for faces see `boxes` at the working size, and that for eyes a level pair or none."""

    def detect(name, gray, scale, neighbours, smallest):
        if name == "frontalface_default":
            return boxes
        side = gray.shape[1]
        return [(int(0.2 * side), 5, side // 6, side // 6), (int(0.65 * side), 5, side // 6, side // 6)] if eyes else []

    monkeypatch.setattr("melib.prepare.faces._detect", detect)


@pytest.mark.parametrize(
    ("side", "eyes", "method"), [(100, False, "whole"), (100, True, "haar"), (130, False, "haar"), (45, False, "whole")]
)
def test_a_haar_box_counts_with_a_pair_of_eyes_or_from_half_the_frame_up(monkeypatch, side, eyes, method):
    haar_boxes(monkeypatch, [(60, 50, side, side)], eyes)
    face = find_face(np.zeros((240, 240, 3), np.uint8), detector="haar")
    assert face.method == method
    assert (face.w, face.h) == ((240, 240) if method == "whole" else pytest.approx((1.1 * side, 1.1 * side)))


def test_boxes_csv(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("clip_id,x,y,w,h\nSMIC/s1/a,1,2,30,40\n")
    assert read_boxes(path) == {"SMIC/s1/a": Face(1, 2, 30, 40, 0, "boxes")}
    path.write_text("clip_id,x,y,w,h\nSMIC/s1/a,1,2,0,40\n")
    with pytest.raises(FaceError, match=r"no usable box for .* Correct these rows"):
        read_boxes(path)
    path.write_text("clip_id,x,y\nSMIC/s1/a,1,2\n")
    with pytest.raises(FaceError, match=r"lacks \['w', 'h'\]; .* Name its columns clip_id, x, y, w, h"):
        read_boxes(path)


@pytest.mark.parametrize("detector", DETECTORS)
def test_demo_faces_are_found_where_they_are(tiny_root, detector):
    truth = pd.read_parquet(tiny_root / "ground_truth" / "clips.parquet").set_index("folder")
    index = read_index(tiny_root)
    open_ones = index[~index["cropped"]]
    hits = []
    for clip in open_ones.itertuples():
        frames = list_frames(tiny_root / clip.folder)
        box = truth.loc[clip.folder]
        try:
            face = find_face(read_frame(frames[clip.onset]), detector=detector)
        except FaceError:
            hits.append(False)
            continue
        dx = face.x + face.w / 2 - (box.face_x + box.face_w / 2)
        dy = face.y + face.h / 2 - (box.face_y + box.face_h / 2)
        hits.append(np.hypot(dx, dy) < 0.25 * box.face_w and 0.7 < face.w / box.face_w < 1.6)
    assert np.mean(hits) >= 0.99, open_ones["clip_id"][~np.array(hits)].tolist()


@pytest.mark.parametrize("detector", DETECTORS)
def test_no_patch_of_skin_in_a_tight_crop_is_taken_for_the_face(tiny_root, detector):
    """131 crops of 28 to 280 px, each with a patch of brighter skin: the face, the whole frame, or an error."""
    rng = np.random.default_rng(0)
    truth = pd.read_parquet(tiny_root / "ground_truth" / "clips.parquet").set_index("folder")
    index = read_index(tiny_root)
    taken = 0
    for clip in pd.concat([index, index]).iloc[:131].itertuples():
        frame = read_frame(next(iter(list_frames(tiny_root / clip.folder).values())))
        box = truth.loc[clip.folder].filter(like="face_").astype(int).clip(lower=0)
        tight = frame[box["face_y"] : box["face_y"] + box["face_h"], box["face_x"] : box["face_x"] + box["face_w"]]
        side = int(rng.integers(28, 281))
        tight = cv2.resize(tight, (side, round(side * len(tight) / tight.shape[1])), interpolation=cv2.INTER_AREA)
        radius = int(0.15 * side)
        centre = [int(rng.integers(radius, length - radius)) for length in tight.shape[1::-1]]
        skin = np.clip(1.15 * tight.reshape(-1, 3).mean(0), 0, 255)
        cv2.ellipse(tight, centre, (radius, int(1.2 * radius)), 0, 0, 360, skin.tolist(), -1)
        try:
            face = find_face(tight, detector=detector)
        except FaceError:
            continue
        taken += 1
        assert face.w > {"yunet": 0.8, "haar": 0.5}[detector] * side, (clip.clip_id, side, face)  # the patch: .3
    assert taken > 100


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_real_face_is_found_in_every_fifth_frame(real_data, detector):
    video, faces = cv2.VideoCapture(str(real_data / VIDEO)), []
    for number in range(472):
        good, frame = video.read()
        assert good
        if number % 5 == 0:
            faces.append(find_face(np.ascontiguousarray(frame[..., ::-1]), detector=detector))
    assert len(faces) == 95
    # Looked at by hand: her nose stays in this part of the 640x360 picture, her face about 200-260 px wide.
    for face in faces:
        assert 370 < face.x + face.w / 2 < 510 and 130 < face.y + face.h / 2 < 240, face
        assert 250 < face.w < {"yunet": 370, "haar": 340}[detector] and abs(face.angle) < 30, face
