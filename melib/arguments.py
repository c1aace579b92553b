"""The words of the `melib` command: every subcommand with its arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

PATHS = ("root", "folder", "grid", "grids", "clip", "runs", "real", "to", "table", "images", "boxes")  # name files


def make_parser(functions: Mapping[str, Callable]) -> argparse.ArgumentParser:
    """The parser of a command whose subcommands are `functions` by name; their docstrings are the help."""
    parser = argparse.ArgumentParser(
        prog="melib", description="A workbook for cross-dataset micro-expression recognition."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=functions[name].__doc__)
        sub.set_defaults(function=functions[name])
        return sub

    for add in (_add_data, _add_grids, _add_results, _add_predict):
        add(command)
    _add_completion(parser, commands.choices)
    return parser


def _add_data(command: Callable) -> None:
    """What reads or writes data."""
    sub = command("demo")
    sub.add_argument("root", nargs="?", help="folder to write to (default: data/<size>, or data/<size>-seed<seed>)")
    sub.add_argument("--size", choices=("tiny", "demo"), default="demo")
    sub.add_argument("--seed", type=int, default=0)
    sub = command("doctor")
    sub.add_argument("root", nargs="?", default="data/demo", help="data root (default: data/demo)")
    sub.add_argument("--datasets", help="the datasets that must be there, such as SMIC,SAMM")
    sub = command("import")
    sub.add_argument(
        "folder", help="clone of a public repository with flow images, or a folder of pictures and a table"
    )
    sub.add_argument("--to", required=True, help="samples folder to write")
    sub.add_argument("--table", help="CSV in the folder: dataset, subject, clip, label or emotion, and file if need be")
    sub.add_argument("--images", help="folder of the pictures in it (default: all of it)")
    sub.add_argument("--labels", help="what label numbers stand for, such as negative,positive,surprise")
    sub.add_argument("--mapping", default="table1", help="of emotions to classes (default: table1)")
    sub = command("faces")
    sub.add_argument("root", nargs="?", default="demo", help="data root, demo or tiny (default: demo)")
    sub.add_argument("--to", default="runs/faces.png", help="picture to write; faces of licensed data stay local")
    sub.add_argument("--each", type=int, default=8, help="clips shown of each dataset (default: 8)")
    sub.add_argument("--detector", choices=("yunet", "haar"), default="yunet")
    sub.add_argument("--boxes", help="CSV of face boxes (clip_id, x, y, w, h)")


def _add_grids(command: Callable) -> None:
    """What works on one grid."""
    for name in ("prepare", "plan", "run", "status", "collect"):
        sub = command(name)
        sub.add_argument("grid", help="grid file, such as notebooks/grids/main_job.yaml")
        if name == "run":
            sub.add_argument("--launcher", choices=("print", "local", "plain", "dask"), default="local")
            sub.add_argument("--slots", type=int, help="runs at a time (default: cores over threads)")
            sub.add_argument("--per-gpu", type=int, default=1, help="runs at a time on each GPU (default: 1)")
            sub.add_argument("--time-limit", type=float, metavar="SECONDS", help="end a run that takes longer")
            sub.add_argument("--retry-failed", action="store_true", help="try failed runs again")
            sub.add_argument("--remake-damaged", action="store_true", help="make damaged runs again")
            sub.add_argument("--address", help="dask: the scheduler's address (default: workers on this machine)")
        if name == "status":
            sub.add_argument("--verify", action="store_true", help="hash every file of finished runs and of the cache")
        if name == "collect":
            sub.add_argument("--to", default="runs", help="folder for what it makes (default: runs)")


def _add_results(command: Callable) -> None:
    """What makes tables, figures and pages of runs."""
    sub = command("tables")
    sub.add_argument("grids", nargs="+", help="grid files on one corpus")
    sub.add_argument("--to", default="runs", help="folder for what it makes (default: runs)")
    sub = command("compare")
    sub.add_argument("grids", nargs="+", help="grid files on one corpus")
    sub.add_argument("--to", help="folder for what it makes (default: one in runs/, called like the first grid)")
    sub = command("peers")
    sub.add_argument("--to", default="runs", help="folder for what it makes (default: runs)")
    sub = command("calibration")
    sub.add_argument("grid", nargs="?", default="notebooks/grids/calibration.yaml", help="grid that measured it")
    sub.add_argument("--to", default="figures", help="folder for what it makes (default: figures)")
    sub = command("likeness")
    sub.add_argument("real", help="folder of samples of real clips, with their flow_image and what else is there")
    sub.add_argument("--grid", default="notebooks/grids/likeness.yaml", help="grid of the demo corpus on their terms")
    sub.add_argument("--compare", default="figures/real/compare.csv", help="scores of the real clips, of melib compare")
    sub.add_argument("--to", default="figures", help="folder for what it makes (default: figures)")
    sub = command("controls")
    sub.add_argument(
        "folder", nargs="?", default="figures", help="holds demo/, shift/ and real/, each with compare.csv"
    )
    sub = command("book")
    sub.add_argument("--grid", default="notebooks/grids/main_job.yaml", help="grid whose runs notebook 06 shows")
    sub.add_argument("--size", choices=("tiny", "demo"), default="demo", help="demo corpus and profile (default: demo)")
    sub.add_argument("--to", default="book", help="folder of the site (default: book)")
    sub = command("figures")
    sub.add_argument("folder", nargs="?", default="figures", help="folder of CSVs and pictures (default: figures)")
    sub.add_argument("names", nargs="*", help="figures to draw, such as main_job (default: all whose CSV is there)")


def _add_predict(command: Callable) -> None:
    """What looks at a single clip."""
    sub = command("predict")
    sub.add_argument("runs", nargs="*", help="run folders, averaged (default: one of the demo corpus, else the first)")
    sub.add_argument("clip", help="video file, or folder of numbered images")
    for name in ("onset", "apex", "offset"):
        sub.add_argument(f"--{name}", type=int, metavar="FRAME", help="its number; frames of a video count from 1")
    sub.add_argument("--fps", type=float, help="frames per second (default: as the video states)")
    sub.add_argument("--box", metavar="X,Y,W,H", help="of the face in the onset frame, pixels (default: found)")
    sub.add_argument("--cropped", action="store_true", help="the frames show the face alone")
    sub.add_argument("--to", help="picture to write, with the face and the regions that the prediction rests on")


def _add_completion(parser: argparse.ArgumentParser, commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """Add `--print-completion SHELL`; words that name a file or folder are completed as such."""
    import shtab

    shtab.add_argument_to(parser, "--print-completion", help="print a completion script for this shell")
    for action in (action for sub in commands.values() for action in sub._actions if action.dest in PATHS):
        action.complete = shtab.FILE
