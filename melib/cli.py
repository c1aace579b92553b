"""The `melib` command: what a notebook can do, from the shell."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from melib.arguments import make_parser
from melib.bars import bar, counts, stage_bars, study_bar
from melib.home import find, resolve


def demo(args) -> int:
    """Write the demo corpus."""
    from melib.corpus.demo import write_demo

    root = resolve(args.root or f"data/{args.size}" + f"-seed{args.seed}" * bool(args.seed))
    root = write_demo(root, args.size, args.seed, progress=bar("demo clips written"))
    print(f"{args.size} corpus (synthetic) in {root}")
    return 0


def doctor(args) -> int:
    """Report what a data root holds, what was repaired and what is wrong."""
    from melib.corpus.doctor import check_frames, exit_code, report
    from melib.corpus.scan import scan

    result = check_frames(scan(find(args.root), args.datasets.split(",") if args.datasets else None))
    print(report(result))
    return exit_code(result)


def import_(args) -> int:
    """Take flow images and labels from a clone of a public repository, or any folder, into a samples folder."""
    from melib.corpus.index import class_counts
    from melib.prepare.imports import import_images
    from melib.prepare.samples import is_samples_folder

    to = resolve(args.to)
    if to.exists() and not is_samples_folder(to) and any(to.iterdir()):
        raise FileExistsError(f"{to} is there and is no samples folder. Name another folder with --to.")
    labels = args.labels.split(",") if args.labels else ()
    samples = import_images(find(args.folder), args.table, args.images, labels, args.mapping)
    print(class_counts(samples.index).to_string())
    print(f"{len(samples)} clips, pictures of {samples.arrays['flow_image'].shape[1:]}, in {samples.save(to)}")
    return 0


def faces(args) -> int:
    """Show where the faces of a data root were found: a table, and a sheet of frames with their boxes."""
    from melib.figures.faces import box_sheet
    from melib.figures.style import save_drawing, use_style
    from melib.home import DEMO
    from melib.prepare.data import find_corpus, open_corpus
    from melib.prepare.describe import face_table
    from melib.prepare.pipeline import report
    from melib.prepare.settings import PrepareSettings

    boxes = str(find(args.boxes)) if args.boxes else None
    wanted = PrepareSettings(64, face_detector=args.detector, boxes=boxes)
    root = args.root if DEMO.fullmatch(args.root) else str(find(args.root))
    data = open_corpus(root, wanted, ["onset"], stage_bars())
    print(face_table(data.samples.index).round(1).to_string(index=False))
    if len(data.skipped):
        print(report(data.skipped.to_dict("records")))
    use_style(windows=False)
    to = resolve(args.to)
    print(save_drawing(box_sheet(find_corpus(root), data.samples.index, args.each), to.parent, to.stem))
    return 0


def prepare(args) -> int:
    """Prepare the samples of a grid's runs, and check that every one of them can be trained."""
    from melib.learning.data import check_arrays, open_samples
    from melib.learning.fit import check
    from melib.prepare.data import prepare_settings
    from melib.study.plan import check_top_up, read_grid, remember

    wanted = {}
    opened = set()
    for number, run in enumerate(read_grid(find(args.grid)), 1):
        with _naming(number, run):
            key = run.corpus, run.datasets, run.mapping, run.label_mapping, prepare_settings(run)
            wanted.setdefault(key, []).append((number, run))
    for runs in wanted.values():
        for number, run in runs:
            with _naming(number, run):
                check_arrays(run, stage_bars())
        run = runs[0][1]
        arrays = dict.fromkeys(array for _, one in runs for array in one.arrays)
        with _naming(*runs[0]):
            data = open_samples(run, stage_bars(), arrays)
        remember(run, data.fingerprint)
        for number, run in runs:
            with _naming(number, run):
                check(data.samples, run)
                check_top_up(run, data, opened)
        print(f"{run.corpus}: {len(data.samples)} clips at {run.image_size} px, {len(data.skipped)} left out")
    return 0


