"""What the panels' tests share: the tiny corpus prepared, and finished runs on toy samples."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from melib.corpus.scan import read_index
from melib.learning.fit import fit
from melib.learning.record import save_run
from melib.prepare.pipeline import prepare
from melib.prepare.settings import PrepareSettings
from tests.conftest import settings, toy


def seen(picture: bytes) -> np.ndarray:
    """A PNG as numbers."""
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


@pytest.fixture(scope="session")
def tiny_clips(tiny_root, tmp_path_factory):
    """The tiny corpus' root and its prepared samples at 32 px."""
    index = read_index(tiny_root)
    wanted = PrepareSettings(image_size=32)
    cache = tmp_path_factory.mktemp("cache")
    return SimpleNamespace(root=tiny_root, samples=prepare(tiny_root, index, wanted, cache, workers=1).samples)


@pytest.fixture(scope="session")
def toy_runs(tmp_path_factory):
    """Run folders on toy samples: BRL and plain on SAMM, plain on SMIC, and the samples."""
    place = tmp_path_factory.mktemp("runs")
    samples = toy()
    data = SimpleNamespace(samples=samples, fingerprint="f00d", synthetic=True, skipped=[])
    folders = []
    for changes in ({"method": "brl"}, {"method": "erm"}, {"method": "erm", "held_out": "SMIC"}):
        one = settings(out=str(place), val_share=0.2, **changes)
        folders.append(save_run(fit(samples, one), one, data))
    return SimpleNamespace(folders=folders, samples=samples, place=place)
