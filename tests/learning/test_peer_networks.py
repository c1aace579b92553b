"""The peers of Table 9 against counts and naive twins; each named part of a stand-in can be turned off."""

import pytest
import torch
from torch import nn

from melib.learning.networks.build import build
from melib.learning.networks.cnn3d import MaxPool3d
from melib.learning.networks.motion_views import Heat

MADV_PARTS = ("pyramid", "differences", "factors", "au_codes", "level_heads")
IMAGE, VIDEO = (3, 32, 32), (1, 6, 16, 16)


def x(shape, seed=0):
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))


def test_resnet10_has_the_published_layers_and_sizes_at_224():
    body = build("rn", [(1, 224, 224)], 0).eval().body
    sizes = []
    for layer in body:
        layer.register_forward_hook(lambda layer, _, output: sizes.append((type(layer).__name__, *output.shape[1:])))
    features = body(x((1, 224, 224)))
    assert sizes[1] == ("Conv2d", 64, 112, 112) and sizes[4] == ("MaxPool2d", 64, 56, 56)
    assert [size[1:] for size in sizes if size[0] == "Stage"] == [
        (64, 56, 56),
        (128, 28, 28),
        (256, 14, 14),
        (512, 7, 7),
    ]
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))
    kernels = (
        49 * 64 + 2 * 9 * 64 * 64 + sum(9 * (i * o + o * o) + i * o for i, o in ((64, 128), (128, 256), (256, 512)))
    )
    assert sum(layer.weight.numel() for layer in body.modules() if isinstance(layer, nn.Conv2d)) == kernels


def test_a_stage_is_its_equations():
    stage = build("rn", [IMAGE], 0).eval().body[7]
    given = x((64, 8, 8))
    activated = torch.relu(stage.start[0](given))
    first = torch.relu(stage.first[1](nn.functional.conv2d(activated, stage.first[0].weight, stride=2, padding=1)))
    second = nn.functional.conv2d(first, stage.second.weight, padding=1)
    shortcut = nn.functional.conv2d(activated, stage.shortcut.weight, stride=2)
    torch.testing.assert_close(stage(given), shortcut + second)


def test_micro_attention_is_its_equation_and_rn_without_it():
    stage = build("rnma", [IMAGE], 0).eval().body[7]
    given = x((64, 8, 8))
    activated = torch.relu(stage.start[0](given))
    first = stage.first(activated)
    second = stage.second(first)
    shortcut = stage.shortcut(activated)
    steps = torch.cat([shortcut, first, second], 1)
    wide, narrow = (layer.weight[:, :, 0, 0] for layer in stage.attention.mask)
    mask = torch.sigmoid(torch.einsum("oc,ck,nkhw->nohw", narrow, wide, steps))
    torch.testing.assert_close(stage(given), (shortcut + second) * (1 + mask))
    stage.attention = None
    torch.testing.assert_close(stage(given), shortcut + second)


@pytest.mark.parametrize(
    "name, shape, option, off",
    [
        ("elrcn", VIDEO, "motion", False),
        *(("madv", VIDEO, part, False) for part in MADV_PARTS),
        ("motion_views", IMAGE, "heat", False),
        ("motion_views", IMAGE, "energy", False),
    ],
)
def test_a_part_that_is_turned_off_changes_the_output(name, shape, option, off):
    on, without = (build(name, [shape], 0, options).eval() for options in ({}, {option: off}))
    assert not torch.allclose(on(x(shape))[0], without(x(shape))[0])


def test_elrcn_enriches_in_space_or_in_time():
    """One network over stacked modalities, or one each: no weight of the second sees the first modality."""
    together, apart = (build("elrcn", [VIDEO], 0, {"enrichment": how}).eval().body for how in ("spatial", "temporal"))
    assert [len(body[1].networks) for body in (together, apart)] == [1, 2]
    assert together[1].networks[0][0].in_channels == 2 and apart[1].networks[1][0].in_channels == 1
    frames = apart[0](x(VIDEO))
    features = apart[1](frames)
    assert features.shape == (2, 6, 128)
    other = frames.clone()
    other[:, :, 0] += 1
    assert torch.equal(apart[1](other)[..., 64:], features[..., 64:])
    assert not torch.allclose(apart[1](other)[..., :64], features[..., :64])


def test_elrcns_motion_is_the_change_from_the_first_frame():
    video = x(VIDEO)
    modalities = build("elrcn", [VIDEO], 0).body[0](video)
    for frame in range(6):
        assert torch.equal(modalities[:, frame, 0], video[:, 0, frame])
        assert torch.equal(modalities[:, frame, 1], video[:, 0, frame] - video[:, 0, 0])


def test_the_order_of_frames_counts():
    video = x(VIDEO)
    for name in ("elrcn", "cnn3d", "madv"):
        network = build(name, [VIDEO], 0).eval()
        assert not torch.allclose(network(video)[0], network(video.flip(2))[0])