def plan(args) -> int:
    """Show the runs of a grid, and about how long they will take."""
    from melib.study.plan import expected_seconds
    from melib.study.unit import duration

    units = _plan(args.grid)
    states = _print_table(units)
    seconds, guessed = expected_seconds(units, states)
    if seconds:
        guess = f", estimated for {guessed} without a finished run of the same kind, on one core" if guessed else ""
        print(f"about {duration(seconds)} of training for one slot{guess}; a notebook each takes some seconds more")
    return 0


def status(args) -> int:
    """Show how far a grid is: counts, epoch and time left of what runs, and why others failed."""
    units = _plan(args.grid, quick=True)
    _print_table(units, ("running", "failed", "damaged"))
    return _print_damage(units) if args.verify else 0


def run(args) -> int:
    """Run what a grid still lacks; goes on where it was stopped."""
    from melib.home import home
    from melib.study.launch import LAUNCHERS, Options
    from melib.study.plan import NOTEBOOK

    if not (home() / NOTEBOOK).is_file():
        raise ValueError(f"There is no {NOTEBOOK} in {home()}: run this in the workbook's folder.")
    if args.launcher != "print":
        prepare(args)
    units = _plan(args.grid, quick=True)
    options = Options(args.slots, args.per_gpu, args.time_limit, args.retry_failed, args.remake_damaged, args.address)
    problems = LAUNCHERS[args.launcher](units, options, None if args.launcher == "print" else study_bar())
    for name, reason in problems.items():
        print(f"{name}\n  {reason}", file=sys.stderr)
    print(counts(_states(units)))
    if problems:
        print("`melib run --retry-failed` tries failed runs again.", file=sys.stderr)
    return 1 if problems else 0


def collect(args) -> int:
    """Print the result table of a grid's finished runs; save it, each run's rows, and settings side by side."""
    from melib.learning.settings import RunSettings
    from melib.study.plan import finished
    from melib.study.results import collect as collect_rows
    from melib.study.results import side_by_side, to_markdown

    units = _plan(args.grid)
    folders = finished(units)
    rows = collect_rows(folders)
    to = resolve(args.to)
    to.mkdir(parents=True, exist_ok=True)
    name = Path(args.grid).stem
    text = to_markdown(rows, f"Results of {name}")
    places = RunSettings.having(role=("place", "bookkeeping"))
    tables = {name: side_by_side(folders).drop(columns="seconds"), f"{name}_runs": rows.drop(columns=list(places))}
    for file, table in tables.items():
        table.to_csv(to / f"{file}.csv", index=False, float_format="%.6g")
    (to / f"{name}.md").write_text(text)
    print(text)
    print(f"{counts(_states(units))}; saved {to / name}.csv, _runs.csv and .md")
    return 0


def tables(args) -> int:
    """Make the paper's Tables 3 to 9 and the board of its claims from the finished runs of one or several grids."""
    from melib.study.features import hits_reader
    from melib.study.outcomes import read_outcomes
    from melib.study.plan import finished
    from melib.study.report import write_report

    units = _plan(*args.grids)
    for path in write_report(read_outcomes(finished(units), hits_reader()), resolve(args.to)):
        print(path)
    print(counts(_states(units)))
    return 0


def compare(args) -> int:
    """Set all settings of one or several grids side by side: scores, intervals, gains over their controls."""
    import pandas as pd

    from melib.figures.compare import gains
    from melib.figures.style import save, use_style
    from melib.study.compare import mean_uar
    from melib.study.compare_report import lay_out, write_comparison
    from melib.study.outcomes import read_outcomes
    from melib.study.plan import finished

    units = _plan(*args.grids)
    to = resolve(args.to or f"runs/{Path(args.grids[0]).stem}")
    paths = write_comparison(read_outcomes(finished(units), alike=False), to)
    table = pd.read_csv(to / "compare.csv")
    print(lay_out(table).to_string(index=False))
    print(*paths, sep="\n")
    if mean_uar(table)["gain"].notna().any():
        use_style(windows=False)
        print(save(gains(table), to, "compare", table, synthetic=bool(table["synthetic"].any())))
    print(counts(_states(units)))
    return 0


