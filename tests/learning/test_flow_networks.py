"""The networks of MEGC2019 against counts and naive twins from their descriptions."""

import numpy as np
import pytest
import torch
from torch import nn

from melib.learning.networks.build import build

FLOW = (3, 28, 28)
X = torch.randn(4, *FLOW, generator=torch.Generator().manual_seed(0))


def parameters(name, **options):
    return sum(p.numel() for p in build(name, [FLOW], 0, options).parameters())


def linear(inputs, outputs):
    return (inputs + 1) * outputs


def conv(inputs, outputs, side):
    return (inputs * side**2 + 1) * outputs


@pytest.mark.parametrize(
    "name, count",
    [
        ("ststnet", conv(3, 16, 3) + 2 * 16 + linear(400, 3)),
        (
            "off_apexnet",
            2 * (conv(1, 6, 5) + conv(6, 16, 5)) + linear(1568, 1024) + linear(1024, 1024) + linear(1024, 3),
        ),
        ("sssnet", conv(3, 32, 5) + 64 + conv(32, 64, 3) + 128 + linear(9 * 64, 256) + linear(256, 3)),
        ("rcn_a", conv(3, 32, 5) + conv(32, 32, 1) + conv(32, 32, 3) + 3 * 64 + linear(25 * 32, 3)),
    ],
)
def test_parameters_are_those_of_the_description(name, count):
    assert parameters(name) == count


def test_dual_inception_joins_its_streams_at_6272():
    body = build("dual_inception", [FLOW], 0).body
    assert body[1].in_features == 6272 and body[1].out_features == 1024


def test_ststnet_is_three_streams_side_by_side():
    network = build("ststnet", [FLOW], 0).train()
    network.body[4].p = 0.0
    merged = network.body[0]
    outputs, first = [], 0
    for filters in (3, 5, 8):
        stream = nn.Sequential(
            nn.Conv2d(3, filters, 3, padding=2), nn.ReLU(), nn.BatchNorm2d(filters), nn.MaxPool2d(3, 3, 1)
        )
        stream[0].weight.data = merged.weight.data[first : first + filters]
        stream[0].bias.data = merged.bias.data[first : first + filters]
        outputs.append(stream(X))
        first += filters
    expected = nn.functional.avg_pool2d(torch.cat(outputs, 1), 2).flatten(1)
    torch.testing.assert_close(network(X)[1], expected)


@pytest.mark.parametrize("name", ["off_apexnet", "dual_inception"])
def test_u_and_v_have_streams_of_their_own_and_strain_none(name):
    network = build(name, [FLOW], 0).eval()
    streams = network.body[0]
    half = streams(X).shape[1] // 2
    plain = streams(X)
    for channel, unchanged in ((0, slice(half, None)), (1, slice(0, half)), (2, slice(None))):
        other = X.clone()
        other[:, channel] += 1
        torch.testing.assert_close(streams(other)[:, unchanged], plain[:, unchanged])
        assert torch.equal(streams(other), plain) == (channel == 2)
    with pytest.raises(ValueError, match="takes u and v of flow as two channels; got 1"):
        build(name, [(1, 28, 28)], 0)


def test_rcn_as_attention_is_that_of_a_loop_over_classes():
    network = build("rcn_a", [FLOW], 0).eval()
    pooled = network.body.pool(network.body.first(X))
    weights = network.head.weight.detach().numpy().reshape(3, 32, 5, 5)
    for clip, maps in enumerate(pooled.detach().numpy()):
        by_class = []
        for of_class in weights:
            one = (of_class * maps).mean(0)
            by_class.append((one - one.min()) / (one.max() - one.min()))
        attention = network.attention(pooled)[clip, 0].detach().numpy()
        np.testing.assert_allclose(attention, np.mean(by_class, axis=0), atol=1e-5)


def test_the_second_recurrent_step_shares_the_weights_of_the_first():
    recurrent = build("rcn_a", [FLOW], 0).eval().body.last[0]
    x = torch.randn(2, 32, 6, 6)
    y = recurrent.first(x)
    torch.testing.assert_close(recurrent(x), recurrent.again(x + recurrent.again(x + y)))


def test_htnets_local_attention_keeps_to_its_region():
    body = build("htnet", [FLOW], 0).eval().body
    corner = X.clone()
    corner[..., 20:, 20:] += 1  # right of the mouth: in the last region alone
    plain, changed = (body.local(body.patches(x).flatten(2).transpose(1, 2)) for x in (X, corner))
    same = [torch.allclose(one, other) for one, other in zip(plain.split(1), changed.split(1), strict=True)]
    assert same == [True, True, True, False] * len(X)
    assert not torch.allclose(body(corner), body(X))


def test_htnets_patches_lie_as_in_the_image():
    """Quarters of an image of 4 x 4 patches, joined again after local layers that do nothing."""
    body = build("htnet", [FLOW], 0, {"regions": False, "embedding": 8}).eval().body
    body.local, body.whole, body.norm = nn.Identity(), nn.Identity(), nn.Identity()
    body.patches.place.data.zero_()
    whole = body.aggregate(body.patches.project(X)).flatten(2).mean(2)
    torch.testing.assert_close(body(X), whole)


def test_htnets_regions_can_be_turned_off():
    on, off = (build("htnet", [FLOW], 0, {"regions": regions}).eval() for regions in (True, False))
    off.load_state_dict(on.state_dict())
    assert not torch.allclose(on(X)[0], off(X)[0])
