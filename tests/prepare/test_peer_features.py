"""3DHOG, Bi-WOOF and the flow of face cells against naive twins, and what a changed clip changes."""

import numpy as np
import pytest

from melib.prepare.biwoof import bi_woof
from melib.prepare.flow import optical_strain
from melib.prepare.flow_cells import APEX, cell_motion, flow_cells, placed
from melib.prepare.hog3d import hog_3d
from melib.prepare.settings import PrepareError, PrepareSettings
from tests.prepare.test_features import clip  # noqa: F401 (a fixture)


@pytest.fixture(scope="module")
def volume():
    return np.random.default_rng(0).uniform(0, 255, (7, 12, 13))


def naive_hog(volume, grid):
    """The definition, voxel by voxel."""
    smooth = np.zeros(tuple(side - 2 for side in volume.shape))
    for t, y, x in np.ndindex(smooth.shape):
        for step in np.ndindex(3, 3, 3):
            smooth[t, y, x] += np.prod([(1, 2, 1)[s] / 4 for s in step]) * volume[t + step[0], y + step[1], x + step[2]]
    inner = [side - 2 for side in smooth.shape]
    blocks = np.zeros((grid, grid, 32))
    for t, y, x in np.ndindex(*inner):
        gx = (smooth[t + 1, y + 1, x + 2] - smooth[t + 1, y + 1, x]) / 2
        gy = (smooth[t + 1, y + 2, x + 1] - smooth[t + 1, y, x + 1]) / 2
        gt = (smooth[t + 2, y + 1, x + 1] - smooth[t, y + 1, x + 1]) / 2
        first = 0
        for (a, b), bins in (((gx, gy), 8), ((gx, gt), 12), ((gy, gt), 12)):
            place = int(np.degrees(np.arctan2(b, a)) % 360 // (360 / bins))
            blocks[y * grid // inner[1], x * grid // inner[2], first + place] += np.hypot(a, b)
            first += bins
    for block in blocks.reshape(-1, 32):
        block /= np.linalg.norm(block)
        np.minimum(block, 0.2, out=block)
        block /= np.linalg.norm(block)
    return blocks.reshape(-1)


@pytest.mark.parametrize("grid", [1, 3])
def test_3dhog_equals_the_naive_twin(volume, grid):
    np.testing.assert_allclose(hog_3d(volume, grid), naive_hog(volume, grid), atol=1e-6)


def test_3dhog_does_not_see_light_and_sees_time_and_side(volume):
    plain = hog_3d(volume, 1)
    np.testing.assert_allclose(hog_3d(1.5 * volume + 20, 1), plain, atol=1e-6)
    backwards, mirrored = hog_3d(volume[::-1], 1), hog_3d(volume[..., ::-1], 1)
    np.testing.assert_allclose(backwards[:8], plain[:8], atol=1e-6)  # without time
    assert np.abs(backwards[8:] - plain[8:]).max() > 0.003
    np.testing.assert_allclose(mirrored[20:], plain[20:], atol=1e-6)  # without x
    assert np.abs(mirrored[:20] - plain[:20]).max() > 0.003
    assert (hog_3d(np.full((6, 10, 10), 7.0)) == 0).all()


def test_3dhog_of_too_little_is_refused():
    with pytest.raises(PrepareError, match="at least 5 frames and 9 rows"):
        hog_3d(np.zeros((4, 20, 20)))


def test_biwoof_equals_the_naive_twin():
    field = np.random.default_rng(0).normal(size=(2, 11, 12)).astype(np.float32)
    strain = optical_strain(field)
    expected = np.zeros((3, 3, 8))
    in_block = [[[] for _ in range(3)] for _ in range(3)]
    for y in range(11):
        for x in range(12):
            row, column = y * 3 // 11, x * 3 // 12
            degrees = np.degrees(np.arctan2(field[1, y, x], field[0, y, x])) + 180
            expected[row, column, int(degrees // 45) % 8] += np.hypot(*field[:, y, x])
            in_block[row][column].append(strain[y, x])
    expected /= expected.sum(2, keepdims=True)
    expected *= np.array([[np.mean(block) for block in row] for row in in_block])[..., None]
    np.testing.assert_allclose(bi_woof(field, 3), expected.reshape(-1), rtol=1e-4)


def test_biwoof_of_a_mirrored_field_has_its_columns_and_sides_swapped():
    field = np.random.default_rng(1).normal(size=(2, 10, 10)).astype(np.float32)
    mirrored = field[..., ::-1] * np.float32([-1, 1])[:, None, None]
    plain, turned = (bi_woof(one).reshape(5, 5, 8) for one in (field, mirrored))
    order = [3, 2, 1, 0, 7, 6, 5, 4]  # up and down stay, left and right change places
    np.testing.assert_allclose(turned, plain[:, ::-1][..., order], rtol=1e-4)
    assert (bi_woof(np.zeros((2, 10, 10), np.float32)) == 0).all()
    np.testing.assert_allclose(bi_woof(3 * field), 3 * bi_woof(field), rtol=1e-4)  # the strain's part


def test_cells_have_the_angle_and_length_of_their_mean_flow():
    field = np.random.default_rng(0).normal(size=(2, 16, 16))
    motion = cell_motion(field).reshape(8, 8, 2)
    for row, column in np.ndindex(8, 8):
        u, v = field[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean((1, 2))
        assert motion[row, column] == pytest.approx([np.arctan2(v, u), np.hypot(u, v)])


def test_the_apex_stands_in_the_middle_of_the_sequence(clip):  # noqa: F811
    sequence = flow_cells(clip, PrepareSettings())
    apex = clip.numbers.index(clip.row["apex"])
    used = np.flatnonzero(np.abs(sequence).max(1) > 0)
    assert used[0] == APEX - apex
    assert len(used) == len(clip.numbers) - 1
    assert sequence.shape == (64, 128)
    motion = sequence[used].reshape(-1, 64, 2)
    rightward = np.cos(motion[:, 27, 0]) * motion[:, 27, 1]  # a cell in the middle: to the right, then back
    assert rightward[0] > 0 > rightward[-1]


def test_what_lies_far_from_the_apex_is_left_out(clip, monkeypatch):  # noqa: F811
    monkeypatch.setattr("melib.prepare.flow_cells.APEX", 1)
    monkeypatch.setattr("melib.prepare.flow_cells.LENGTH", 3)
    whole = flow_cells(clip, PrepareSettings())
    assert whole.shape == (3, 128)
    assert np.abs(whole).max(1).min() > 0
    rows = np.ones((2, 5), np.float32)
    assert placed(rows, 1).tolist() == [[0] * 5, [1] * 5, [1] * 5]