def peers(args) -> int:
    """Set published methods beside their printed figures: tables and a figure each of the peers' finished grids."""
    from melib.figures.peers import peers as draw
    from melib.figures.style import save_drawing, use_style
    from melib.study.peers_report import tables_of_runs, write_peers

    to = resolve(args.to)
    rows = tables_of_runs(to)
    for path in write_peers(rows, to):
        print(path)
    use_style(windows=False)
    for name, table in rows.groupby("table", sort=False):
        print(save_drawing(draw(table), to, name, synthetic=bool(table["synthetic"].any())))
    return 0


def calibration(args) -> int:
    """Set what was measured on the demo corpus beside the bands of its difficulty; draw what happens in it."""
    from melib.figures import strips
    from melib.figures.difficulty import calibration as draw
    from melib.figures.style import save, save_drawing, use_style
    from melib.prepare.data import find_corpus
    from melib.study.difficulty import calibrate
    from melib.study.plan import finished

    use_style(windows=False)
    units = _plan(args.grid)
    table, bands = calibrate(finished(units))
    table = table.assign(synthetic=True)
    to = resolve(args.to)
    print(save(draw(table), to, "calibration", table, synthetic=True))
    bands.to_csv(to / "calibration_bands.csv", index=False, float_format="%.4g")
    root = find_corpus("demo", stage_bars())
    clips = strips.strip_clips(root)
    columns = clips[["clip_id", "emotion", "acted", "aus"]]
    print(save(strips.film_strips(root, clips), to, "demo_film_strips", columns, synthetic=True))
    print(save_drawing(strips.au_effects(), to, "demo_aus"))
    print(bands.to_string(index=False, float_format="{:.3f}".format))
    print(counts(_states(units)))
    return 0


def likeness(args) -> int:
    """Set the demo corpus beside real clips on the same terms."""
    import pandas as pd

    from melib.figures.difficulty import likeness as draw
    from melib.figures.style import save, use_style
    from melib.learning.data import load_data
    from melib.prepare.samples import Samples
    from melib.study.compare import compare as compare_rows
    from melib.study.difficulty import likeness as measure
    from melib.study.difficulty import probe_accuracies
    from melib.study.outcomes import read_outcomes
    from melib.study.plan import finished

    use_style(windows=False)
    units = _plan(args.grid)
    rows = compare_rows(read_outcomes(finished(units), alike=False))
    real = Samples.load(find(args.real))
    demo = load_data(units[0].settings, stage_bars(), arrays=real.arrays).samples
    real_rows = pd.read_csv(find(args.compare))
    table = measure(real_rows, rows, probe_accuracies(real), probe_accuracies(demo)).assign(synthetic=True)
    print(save(draw(table), resolve(args.to), "likeness", table, synthetic=True))
    print(table.to_string(index=False, float_format="{:.1f}".format))
    print(counts(_states(units)))
    return 0


def controls(args) -> int:
    """Set the gain of each method on the demo corpus, on its shift and on real clips side by side."""
    import pandas as pd

    from melib.figures.controls import controls as draw
    from melib.figures.style import save, use_style
    from melib.study.controls import recovered, side_by_side

    use_style(windows=False)
    folder = find(args.folder)
    names = {"demo": "demo corpus (synthetic)", "shift": "misleading cue (synthetic)", "real": "442 real clips"}
    if absent := [name for name in names if not (folder / name / "compare.csv").is_file()]:
        raise ValueError(
            f"{folder} lacks compare.csv of {', '.join(absent)}: `make controls` or `make real` writes it."
        )
    tables = {name: pd.read_csv(folder / name / "compare.csv") for name in names}
    table = side_by_side({words: tables[name] for name, words in names.items()})
    print(save(draw(table), folder, "controls", table, synthetic=True))
    regained = recovered(tables["shift"], tables["demo"])
    regained.to_csv(folder / "shift_recovered.csv", index=False, float_format="%.4g")
    print(regained.to_string(index=False, float_format="{:.2f}".format))
    return 0