@pytest.mark.parametrize("name, shape", [("cnn3d", (1, 3, 16, 16)), ("elrcn", (1, 6, 4, 4)), ("madv", (1, 1, 16, 16))])
def test_videos_that_are_too_small_are_refused(name, shape):
    with pytest.raises(ValueError, match=r"needs at least (2|4|8).*got.*or choose another network"):
        build(name, [shape], 0)


def test_heat_keeps_motion_around_brows_eyes_and_mouth_and_more_where_most_is():
    still = torch.zeros(1, 2, 40, 40)
    brow, chin = still.clone(), still.clone()
    brow[0, 0, 10, 12] = chin[0, 0, 39, 20] = 1.0
    heat = Heat((2, 40, 40), energy=False)
    assert heat(brow)[0, 0, 10, 12] > 0.95 and heat(chin)[0, 0, 39, 20] < 0.1
    assert (heat(still) == 0).all()
    both = brow.clone()
    both[0, 0, 30, 14] = 0.2  # a corner of the mouth, which moves less
    raised = Heat((2, 40, 40), energy=True)(both) / both.clamp_min(1e-9)
    assert raised[0, 0, 10, 12] > 1.4 and raised[0, 0, 30, 14] < 0.7


def test_atnet_joins_an_apex_frame_and_a_sequence_of_64_by_128():
    """Each branch gives 512 features of length 1 and sees its own input alone; half are dropped in training."""
    network = build("atnet", [IMAGE, (64, 128)], 0).eval()
    image, sequence = x(IMAGE), x((64, 128))
    features = network(image, sequence)[1]
    assert features.shape == (2, 1024)
    torch.testing.assert_close(features.unflatten(1, (2, 512)).norm(dim=2), torch.ones(2, 2))
    other_image = network(image + 1, sequence)[1]
    other_sequence = network(image, sequence.flip(1))[1]
    assert torch.equal(other_image[:, 512:], features[:, 512:]) and not torch.equal(other_image, features)
    assert torch.equal(other_sequence[:, :512], features[:, :512]) and not torch.equal(other_sequence, features)
    dropped = (network.train()(image, sequence)[1][:, 512:] == 0).float().mean()  # of the sequence, without ReLU
    assert 0.4 < dropped < 0.6
    with pytest.raises(ValueError, match="atnet takes image and sequence"):
        build("atnet", [IMAGE], 0)


def test_atnets_sequence_branch_is_two_lstm_layers_and_their_mean_over_time():
    branch = build("atnet", [IMAGE, (7, 5)], 0).eval().body.sequence
    lstm, given = branch[0].lstm, x((7, 5))
    for layer in range(2):
        h = c = torch.zeros(2, 512)
        weights = [getattr(lstm, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        states = []
        for t in range(7):
            i, f, g, o = (given[:, t] @ weights[0].T + h @ weights[1].T + weights[2] + weights[3]).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        given = torch.stack(states, dim=1)
    mean = given.mean(1)
    torch.testing.assert_close(branch(x((7, 5))), mean / mean.norm(dim=1, keepdim=True))


def test_the_levels_of_madvs_stand_in_see_differences_two_four_times_apart_and_coarser():
    """Naive twins of what each level's patches are made of; tokens are a convolution of them, plus their place."""
    network = build("madv", [VIDEO], 0, {"factors": False}).eval()
    video = x(VIDEO)
    for number, level in enumerate(network.body[0].levels):
        step = 2**number
        coarse = video.unflatten(4, (-1, step)).unflatten(3, (-1, step)).mean((4, 6))
        kernel = level.tokens.weight.view(-1, 1, 1, level.patch, level.patch)
        moved = coarse[:, :, step:] - coarse[:, :, :-step]
        patches = torch.nn.functional.conv3d(moved, kernel, level.tokens.bias, (1, level.patch, level.patch))
        assert patches.shape[2:] == (6 - step, 4, 4)
        placed = patches + level.place.T.view(1, -1, 1, 4, 4)
        expected = level.mix(placed.flatten(2).transpose(1, 2)).mean(1)
        torch.testing.assert_close(level(video), expected)


def test_videos_are_pooled_in_the_type_they_come_in():
    video = x((3, 4, 8, 8))
    with torch.autocast("cpu", torch.bfloat16):
        pooled = MaxPool3d(2)(video.bfloat16())
    assert pooled.dtype == torch.bfloat16
    assert torch.equal(pooled, torch.nn.functional.max_pool3d(video.bfloat16(), 2))


def test_madvs_factors_bring_small_and_large_motion_to_one_size_until_they_learn_otherwise():
    level = build("madv", [VIDEO], 0).eval().body[0].levels[0]
    seen = []
    level.tokens.register_forward_pre_hook(lambda _, given: seen.append(given[0].square().mean().item()))
    for size in (0.01, 1.0):
        level(size * x(VIDEO))
    assert seen == pytest.approx([1, 1], rel=1e-3)
    level.factor.data = torch.tensor([0.25, 0.0])
    level(0.01 * x(VIDEO))
    assert seen[-1] == pytest.approx((0.01 * x(VIDEO)).diff(dim=2).square().mean().item() ** 0.5, rel=1e-3)
