"""Progress as the `melib` command and the notebooks draw it: bars, and counts of units."""

from __future__ import annotations

import sys
from collections import Counter


def counts(states: dict) -> str:
    """How many units there are, and in which state, in words."""
    numbers = Counter(state.state for state in states.values())
    return f"{len(states)} runs: " + ", ".join(f"{number} {state}" for state, number in numbers.most_common())


def study_bar():
    """A callback for launchers that draws one bar: runs done, failed and running, and the time left."""
    from tqdm import tqdm

    drawn = None

    def update(states: dict) -> None:
        nonlocal drawn
        part = sum(state.part for state in states.values())
        if drawn is None:
            shape = "{desc} {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left"
            every = 0.5 if sys.stderr.isatty() else 60  # a log needs no animation
            drawn = tqdm(total=len(states), initial=part, bar_format=shape, mininterval=every, smoothing=0)
        drawn.set_description_str(counts(states), refresh=False)
        drawn.update(part - drawn.n)
        if all(state.state in ("done", "failed", "damaged") for state in states.values()):
            drawn.close()

    return update


def bar(name: str):
    """A progress callback (done, total) that draws one bar from its first call on, in a notebook as a widget."""
    from tqdm.auto import tqdm

    drawn = None

    def update(done: int, total: int) -> None:
        nonlocal drawn
        if drawn is None:
            drawn = tqdm(desc=name, unit="", total=total)
        drawn.update(done - drawn.n)
        if done >= total:
            drawn.close()

    return update


def training_bar(name: str, column: str):
    """A progress callback (step, steps, row) of a training: one bar, and the row's latest value of `column`.

    A run that is read from its folder calls it never, and draws none.
    """
    from tqdm.auto import tqdm

    drawn = None

    def update(step: int, steps: int, row: dict) -> None:
        nonlocal drawn
        if drawn is None:
            drawn = tqdm(desc=name, total=steps, mininterval=1)
        drawn.set_postfix({column: f"{row[column]:.3f}"}, refresh=False)
        drawn.update(step - drawn.n)
        if step >= steps:
            drawn.close()

    return update


def stage_bars():
    """A progress callback (name, done, total) that draws one bar per name."""
    bars = {}

    def update(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = bar(name)
        bars[name](done, total)

    return update


def counter(name: str):
    """A progress callback (number) that draws how far it is, where no total is known; nothing before it is called."""
    from tqdm import tqdm

    drawn = None

    def update(number: int) -> None:
        nonlocal drawn
        if drawn is None:
            drawn = tqdm(desc=name, unit="")
        drawn.update(number - drawn.n)

    return update
