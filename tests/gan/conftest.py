import numpy as np
import pandas as pd
import pytest

from melib.gan.settings import GanSettings
from melib.gan.train import Frames


def gan_settings(**changes) -> GanSettings:
    """Settings of a generator that trains in a second."""
    base = dict(profile="tiny", held_out="SAMM", width=2, steps=4, batch_size=2)
    return GanSettings.from_parameters(base | changes)


@pytest.fixture
def frames() -> Frames:
    """Five onsets and apexes, drawn at random."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (10, 64, 64, 3), dtype=np.uint8)
    flow = rng.normal(size=(5, 2, 64, 64)).astype(np.float32)
    return Frames(images, rng.uniform(0, 3, (10, 17)).astype(np.float32), flow)


@pytest.fixture(scope="session")
def made(tiny_root, tmp_path_factory):
    """The tiny corpus' fold without SAMM, its trained generator and its generated folder, made once a process."""
    from melib.gan.fold import open_fold, save_generated
    from melib.gan.train import train

    settings = gan_settings(corpus=str(tiny_root), out=str(tmp_path_factory.mktemp("generated")), target=20)
    cache = tmp_path_factory.mktemp("cache")  # prepared here, not by whatever code filled the workbook's own cache
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("melib.prepare.data.resolve", lambda path: cache / path)
        fold = open_fold(settings)
    watch = fold.data.samples.arrays["onset"][:2], np.ones((2, 17), np.float32)
    trained = train(fold.frames(), settings, watch)
    return fold, trained, save_generated(fold, trained)


def counts(index: pd.DataFrame) -> dict:
    """Samples by dataset and class, without zeros."""
    found = index.groupby(["dataset", "label"]).size()
    return found[found > 0].to_dict()
