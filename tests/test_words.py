"""Docstrings, messages, notebooks, pages and tests are in plain technical English: a list of turns that are not."""

import re
from pathlib import Path

import pytest

from melib.home import home

FORBIDDEN = (
    r"so-manieth", r"under the lamp", r"\bha(ve|s) no say\b", r"onlooker", r"goes without saying", r"of which no like",
    r"honest twin", r"only real data decide", r"\btells\b", r"\btold\b", r"\brooms?\b of", r"\brooms\b", r"\bbetray",
    r"\bby heart\b", r"\bnothing alike\b", r"\bseen the like\b",
    r"\breadings\b",  # AU measurements, top-up schemes, variants of BRL, predictions of a probe
)  # fmt: skip
PLACES = ("melib", "tests", "notebooks", "docs", "figures")
KINDS = (".py", ".md", ".ipynb", ".yaml", ".tex")


def texts() -> list[Path]:
    """Every text of the repository that people read, but this file."""
    top = [path for path in home().iterdir() if path.is_file()]
    below = [path for place in PLACES for path in (home() / place).rglob("*")]
    return [path for path in top + below if path.suffix in (*KINDS, ".toml", ".cff") and path != Path(__file__)]


def test_the_texts_are_all_there():
    names = {path.relative_to(home()).as_posix() for path in texts()}
    assert {"README.md", "melib/cli.py", "notebooks/06_results.ipynb", "docs/method.md", "tests/conftest.py"} <= names


@pytest.mark.parametrize("words", FORBIDDEN)
def test_no_text_holds(words):
    held = [
        f"{path.relative_to(home())}:{number}: {line.strip()[:100]}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(words, line, re.IGNORECASE)
    ]
    assert held == []
