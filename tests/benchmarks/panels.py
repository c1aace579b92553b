"""How soon the panels' kernel answers, in ms, for a corpus and runs on disk: `python -m tests.benchmarks.panels`.

It needs what `make demo` leaves. Each row is one kind of move, made a number of times on ever other clips, frames or
runs; the first ones read from disk. The aim is a median below 150 ms.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from melib.aus.table import AUS, NAMES
from melib.corpus.index import CLASSES
from melib.explore.clips import ClipBrowser, au_curves
from melib.explore.errors import ErrorBrowser
from melib.explore.faces import PEOPLE, FacePanel
from melib.explore.grid import GridPanel
from melib.explore.hover import HoverMap
from melib.explore.runs import RunBrowser
from melib.learning.data import open_samples
from melib.learning.selection import RULES
from melib.prepare.data import find_corpus
from melib.prepare.samples import Samples
from melib.study.plan import finished, read_plan

Move = tuple[str, Iterable[object], Callable[[object], None]]


def clip_moves(samples: Samples, root, times: int) -> Iterator[Move]:
    started = time.perf_counter()
    browser = ClipBrowser(samples, root, au_curves(root, samples.index), True)
    print(f"ClipBrowser opens in {time.perf_counter() - started:.1f} s, AU files and all")
    clips = samples.index["clip_id"].sample(times, random_state=0)
    yield "ClipBrowser: another clip", clips, setter(browser, "clip_id")
    yield (
        "ClipBrowser: another frame",
        itertools.islice(itertools.cycle(browser.pictures.numbers), times),
        setter(browser, "number"),
    )
    yield "ClipBrowser: another magnification", range(2, 2 + times), setter(browser, "times")


def run_moves(folders, samples: Samples, root, times: int) -> Iterator[Move]:
    errors = ErrorBrowser(folders, samples, root)
    names = [folder.name for folder in folders]
    cells = [f"{true}|{predicted}" for true in CLASSES for predicted in CLASSES]
    yield "ErrorBrowser: another run", names[::-1], setter(errors, "run")
    yield "ErrorBrowser: another cell", cells, setter(errors, "cell")
    yield "ErrorBrowser: another rule", list(RULES)[::-1], setter(errors, "rule")
    yield "ErrorBrowser: another clip", errors.rows["clip_id"].head(times), setter(errors, "clip_id")
    runs = RunBrowser(folders)
    yield "RunBrowser: another run", names[::-1], setter(runs, "second")
    yield "RunBrowser: another rule", list(RULES)[::-1], setter(runs, "rule")


def grid_moves(units, times: int) -> Iterator[Move]:
    panel = GridPanel(units)
    yield "GridPanel: states read from disk again", range(times), lambda _: panel.refresh()
    yield "GridPanel: a cell opened", [unit.name for unit in units], setter(panel, "opened")


def map_moves(samples: Samples, times: int) -> Iterator[Move]:
    x, y = np.random.default_rng(0).normal(size=(2, len(samples)))
    points = samples.index[["clip_id", "dataset", "label"]].assign(x=x, y=y)
    hover = HoverMap(points, samples, True)
    yield "HoverMap: a clip hovered over", points["clip_id"].sample(times, random_state=0), setter(hover, "hovered")
    yield "HoverMap: by class, by dataset", ["label", "dataset"] * 3, setter(hover, "colour")


def face_moves(times: int) -> Iterator[Move]:
    panel = FacePanel({"one AU": pd.DataFrame(np.eye(len(AUS)), index=list(NAMES), columns=list(NAMES))})
    slider = panel.sliders[0]
    yield "FacePanel: a slider", np.linspace(0.1, 5, times), setter(slider, "value")
    panel.arrows = True
    yield (
        "FacePanel: a frame of the play, with arrows",
        itertools.islice(itertools.cycle(range(21)), times),
        setter(panel, "frame"),
    )
    yield "FacePanel: another face, drawn first", PEOPLE[1:], setter(panel, "person")


def setter(panel, name: str) -> Callable[[object], None]:
    def move(value: object) -> None:
        setattr(panel, name, value)

    return move


def milliseconds(values: Iterable[object], move: Callable[[object], None]) -> np.ndarray:
    taken = []
    for value in values:
        started = time.perf_counter()
        move(value)
        taken.append(1000 * (time.perf_counter() - started))
    return np.array(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", default="notebooks/grids/main_job.yaml")
    parser.add_argument("--times", type=int, default=20)
    args = parser.parse_args()
    units = read_plan(args.grid)
    folders = finished(units)
    settings = units[0].settings
    root = find_corpus(settings.corpus)
    samples = open_samples(settings, arrays=("onset", "apex", "flow")).samples
    parts = (clip_moves(samples, root, args.times), run_moves(folders, samples, root, args.times),
             grid_moves(units, args.times), map_moves(samples, args.times), face_moves(args.times))  # fmt: skip
    rows = []
    for name, values, move in itertools.chain(*parts):
        taken = milliseconds(values, move)
        rows.append(f"| {name} | {len(taken)} | {np.median(taken):.0f} | {taken.max():.0f} |")
    print(f"{len(samples)} clips, {len(folders)} finished runs, load {os.getloadavg()[0]:.1f}")
    print("\n| move | times | median ms | worst ms |\n| --- | --- | --- | --- |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
