"""Imports that would cost time at every start."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

GRAMMAR = "rfc3987_syntax"


@contextlib.contextmanager
def without_grammar() -> Iterator[None]:
    """Import jsonschema, below papermill, nbformat and plotly's widgets, without the grammar that it would build for a
    second to validate IRIs: notebooks and widgets hold none. Whoever asks for the grammar afterwards gets it."""
    hidden = GRAMMAR not in sys.modules
    if hidden:
        sys.modules[GRAMMAR] = None
    try:
        yield
    finally:
        if hidden:
            del sys.modules[GRAMMAR]
