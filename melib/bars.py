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
        step = part - drawn.n
        drawn.initial = min(drawn.initial, drawn.n + step)  # a run that was stopped may start again further back
        drawn.set_description_str(counts(states), refresh=False)
        drawn.update(step)
        if all(state.state in ("done", "failed", "damaged") for state in states.values()):
            drawn.close()

    return update


def bar(name: str, column: str = ""):
    """A progress callback (done, total, row) that draws one bar from its first call on, in a notebook as a widget.

    Called with `done` alone, it counts. With a `column` it shows that value of a training's latest row. A run that is
    read from its folder never calls it, so that none is drawn.
    """
    from tqdm import auto, tqdm

    drawn = None

    def update(done: int, total: int | None = None, row: dict | None = None) -> None:
        nonlocal drawn
        if drawn is None:
            draw = tqdm if total is None else auto.tqdm
            drawn = draw(desc=name, total=total, unit="it" if column else "", mininterval=1 if column else 0.1)
        if column:
            drawn.set_postfix({column: f"{row[column]:.3f}"}, refresh=False)
        drawn.update(done - drawn.n)
        if total is not None and done >= total:
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
