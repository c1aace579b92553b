import cv2
import numpy as np
import pytest
import torch

from melib.gan.networks import Critic, Generator, blend, compose, draw_weights, move, resize
from melib.gan.train import au_fields, gradient_penalty, total_variation


def parameters(network) -> int:
    return sum(p.numel() for p in network.parameters())


def test_as_many_parameters_as_the_published_networks():
    assert parameters(Generator(64, "plain")) == 8_467_584
    assert parameters(Generator(64, "affine")) == 8_471_296
    assert parameters(Critic(128, 64)) == pytest.approx(44.86e6, rel=1e-3)


@pytest.mark.parametrize("side, norm, moves", [(64, "plain", False), (128, "affine", False), (64, "none", True)])
def test_shapes_at_every_size_and_with_a_batch_of_one(side, norm, moves):
    image, aus = torch.rand(1, 3, side, side) * 2 - 1, torch.rand(1, 17)
    colour, logits = Generator(2, norm, side if moves else None)(image, aus)
    assert colour.shape == (1, 2 if moves else 3, side, side)
    assert logits.shape == (1, 1, side, side)
    real, read = Critic(side, 2, moves)(image, image)
    assert real.shape == (1, 1, side // 64, side // 64)
    assert read.shape == (1, 17)
    result, painted, attention = compose(torch.rand(1, 3, 90, 90), colour, logits)  # at the source's own size
    assert result.shape == painted.shape == (1, 3, 90, 90)
    assert attention.shape == (1, 1, 90, 90)


def test_attention_one_everywhere_returns_the_input_exactly():
    image, colour = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    assert torch.equal(blend(image, colour, torch.ones(2, 1, 8, 8)), image)
    assert torch.equal(blend(image, colour, torch.zeros(2, 1, 8, 8)), colour)
    assert torch.equal(compose(image, colour, torch.full((2, 1, 8, 8), 200.0))[0], image)


def test_normalisation_takes_the_aus_away_but_for_the_border():
    """Why `moves` does without: where no border is, the first layer of the published generators does not hear them."""
    face, aus = torch.rand(1, 3, 64, 64), torch.rand(1, 17, 1, 1).expand(-1, -1, 64, 64)
    for norm, heard in (("plain", False), ("none", True)):
        first = draw_weights(Generator(4, norm), torch.Generator().manual_seed(0)).body[:2]
        first[0].padding_mode = "circular"
        with torch.no_grad():
            change = first(torch.cat([face, aus], 1)) - first(torch.cat([face, 0 * aus], 1))
        assert (change.abs().max() > 1e-3) == heard


def test_a_moved_face_is_the_face_resampled():
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.random((32, 32, 3)).astype(np.float32), (0, 0), 2)
    steps = np.stack([np.full((32, 32), 0.7), np.full((32, 32), -0.4)]).astype(np.float32)
    y, x = np.indices((32, 32), dtype=np.float32)
    expected = cv2.remap(image, x + steps[0], y + steps[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    found = move(torch.from_numpy(image).permute(2, 0, 1)[None], torch.from_numpy(steps)[None] / 32)
    assert np.abs(found[0].permute(1, 2, 0).numpy() - expected)[3:-3, 3:-3].max() < 0.01
    same = torch.rand(1, 3, 16, 16)
    assert torch.allclose(move(same, torch.zeros(1, 2, 16, 16)), same, atol=1e-5)


def test_the_gradient_penalty_equals_a_naive_twin():
    torch.manual_seed(0)
    critic = Critic(64, 2, changes=True)
    real, fake, source = (torch.rand(3, 3, 64, 64) for _ in range(3))
    share = torch.rand(3, 1, 1, 1)
    norms = []
    for k in range(3):
        x = (share[k] * real[k] + (1 - share[k]) * fake[k])[None].requires_grad_()
        critic(x, source[k : k + 1])[0].mean().backward()
        norms.append(float(x.grad.square().sum().sqrt()))
    expected = sum((norm - 1) ** 2 for norm in norms) / 3
    assert gradient_penalty(critic, real, fake, source, share).item() == pytest.approx(expected, rel=1e-5)


def test_total_variation_of_a_ramp():
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)  # 12 steps of 1 along x, none along y
    assert total_variation(ramp, squared=False) == 12
    assert total_variation(ramp, squared=True) == 2


def test_the_fields_of_the_aus_are_found_again():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(17, 2, 4, 4))
    true = (true + true[..., ::-1] * np.array([-1, 1])[:, None, None]) / 2  # faces have two like sides
    changes = rng.normal(size=(300, 17))
    flow = np.einsum("nk,kcyx->ncyx", changes, true)
    assert np.abs(au_fields(changes, flow, ridge=1e-6) - true).max() < 1e-5


def test_resizing_keeps_a_constant_and_the_same_size_untouched():
    x = torch.full((1, 2, 6, 6), 0.3)
    assert resize(x, 6) is x
    assert torch.allclose(resize(x, 11), torch.full((1, 2, 11, 11), 0.3))
