"""LBP-TOP, HOOF, temporal interpolation and flow images against naive twins, and what a changed clip changes."""

import cv2
import numpy as np
import pytest
import torch

from melib.corpus.frames import read_frame
from melib.prepare.arrays import ARRAYS, KINDS
from melib.prepare.clip import Clip
from melib.prepare.encode import strain
from melib.prepare.flow import optical_strain
from melib.prepare.hoof import hoof, oriented_histograms
from melib.prepare.lbptop import UNIFORM, grey_volume, lbp_top
from melib.prepare.pair import flow_image, flow_parts
from melib.prepare.settings import PrepareError, PrepareSettings
from melib.prepare.tim import evenly, interpolate
from tests.prepare.clips import row, write_clip


@pytest.fixture(scope="module")
def volume():
    return np.random.default_rng(0).integers(0, 256, (9, 16, 18)).astype(float)


def naive_uniform(pattern):
    """The bin of a pattern: its place among those with at most two changes around the circle, else 58."""

    def changes(p):
        bits = [p >> k & 1 for k in range(8)]
        return sum(bits[k] != bits[k - 1] for k in range(8))

    uniform = [p for p in range(256) if changes(p) <= 2]
    return uniform.index(pattern) if pattern in uniform else len(uniform)


def naive_lbp_top(volume, grid, radii):
    """The definition, voxel by voxel: three planes, a histogram a block and plane."""
    rx, ry, rt = radii
    frames, height, width = volume.shape
    inner = (frames - 2 * rt, height - 2 * ry, width - 2 * rx)
    histograms = np.zeros((grid, grid, 3, 59))

    def read(t, y, x):
        value = 0.0
        for place, axis in ((t, 0), (y, 1), (x, 2)):
            assert -1e-9 <= place <= volume.shape[axis] - 1 + 1e-9
        low = [int(np.floor(round(place, 9))) for place in (t, y, x)]
        part = [round(place, 9) - base for place, base in zip((t, y, x), low, strict=True)]
        for corner in range(8):
            step = [corner >> axis & 1 for axis in range(3)]
            weight = np.prod([p if s else 1 - p for p, s in zip(part, step, strict=True)])
            if weight:
                value += weight * volume[tuple(base + s for base, s in zip(low, step, strict=True))]
        return value

    for t in range(inner[0]):
        for y in range(inner[1]):
            for x in range(inner[2]):
                at = t + rt, y + ry, x + rx
                for plane in range(3):
                    pattern = 0
                    for bit in range(8):
                        cosine, sine = np.cos(bit * np.pi / 4), -np.sin(bit * np.pi / 4)
                        step = {
                            0: (0, ry * sine, rx * cosine),
                            1: (rt * sine, 0, rx * cosine),
                            2: (rt * sine, ry * cosine, 0),
                        }
                        neighbour = read(*np.add(at, step[plane]))
                        pattern |= (neighbour >= volume[at] - 1e-6) << bit
                    histograms[y * grid // inner[1], x * grid // inner[2], plane, naive_uniform(pattern)] += 1
    return (histograms / histograms.sum(-1, keepdims=True)).reshape(-1)


@pytest.mark.parametrize(("grid", "radii"), [(1, (3, 3, 3)), (2, (1, 2, 3)), (3, (1, 1, 4))])
def test_lbptop_equals_the_naive_twin(volume, grid, radii):
    np.testing.assert_allclose(lbp_top(volume, (grid,), radii), naive_lbp_top(volume, grid, radii), atol=1e-6)


def test_uniform_patterns_are_58_and_the_rest():
    assert [UNIFORM[p] for p in range(256)] == [naive_uniform(p) for p in range(256)]
    assert UNIFORM.max() == 58 and (UNIFORM == 58).sum() == 256 - 58


def test_blocks_lie_one_grid_behind_the_other_and_every_plane_sums_to_one():
    volume = np.random.default_rng(1).uniform(0, 255, (10, 40, 40))
    both = lbp_top(volume, (1, 2, 4, 8))
    assert both.shape == ARRAYS["lbptop_85"].shape and both.dtype == np.float32
    np.testing.assert_allclose(both.reshape(85, 3, 59).sum(-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(both[:177], lbp_top(volume))
    np.testing.assert_array_equal(both[177 : 5 * 177], lbp_top(volume, (2,)))


def test_light_changes_no_pattern_and_time_reversed_keeps_the_plane_without_time(volume):
    plain = lbp_top(volume).reshape(3, 59)
    np.testing.assert_array_equal(lbp_top(1.5 * volume + 20).reshape(3, 59), plain)
    reversed_ = lbp_top(volume[::-1]).reshape(3, 59)
    np.testing.assert_array_equal(reversed_[0], plain[0])
    assert np.abs(reversed_[1:] - plain[1:]).max() > 0.005
    mirrored = lbp_top(volume[:, :, ::-1]).reshape(3, 59)
    np.testing.assert_array_equal(mirrored[2], plain[2])  # YT does not know left from right
    assert np.abs(mirrored[0] - plain[0]).max() > 0.005


def test_flat_skin_has_one_pattern_whatever_its_grey():
    for grey in (0, 77.3, 255):
        planes = lbp_top(np.full((10, 20, 20), grey)).reshape(3, 59)
        assert (planes[:, UNIFORM[255]] == 1).all()


def test_too_few_frames_or_pixels_for_a_radius_are_refused():
    with pytest.raises(PrepareError, match=r"at least \(7, 7, 7\)"):
        lbp_top(np.zeros((6, 20, 20)))
    with pytest.raises(PrepareError, match="smaller radii"):
        lbp_top(np.zeros((10, 12, 12)), grids=(8,))


def published_tim(frames, length):
    """As Zhou et al. write it: singular vectors, the map to the eigenvectors of the path graph, and back."""
    n = len(frames)
    columns = frames.reshape(n, -1).T.astype(float)
    mean = columns.mean(1, keepdims=True)
    left, values, right = np.linalg.svd(columns - mean, full_matrices=False)
    left, coordinates = left[:, : n - 1], (values[:, None] * right)[: n - 1]

    def curve(t):
        return np.array([np.sin(np.pi * k * t + np.pi * (n - k) / (2 * n)) for k in range(1, n)])

    given = np.stack([curve(i / n) for i in range(1, n + 1)], axis=1)
    back = coordinates @ np.linalg.pinv(given)
    times = 1 / n + (1 - 1 / n) * np.arange(length) / (length - 1)
    made = left @ back @ np.stack([curve(t) for t in times], axis=1) + mean
    return made.T.reshape(length, *frames.shape[1:])


@pytest.mark.parametrize(("given", "length"), [(5, 10), (12, 10), (2, 4), (30, 10)])
def test_tim_equals_the_published_way_by_singular_vectors(given, length):
    frames = np.random.default_rng(given).uniform(0, 255, (given, 6, 7))
    np.testing.assert_allclose(interpolate(frames, length), published_tim(frames, length), atol=1e-8)


def test_tim_keeps_the_ends_and_as_many_frames_as_they_are():
    frames = np.random.default_rng(0).uniform(0, 255, (7, 4, 4))
    np.testing.assert_allclose(interpolate(frames, 7), frames, atol=1e-9)
    np.testing.assert_allclose(interpolate(frames, 11)[[0, -1]], frames[[0, -1]], atol=1e-9)
    still = np.repeat(frames[:1], 5, axis=0)  # not linearly independent
    np.testing.assert_allclose(interpolate(still, 10), np.repeat(frames[:1], 10, axis=0), atol=1e-9)
    with pytest.raises(ValueError, match="at least two"):
        interpolate(frames[:1], 10)


def test_frames_are_chosen_evenly():
    assert evenly(5, 3) == [0, 2, 4] and evenly(2, 4) == [0, 0, 1, 1] and evenly(16, 16) == list(range(16))


def test_oriented_histograms_equal_the_naive_twin():
    fields = np.random.default_rng(0).normal(size=(2, 2, 6, 5))
    expected = np.zeros((2, 8))
    for n in range(2):
        for y in range(6):
            for x in range(5):
                u, v = fields[n, :, y, x]
                degrees = np.degrees(np.arctan2(v, u)) % 360
                expected[n, int(degrees // 45)] += np.hypot(u, v)
    np.testing.assert_allclose(oriented_histograms(fields), expected / expected.sum(1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(oriented_histograms(np.zeros((1, 2, 4, 4))), np.full((1, 8), 0.125, np.float32))
    right = np.zeros((1, 2, 4, 4))
    right[0, 0] = 2.0
    assert oriented_histograms(right)[0].tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A clip whose middle moves to the right and back."""
    root = tmp_path_factory.mktemp("features")
    write_clip(root / "c", seed=3)
    entry = row("SAMM", 1, folder="c") | {f"face_{name}": value for name, value in FACE.items()}
    return Clip(root, entry)


FACE = {"x": 0.0, "y": 0.0, "w": 60.0, "h": 70.0, "angle": 0.0, "method": "cropped"}


def test_hoof_sees_motion_to_the_right_and_back(clip):
    shares = hoof(clip, PrepareSettings()).reshape(8, 9)
    np.testing.assert_allclose(shares.sum(0), 1, rtol=1e-5)
    rightward = shares[0] + shares[7]
    assert (rightward[:4] > 0.7).all() and (rightward[-3:] < 0.3).all()


def test_a_mirrored_field_swaps_left_and_right_and_a_reversed_one_turns_half_around():
    fields = np.random.default_rng(3).normal(size=(2, 2, 9, 8))
    plain = oriented_histograms(fields)
    mirrored = fields[..., ::-1] * np.array([-1, 1])[:, None, None]
    np.testing.assert_allclose(oriented_histograms(mirrored), plain[:, [3, 2, 1, 0, 7, 6, 5, 4]], rtol=1e-6)
    np.testing.assert_allclose(oriented_histograms(-fields), np.roll(plain, 4, axis=1), rtol=1e-6)
    np.testing.assert_allclose(oriented_histograms(7 * fields), plain, rtol=1e-6)  # shares, not lengths


def test_a_changed_clip_changes_its_hoof_as_it_must_and_nothing_else(clip, monkeypatch):
    """Mirrored, it moves to the left; backwards, it begins where it ended; other light makes no motion."""
    volume = grey_volume(clip, 112, 10)

    def rightward(changed):
        monkeypatch.setattr("melib.prepare.hoof.grey_volume", lambda *_: changed)
        shares = hoof(clip, PrepareSettings()).reshape(8, 9)
        np.testing.assert_allclose(shares.sum(0), 1, rtol=1e-5)
        return shares[0] + shares[7]

    plain = rightward(volume)
    np.testing.assert_allclose(rightward(0.8 * volume + 20), plain, atol=0.05)
    assert (rightward(volume[..., ::-1])[:4] < 0.3).all() and (rightward(volume[..., ::-1])[-3:] > 0.7).all()
    backwards = rightward(volume[::-1])
    assert (backwards[:3] > 0.7).all() and (
        backwards[-4:] < 0.3
    ).all()  # what was left at the end is right at the start


def test_frames_of_a_clip_are_read_one_by_one_as_they_are_asked_for(clip, monkeypatch):
    read = []
    monkeypatch.setattr("melib.prepare.clip.read_frame", lambda path: read.append(path) or read_frame(path))
    crops = clip.crops(112)
    next(crops)
    assert read == []  # the first is there already
    for count in (1, 2):
        next(crops)
        assert len(read) == count


def test_the_volume_of_a_feature_begins_with_the_clips_first_frame(clip):
    volume = grey_volume(clip, 112, 10)
    assert volume.shape == (10, 112, 112)
    first = cv2.cvtColor(next(clip.crops(112)), cv2.COLOR_RGB2GRAY)
    np.testing.assert_allclose(volume[0], first, atol=1e-6)


def test_numpy_strain_equals_that_of_the_encoding():
    field = np.random.default_rng(0).normal(size=(2, 12, 13)).astype(np.float32)
    np.testing.assert_allclose(optical_strain(field), strain(torch.from_numpy(field)[None])[0], rtol=1e-4, atol=1e-5)


def test_a_flow_image_is_u_v_and_strain_stretched_in_each_clip(clip):
    settings = PrepareSettings(32)
    parts = flow_parts(clip, settings)
    image = flow_image([parts], settings)[0]
    assert image.shape == (28, 28, 3) and (image.min((0, 1)) == 0).all() and (image.max((0, 1)) == 255).all()
    for channel, field in enumerate((*parts[0], optical_strain(parts[0]))):
        plain = field.reshape(28, 8, 28, 8).mean((1, 3))
        low, high = plain.min(), plain.max()
        np.testing.assert_allclose(image[..., channel], 255 * (plain - low) / (high - low), atol=0.51)
    still = flow_image([(np.zeros((2, 224, 224), np.float32),)], settings)[0]
    assert (still == 128).all()


def test_every_registered_array_is_made_in_its_shape_and_type(clip):
    settings = PrepareSettings(32)
    for name, array in ARRAYS.items():
        part = array.load()(clip, settings, **array.options)
        finish = array.load_block()
        values = finish([part], settings)[0] if finish else part
        assert np.shape(values) == array.shape_at(32), name
        assert len(np.shape(values)) + 1 == KINDS[array.kind].axes, name
        if not finish:
            assert values.dtype == array.dtype, name
