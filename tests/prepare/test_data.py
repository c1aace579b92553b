"""Names of demo corpora."""

import pytest

from melib.home import DEMO
from melib.prepare.data import demo_of


@pytest.mark.parametrize(("name", "parts"), [("demo", ("demo", 0, "")), ("demo-seed12", ("demo", 12, "")),
                                             ("tiny-shift-CASME II", None), ("demo-shift-SAMM", ("demo", 0, "SAMM")),
                                             ("tiny-seed2-shift-casme2", ("tiny", 2, "CASME2"))])  # fmt: skip
def test_names_of_demo_corpora(name, parts):
    if parts is None:
        assert not DEMO.fullmatch(name)
    else:
        assert demo_of(name) == parts
