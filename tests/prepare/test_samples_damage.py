"""Samples folders that are damaged are named, and images whose channels come first are refused."""

import numpy as np
import pytest

from melib.prepare.data import open_corpus
from melib.prepare.samples import Samples, SamplesError, read_manifest
from melib.prepare.settings import PrepareSettings
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


def test_a_clip_id_that_occurs_twice_is_named():
    samples = toy()
    index = samples.index.assign(clip_id=["SMIC/s0/0", "SMIC/s0/0", *samples.index["clip_id"][2:]])
    with pytest.raises(SamplesError, match=r"1 clip ids .*\['SMIC/s0/0'\]\. .*give each row its own"):
        Samples(index, samples.arrays)


@pytest.mark.parametrize("synthetic", [False, True])
def test_a_folder_says_whether_its_samples_are_synthetic(tmp_path, synthetic):
    folder = toy().save(tmp_path / "samples", synthetic=synthetic)
    assert read_manifest(folder)["synthetic"] is synthetic
    assert open_corpus(str(folder), PrepareSettings()).synthetic is synthetic
    Samples.load(folder).save(folder)  # with an array more, say
    assert read_manifest(folder)["synthetic"] is synthetic
    plain = read_manifest(toy().save(tmp_path / "plain"))
    assert plain["fingerprint"] == read_manifest(folder)["fingerprint"] and plain["synthetic"] is False


def test_channels_that_come_first_are_refused_with_the_way_to_turn_them():
    samples = toy()
    first = np.ascontiguousarray(samples.arrays["flow_image"].transpose(0, 3, 1, 2))
    with pytest.raises(SamplesError, match=r"channels come first: use array.transpose\(0, 2, 3, 1\)"):
        Samples(samples.index, {"flow_image": first})
