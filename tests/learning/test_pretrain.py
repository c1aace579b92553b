"""Self-supervised pre-training: what it reverses, and that no label has a part in it."""

import numpy as np
import pytest
import torch

from melib.learning.algorithms.pretrain import _reverse
from melib.learning.fit import fit
from melib.prepare.samples import Samples
from tests.conftest import of_every_kind, settings, toy


def run(**more):
    return settings(**{"method": "pretrain", "network": "madv", "inputs": "frames", "epochs": 12, "brl_start": 12,
                       "val_share": 0, "image_size": 16, "lr": 3e-3, **more})  # fmt: skip


def videos():
    return of_every_kind(toy(size=16, subjects=3, clips=3))


@pytest.mark.parametrize("shape, axis", [((2, 5, 4), 2), ((1, 6, 4, 4), 2), ((6, 5), 1)])
def test_time_of_videos_and_sequences_and_rows_of_images_are_reversed(shape, axis):
    x = torch.randn(3, *shape)
    chosen = torch.tensor([True, False, True])
    out = _reverse(x, chosen)
    assert torch.equal(out[1], x[1])
    assert torch.equal(out[0], torch.from_numpy(np.flip(x[0].numpy(), axis - 1).copy()))


def test_vectors_have_no_order():
    with pytest.raises(ValueError, match="pretrain reverses videos, sequences and images; got vectors"):
        fit(toy(), run(network="mlp", inputs="pixels"))


def test_it_learns_the_direction_and_no_label_has_a_part_in_it():
    """The toy videos brighten, so that the direction can be learned; other labels change nothing before `brl_start`."""
    data = videos()
    history = fit(data, run()).history
    assert history["pretext"].iloc[-2] < 0.3 < history["pretext"].iloc[0]
    assert (history["ce"].iloc[:-1] == 0).all() and history["ce"].iloc[-1] > 0 == history["pretext"].iloc[-1]
    index = data.index.assign(label=np.roll(data.index["label"].to_numpy(), 1))
    other = fit(Samples(index, data.arrays), run()).history
    assert other["pretext"].equals(history["pretext"])
