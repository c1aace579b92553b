import numpy as np
import pytest
from PIL import Image

from melib.corpus.frames import list_folder, list_frames, read_frame
from melib.corpus.index import CorpusError
from tests.corpus import copies


def test_frames_are_numbered_by_the_last_digit_group_and_sorted_by_number(tmp_path):
    copies.frames(tmp_path, ["EP12_2_11-9.jpg", "EP12_2_11-10.JPEG", "reg_EP12_2_11-0100.png", "Image000011.BMP"])
    assert list(list_frames(tmp_path)) == [9, 10, 11, 100]
    assert list_frames(tmp_path)[10].name == "EP12_2_11-10.JPEG"


def test_only_numbered_images_count_as_frames(tmp_path):
    copies.frames(tmp_path, ["img1.jpg", "Thumbs.db", ".DS_Store", "._img2.jpg", "notes3.txt", "cover.jpg"])
    frames, others = list_folder(tmp_path)
    assert list(frames) == [1]
    assert others == ["Thumbs.db", "cover.jpg", "notes3.txt"]


def test_two_files_with_one_number_are_refused(tmp_path):
    copies.frames(tmp_path, ["img7.jpg", "img007.jpg"])
    with pytest.raises(CorpusError, match=r"img0*7\.jpg and img0*7\.jpg both carry frame number 7"):
        list_frames(tmp_path)


@pytest.mark.parametrize(("suffix", "mode"), [("jpg", "L"), ("jpg", "RGB"), ("bmp", "RGB"), ("bmp", "L"), ("png", "P")])
def test_every_kind_of_frame_reads_as_rgb(tmp_path, suffix, mode):
    colour = Image.new("RGB", (8, 6), (200, 100, 50)).convert(mode)
    colour.save(tmp_path / f"a.{suffix}")
    frame = read_frame(tmp_path / f"a.{suffix}")
    expected = np.asarray(colour.convert("RGB")).astype(int)
    assert frame.shape == (6, 8, 3) and frame.dtype == np.uint8
    assert np.abs(frame.astype(int) - expected).max() <= 3


def test_a_frame_that_does_not_decode_names_the_file(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "img1.jpg")
    whole = (tmp_path / "img1.jpg").read_bytes()
    for content in (b"", b"no image", whole[: len(whole) // 2]):
        (tmp_path / "img1.jpg").write_bytes(content)
        with pytest.raises(CorpusError, match=r"img1\.jpg cannot be decoded .* Unpack"):
            read_frame(tmp_path / "img1.jpg")
    with pytest.raises(CorpusError, match=r"img2\.jpg"):
        read_frame(tmp_path / "img2.jpg")
