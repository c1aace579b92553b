"""Samples folders that are damaged are named, and images whose channels come first are refused."""

import numpy as np
import pytest

from melib.prepare.samples import Samples, SamplesError
from tests.conftest import toy


@pytest.mark.parametrize("name", ["index.parquet", "flow_image.npy", "pixels.npy", "samples.json"])
@pytest.mark.parametrize("how", ["truncated", "removed"])
def test_a_damaged_file_is_named(tmp_path, name, how):
    folder = toy().save(tmp_path / "samples")
    path = folder / name
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(SamplesError, match=name):
        Samples.load(folder)


def test_channels_that_come_first_are_refused_with_the_way_to_turn_them():
    samples = toy()
    first = np.ascontiguousarray(samples.arrays["flow_image"].transpose(0, 3, 1, 2))
    with pytest.raises(SamplesError, match=r"channels come first: use array.transpose\(0, 2, 3, 1\)"):
        Samples(samples.index, {"flow_image": first})
