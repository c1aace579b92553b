"""Errors about what a user gave."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: the message says what came, what was expected and what to do, so a notebook shows it alone."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints instead of a traceback through the package."""
        return [f"{type(self).__name__}: {self}"]


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message, " Did you mean 'x'?", in any case of letters; "" where no known name is near.

    >>> nearest("farnebak", ["lk", "farneback"]), nearest("SMM", ["SAMM"]), nearest("zzz", ["lk"])
    (" Did you mean 'farneback'?", " Did you mean 'SAMM'?", '')
    """
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.5)
    return f" Did you mean {names[close[0]]!r}?" if close else ""
