"""Errors about what a user gave."""


class InputError(ValueError):
    """Bad input: the message says what came, what was expected and what to do, so a notebook shows it alone."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints instead of a traceback through the package."""
        return [f"{type(self).__name__}: {self}"]