def book(args) -> int:
    """Execute the notebooks on a demo corpus and write them as a static site; what has not changed is kept."""
    from melib.explore.book import BookError, make_book

    to = resolve(args.to)
    try:
        make_book(to, args.size, args.size, find(args.grid))
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{to / 'index.html'}")
    return 0


def figures(args) -> int:
    """Draw the figures of `figures/` again, from the CSVs there alone."""
    from melib.figures.gallery import redraw

    for path in redraw(find(args.folder), args.names):
        print(path)
    return 0


def predict(args) -> int:
    """Predict the class of a clip of one's own from finished runs, with the limits of that prediction."""
    from melib.prepare.spot import Candidates
    from melib.study.models import load_models
    from melib.study.predict import examine, occlusion
    from melib.study.verdict import in_words

    models = load_models([find(folder) for folder in args.runs], stage_bars())
    given = {name: getattr(args, name) for name in ("onset", "apex", "offset", "fps", "box", "cropped")}
    result = examine(models, find(args.clip), **given, progress=bar("frames looked at"))
    print(in_words(result))
    if isinstance(result, Candidates):
        return 1
    if args.to:
        from melib.figures.own_clip import verdict
        from melib.figures.style import save_drawing, use_style

        use_style(windows=False)
        to = resolve(args.to)
        print(save_drawing(verdict(result, occlusion(models, result)), to.parent, to.stem))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        return args.function(args)
    except KeyboardInterrupt:
        print(f"melib {args.command}: stopped; the same command goes on where it was.", file=sys.stderr)
        return 130
    except (ValueError, FileNotFoundError, FileExistsError, PermissionError, ChildProcessError) as error:  # bad input
        print(f"melib {args.command}: {error}", file=sys.stderr)
        return 2


COMMANDS = {
    function.__name__.rstrip("_"): function
    for function in (demo, doctor, import_, faces, prepare, plan, status, run, collect, tables, compare, peers,
                     calibration, likeness, controls, book, figures, predict)
}  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    """Every command and its words."""
    return make_parser(COMMANDS)


@contextmanager
def _naming(number: int, run) -> Iterator[None]:
    """What goes wrong inside is said of this run of a grid."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"run {number}, {run.title}: {error}") from None


def _plan(*grids: str, quick: bool = False) -> list:
    """The units of one or several grids."""
    from melib.study.plan import read_plan

    return [unit for grid in grids for unit in read_plan(find(grid), quick, stage_bars())]


def _states(units) -> dict:
    from melib.study.unit import read_state

    return {unit.name: read_state(unit) for unit in units}


def _print_table(units, shown=None) -> dict:
    """Print a line per unit whose state is among `shown` (default: all), and the counts; return the states by name."""
    states = _states(units)
    for name, state in states.items():
        if shown is None or state.state in shown:
            print(f"{state.state:8} {name}" + (f"\n         {state.note}" if state.note else ""))
    print(counts(states))
    return states


def _print_damage(units) -> int:
    """A line for each file of finished units, and of the cache, that is not what it was written as; the exit code."""
    from melib.folder import check_done, is_done
    from melib.prepare.store import check_cache

    damaged = [
        f"{unit.name}: {problem}"
        for unit in units
        if is_done(unit.folder)
        for problem in check_done(unit.folder, hashes=True)
    ]
    for problem in damaged:
        print(f"damaged  {problem}")
    if damaged:
        print("`melib run GRID --remake-damaged` makes their runs again.")
    cached = check_cache(resolve("cache"))
    for problem in cached:
        print(f"damaged  {problem}")
    print(f"{len(damaged) + len(cached)} damaged files.")
    return 1 if damaged or cached else 0


if __name__ == "__main__":
    sys.exit(main())
