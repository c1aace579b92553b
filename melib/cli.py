"""The `melib` command: what a notebook can do, from the shell."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from melib.home import resolve


def demo(args) -> int:
    """Write the demo corpus."""
    from melib.corpus.demo import write_demo

    root = write_demo(
        resolve(args.root or f"data/{args.size}"), args.size, args.seed, progress=_bar("demo clips written")
    )
    print(f"{args.size} corpus (synthetic) in {root}")
    return 0


def doctor(args) -> int:
    """Tell what a data root holds, what was repaired and what is wrong."""
    from melib.corpus.doctor import check_frames, exit_code, report
    from melib.corpus.scan import scan

    found = check_frames(scan(resolve(args.root), args.datasets.split(",") if args.datasets else None))
    print(report(found))
    return exit_code(found)


def prepare(args) -> int:
    """Prepare the samples of a grid's runs, so that the runs find them."""
    from melib.learning.data import load_data, prepare_settings
    from melib.study.plan import read_grid

    wanted = {}
    for run in read_grid(args.grid):
        wanted.setdefault((run.corpus, prepare_settings(run)), run)
    for run in wanted.values():
        data = load_data(run, _stage_bars())
        print(f"{run.corpus}: {len(data.samples)} clips at {run.image_size} px, {len(data.skipped)} left out")
    return 0


def plan(args) -> int:
    """Show the runs of a grid."""
    table = _plan(args.grid)
    for row in table.itertuples():
        print(f"{row.state:8} {row.run}")
    print(_counts(table))
    return 0


def run(args) -> int:
    """Run what a grid still lacks, one papermill process a run."""
    from melib.study.launch import run_local

    prepare(args)
    table = _plan(args.grid)
    print(_counts(table))
    todo = int((table["state"] != "done").sum())
    if not todo:
        return 0
    bar, ended, failed = _bar("runs"), [], []

    def show(outcome) -> None:
        ended.append(outcome)
        bar(len(ended), todo)
        if outcome.error:
            failed.append(outcome)
            print(f"failed: {outcome.run}\n  {outcome.error}", file=sys.stderr)

    run_local(table, args.slots, show)
    print(_counts(_plan(args.grid)))
    return 1 if failed else 0


def collect(args) -> int:
    """Print the result table of a grid's finished runs and save it as CSV and Markdown."""
    from melib.study.results import collect as collect_rows
    from melib.study.results import to_markdown

    table = _plan(args.grid)
    rows = collect_rows(_folders(table))
    to = resolve(args.to)
    to.mkdir(parents=True, exist_ok=True)
    name = Path(args.grid).stem
    text = to_markdown(rows, f"Results of {name}")
    rows.drop(columns=["corpus", "out", "device"]).to_csv(to / f"{name}.csv", index=False, float_format="%.6g")
    (to / f"{name}.md").write_text(text)
    print(text)
    print(f"{_counts(table)}; saved {to / name}.csv and .md")
    return 0


def tables(args) -> int:
    """Make the paper's Tables 4 to 9 and the board of its claims from a grid's finished runs."""
    from melib.study.features import hits_reader
    from melib.study.outcomes import read_outcomes
    from melib.study.report import write_report

    plan = _plan(args.grid)
    for path in write_report(read_outcomes(_folders(plan), hits_reader()), resolve(args.to)):
        print(path)
    print(_counts(plan))
    return 0


def figures(args) -> int:
    """Draw the figures of `figures/` again, from the CSVs there alone."""
    from melib.figures.gallery import redraw

    for path in redraw(resolve(args.folder)):
        print(path)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="melib", description="A workbook for cross-dataset micro-expression recognition."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(function, name=None):
        sub = commands.add_parser(name or function.__name__, help=function.__doc__)
        sub.set_defaults(function=function)
        return sub

    sub = command(demo)
    sub.add_argument("root", nargs="?", help="folder to write to (default: data/<size>)")
    sub.add_argument("--size", choices=("tiny", "demo"), default="demo")
    sub.add_argument("--seed", type=int, default=0)
    sub = command(doctor)
    sub.add_argument("root", nargs="?", default="data/demo", help="data root (default: data/demo)")
    sub.add_argument("--datasets", help="the datasets that must be there, such as SMIC,SAMM")
    for function in (prepare, plan, run, collect, tables):
        sub = command(function)
        sub.add_argument("grid", help="grid file, such as notebooks/grids/main_job.yaml")
        if function is run:
            sub.add_argument("--slots", type=int, help="runs at a time (default: cores over threads)")
        if function in (collect, tables):
            sub.add_argument("--to", default="runs", help="folder for what it makes (default: runs)")
    sub = command(figures)
    sub.add_argument("folder", nargs="?", default="figures", help="folder of CSVs and pictures (default: figures)")

    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        return args.function(args)
    except ValueError as error:  # every error of bad input in melib is one; its message says what to do
        print(f"melib {args.command}: {error}", file=sys.stderr)
        return 2


def _plan(grid: str):
    from melib.learning.data import name_data
    from melib.study.plan import make_plan, read_grid

    return make_plan(read_grid(grid), lambda settings: name_data(settings, _stage_bars()))


def _folders(table) -> list[Path]:
    return [resolve(row.out) / row.run for row in table.itertuples() if row.state == "done"]


def _counts(table) -> str:
    counts = table["state"].value_counts()
    return f"{len(table)} runs: " + ", ".join(f"{counts[state]} {state}" for state in counts.index)


def _bar(name: str):
    """A progress callback (done, total) that draws one text bar."""
    from tqdm import tqdm

    bar = tqdm(desc=name, unit="")

    def update(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return update


def _stage_bars():
    """A progress callback (name, done, total) that draws one bar a name."""
    bars = {}

    def update(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = _bar(name)
        bars[name](done, total)

    return update


if __name__ == "__main__":
    sys.exit(main())
