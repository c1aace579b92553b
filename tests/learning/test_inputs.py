"""What a method sees: mirroring, centring, channels and size against plain arithmetic."""

import numpy as np
import pytest
import torch

from melib.learning.inputs import Inputs, in_batches
from melib.prepare.encode import flip_flow, minmax
from melib.prepare.samples import Samples
from tests.conftest import settings, toy


def inputs(samples, **setting):
    train = np.ones(len(samples), bool)
    return Inputs(samples, settings(**setting), train, torch.device("cpu"))


def see(samples, mirrored=False, **setting):
    """The first input of every clip."""
    one = inputs(samples, **setting)
    return in_batches(lambda x: x[0], one, torch.arange(len(samples)), 7, mirrored)


def test_at_rest_an_image_is_scaled_and_nothing_else(toy_samples):
    plain = torch.from_numpy(toy_samples.arrays["flow_image"]).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert torch.equal(see(toy_samples), plain)


def test_a_mirrored_min_max_image_is_that_of_the_mirrored_flow_to_one_grey_level():
    flow = torch.randn(5, 2, 12, 12, generator=torch.Generator().manual_seed(0))

    def grey(x):
        return ((minmax(x) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

    index = toy(subjects=1, clips=5, datasets=("SMIC",)).index
    mirrored = see(Samples(index, {"flow_image": grey(flow)}), mirrored=True)
    expected = see(Samples(index, {"flow_image": grey(flip_flow(flow.clone()))}))
    assert (mirrored - expected).abs().max() <= 1.001 / 127.5


def test_mirroring_twice_is_nothing_and_acts_on_the_rows_asked_for(toy_samples):
    one = inputs(toy_samples)
    rows = torch.arange(4)
    half = one.batch(rows, torch.tensor([True, False, True, False]))[0]
    plain, turned = one.batch(rows)[0], one.batch(rows, torch.ones(4, dtype=torch.bool))[0]
    assert torch.equal(half[1::2], plain[1::2]) and torch.equal(half[::2], turned[::2])
    assert torch.equal(turned[:, 1:], plain[:, 1:].flip(-1))
    torch.testing.assert_close(turned[:, 0], -plain[:, 0].flip(-1))


def test_centred_is_less_the_median_over_the_deviation_of_each_channel(toy_samples):
    images = toy_samples.arrays["flow_image"].astype(float).transpose(0, 3, 1, 2) / 127.5 - 1
    x = see(toy_samples, normalise="centred").numpy()
    for clip, channel in ((0, 0), (3, 2)):
        plane = images[clip, channel]
        lower_median = np.sort(plane.ravel())[(plane.size - 1) // 2]
        np.testing.assert_allclose(x[clip, channel], (plane - lower_median) / plane.std(), rtol=1e-4, atol=1e-5)
    flat = Samples(toy_samples.index, {"flow_image": np.full_like(toy_samples.arrays["flow_image"], 9)})
    assert (see(flat, normalise="centred") == 0).all()


def test_raw_leaves_images_and_features_as_they_are_stored(toy_samples):
    images = see(toy_samples, normalise="raw")
    assert torch.equal(images, torch.from_numpy(toy_samples.arrays["flow_image"]).permute(0, 3, 1, 2).float())
    features = see(toy_samples, inputs="pixels", normalise="raw")
    assert torch.equal(features, torch.from_numpy(toy_samples.arrays["pixels"]))
    with pytest.raises(ValueError, match="what flow becomes is `flow_encoding`"):
        flow = np.zeros((len(toy_samples), 2, 8, 8), np.float16)
        see(Samples(toy_samples.index, {"flow": flow}), inputs="flow", normalise="raw")


@pytest.mark.parametrize("encoding", ["uvs", "minmax"])
def test_inputs_made_once_are_those_made_in_every_batch(encoding, monkeypatch):
    index = toy(subjects=1, clips=5, datasets=("SMIC",)).index
    flow = torch.randn(5, 2, 12, 12, generator=torch.Generator().manual_seed(0)).half().numpy()
    chosen = dict(inputs="flow", flow_encoding=encoding, normalise="centred", channels="uv", input_size=6)
    rows, turned = torch.tensor([4, 0, 2]), torch.tensor([True, False, True])
    once = inputs(Samples(index, {"flow": flow}), **chosen)
    kept = once.batch(rows, turned)[0]
    assert once.views[0]._made
    monkeypatch.setattr("melib.learning.inputs.READY", 0)
    each = inputs(Samples(index, {"flow": flow}), **chosen)
    made = each.batch(rows, turned)[0]
    assert not each.views[0]._made
    assert torch.equal(kept, made) and kept.stride() == made.stride()


def test_channels_and_size(toy_samples):
    plain = see(toy_samples)
    assert torch.equal(see(toy_samples, channels="uv"), plain[:, :2])
    small = see(toy_samples, input_size=4)
    torch.testing.assert_close(small, plain.unflatten(3, (4, 2)).unflatten(2, (4, 2)).mean((3, 5)))


def test_several_arrays_are_several_inputs(toy_samples):
    one = inputs(toy_samples, inputs="flow_image+pixels", method="logreg")
    assert one.shapes == [(3, 8, 8), (192,)]
    assert [tuple(x.shape) for x in one.batch(torch.arange(5))] == [(5, 3, 8, 8), (5, 192)]


@pytest.mark.parametrize(
    "setting, message",
    [
        ({"inputs": "apex"}, r"\['apex'\] not among"),
        ({"inputs": "pixels", "mirror": True}, "mirror acts on images"),
        ({"inputs": "pixels", "normalise": "centred"}, "normalise acts on images"),
        ({"inputs": "pixels", "channels": "uv"}, "takes u and v of flow"),
        ({"input_size": 16}, "above the 8 px"),
    ],
)
def test_a_switch_without_meaning_is_refused(toy_samples, setting, message):
    with pytest.raises(ValueError, match=message):
        inputs(toy_samples, **setting)
