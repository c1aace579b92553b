"""The launcher, on a small notebook that needs no torch."""

import nbformat
import pandas as pd
import pytest

from melib.study import launch
from melib.study.plan import executed_notebook, expand, make_plan

UNIT = """
from pathlib import Path
assert seed != 1, "seed 1 is unlucky"
folder = Path(out) / next(name for name in names if f"__s{seed}__" in name)
folder.mkdir()
(folder / "value").write_text(f"{held_out} {lam} {sources}")
(folder / "done").touch()
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    runs = expand(
        {"held_out": "SAMM", "seed": [0, 1, 2], "lam": 0.3, "sources": [["SMIC", "MMEW"]], "out": str(tmp_path)}
    )
    plan = make_plan(runs, lambda _: "f00d")
    cell = nbformat.v4.new_code_cell("held_out = lam = seed = sources = out = None", metadata={"tags": ["parameters"]})
    unit = nbformat.v4.new_code_cell(f"names = {list(plan['run'])}\n{UNIT}")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, unit], metadata=kernel), tmp_path / "unit.ipynb")
    monkeypatch.setattr(launch, "NOTEBOOK", str(tmp_path / "unit.ipynb"))
    return plan


def test_runs_what_is_not_done_and_tells_of_failures(tmp_path, plan):
    seen: list[launch.Outcome] = []
    outcomes = launch.run_local(plan, slots=2, progress=seen.append)
    assert seen == outcomes
    assert [outcome.error for outcome in outcomes] == ["", "AssertionError: seed 1 is unlucky", ""]

    done = tmp_path / plan["run"][0]
    assert (done / "value").read_text() == "SAMM 0.3 ['SMIC', 'MMEW']"
    assert (done / "notebook.ipynb").is_file()  # the executed notebook joins its run
    assert executed_notebook(tmp_path, plan["run"][1]).is_file()  # a failed one is kept for reading
    assert not executed_notebook(tmp_path, plan["run"][0]).exists()


def test_what_is_done_is_skipped(plan):
    assert launch.run_local(plan.assign(state="done")) == []
    assert launch.run_local(pd.DataFrame(columns=plan.columns)) == []
