"""A small corpus of cropped clips in which the middle of a texture moves to and fro."""

import pytest

from melib.corpus.index import make_index
from tests.prepare.clips import row, write_clip


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """Twenty clips, the even ones of SMIC (no apex), the odd ones of SAMM; number 5 is not labelled."""
    root = tmp_path_factory.mktemp("corpus")
    for number in range(20):
        write_clip(root / ("SAMM" if number % 2 else "SMIC") / f"c{number:02d}", seed=number)
    return root


@pytest.fixture(scope="session")
def index():
    return make_index([row("SAMM" if n % 2 else "SMIC", n, label=None if n == 5 else "positive") for n in range(20)])
