"""Which runs a notebook shows, and in one line what was not run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from melib.folder import is_done
from melib.study.plan import finished, read_plan
from melib.study.unit import Unit

STUDY = "notebooks/grids/study.yaml"
LARGER_BACKBONES = "notebooks/grids/backbones.yaml"  # in the study's tables, but not in `make study`
FIRST_RUNS = "notebooks/grids/main_job.yaml"  # of `make demo`


def grid_to_show(grid: str | None = None, **changes: object) -> tuple[str, list[Unit]]:
    """The named grid and its units; with no name the study's or, while none of its runs is finished, `make demo`'s."""
    for name in [grid] if grid else [STUDY, FIRST_RUNS]:
        units = read_plan(name, quick=False, **changes)
        if finished(units):
            return name, units
    return name, units


def runs_to_show(grid: str, units: Iterable[Unit], **changes: object) -> list[Path]:
    """The finished runs of a grid, and with the study's those of the larger backbones."""
    larger = read_plan(LARGER_BACKBONES, quick=False, **changes) if grid == STUDY else []
    return finished([*units, *larger])


def standing(grid: str, units: Iterable[Unit]) -> str:
    """How many units of a grid are finished, generators among them, and the command that makes the rest.

    Of `make demo`'s runs also what the study would add.
    """
    units = list(units)
    done = sum(is_done(unit.folder) for unit in units)
    command = {STUDY: "make study", FIRST_RUNS: "make demo"}.get(grid, f"melib run {grid}")
    line = f"{done} of {len(units)} runs are finished"
    if done < len(units):
        line += f"; {len(units) - done} not run: `{command}`"
    return line + (". The study of all tables and claims was not run: `make study`" if grid == FIRST_RUNS else "")
