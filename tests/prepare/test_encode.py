"""Encodings against numbers worked out by hand and naive twins."""

import colorsys

import numpy as np
import pytest
import torch

from melib.prepare.encode import ENCODINGS, MOTION_LIMIT, STRAIN_LIMIT, encode, flip_flow, strain


def field(u, v, size=16):
    y, x = np.indices((size, size))
    return torch.tensor(np.stack([u(x, y) + 0.0 * x, v(x, y) + 0.0 * x]), dtype=torch.float32)[None]


def test_strain_of_linear_fields():
    stretch = strain(field(lambda x, y: 0.03 * x, lambda x, y: -0.02 * y))
    torch.testing.assert_close(stretch, torch.full_like(stretch, np.sqrt(0.03**2 + 0.02**2)))
    shear = strain(field(lambda x, y: 0.04 * y, lambda x, y: 0.02 * x))
    torch.testing.assert_close(shear, torch.full_like(shear, np.sqrt(0.06**2 / 2)))
    turn = strain(field(lambda x, y: -0.05 * y, lambda x, y: 0.05 * x))
    torch.testing.assert_close(turn, torch.zeros_like(turn), atol=1e-6, rtol=0)


def test_strain_equals_numpy():
    flow = np.random.default_rng(0).normal(size=(3, 2, 12, 12)).astype(np.float32)
    for one, found in zip(flow, strain(torch.from_numpy(flow)), strict=True):
        (uy, ux), (vy, vx) = np.gradient(one[0]), np.gradient(one[1])
        np.testing.assert_allclose(found, np.sqrt(ux**2 + vy**2 + (uy + vx) ** 2 / 2), rtol=1e-5)


@pytest.mark.parametrize("size", [32, 224])
def test_uvs_is_the_same_share_of_the_face_at_every_size(size):
    flow = torch.zeros(1, 2, size, size)
    flow[:, 0], flow[:, 1] = 1.5 / 224 * size, -6 / 224 * size
    image = encode(flow, "uvs")
    assert image[0, 0].eq(image[0, 0, 0, 0]).all() and image[0, 0, 0, 0].item() == pytest.approx(0.5)
    assert (image[0, 1] == -1).all() and (image[0, 2] == 0).all()


def test_uvs_scales_strain_by_its_limit():
    image = encode(field(lambda x, y: 0.4 * STRAIN_LIMIT * x, lambda x, y: 0), "uvs")
    torch.testing.assert_close(image[:, 2], torch.full_like(image[:, 2], 0.4))


def test_minmax_stretches_each_channel_and_leaves_a_constant_at_zero():
    image = encode(field(lambda x, y: x * y, lambda x, y: 2), "minmax")
    assert image[0, 0].min() == -1 and image[0, 0].max() == 1 and (image[0, 1] == 0).all()


def test_wheel_equals_colorsys():
    flow = np.random.default_rng(0).normal(scale=0.5, size=(1, 2, 8, 8)).astype(np.float32)
    image = (encode(torch.from_numpy(flow), "wheel")[0].permute(1, 2, 0).numpy() + 1) / 2
    for y in range(8):
        for x in range(8):
            u, v = flow[0, :, y, x]
            value = min(1, np.hypot(u, v) / (MOTION_LIMIT * 8))
            hue = np.arctan2(v, u) / (2 * np.pi) % 1
            np.testing.assert_allclose(image[y, x], colorsys.hsv_to_rgb(hue, 1, value), atol=1e-5)


@pytest.mark.parametrize("name", ENCODINGS)
def test_encodings_keep_the_contract(name):
    image = encode(torch.randn(3, 2, 24, 24, dtype=torch.float16) * 5, name)
    assert image.shape == (3, 3, 24, 24) and image.dtype == torch.float32
    assert torch.isfinite(image).all() and image.abs().max() <= 1


def test_flip_turns_the_direction_of_x():
    flow = torch.zeros(1, 2, 4, 4)
    flow[0, :, 1, 0] = torch.tensor([2.0, 3.0])
    flipped = flip_flow(flow)
    assert flipped[0, :, 1, 3].tolist() == [-2, 3] and flipped.abs().sum() == 5
    torch.testing.assert_close(flip_flow(flipped), flow)


def test_wrong_names_and_shapes_are_refused():
    with pytest.raises(ValueError, match="uvs"):
        encode(torch.zeros(1, 2, 4, 4), "usv")
    with pytest.raises(ValueError, match="expected"):
        encode(torch.zeros(2, 4, 4))
