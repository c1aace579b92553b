"""What the set-up files promise of each other."""

import re
import subprocess
import sys
import tomllib

import pandas as pd
import pytest
import yaml

from melib.figures.architecture import SUBPACKAGES
from melib.home import home


def test_conda_and_pip_install_the_same():
    project = tomllib.loads((home() / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((home() / "environment.yml").read_text())["dependencies"]
    assert conda[0] == f"python{project['requires-python']}"
    assert conda[1] == "pip"
    (extra,) = conda[2]["pip"]  # one line: everything else is in pyproject.toml
    assert re.fullmatch(r"-e \.\[(\w+)\]", extra)[1] in project["optional-dependencies"]


def test_all_means_every_other_extra():
    extras = tomllib.loads((home() / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.fullmatch(r"melib\[(.*)\]", extras["all"][0])[1].split(",")
    assert set(named) == set(extras) - {"all"}


def test_the_bounds_that_are_there_for_a_reason():
    dependencies = tomllib.loads((home() / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = {re.match(r"[\w-]+", line)[0]: line for line in dependencies}
    assert bounds["opencv-python"] == "opencv-python>=4.10,<5"
    assert "<" not in bounds["torch"] + bounds["torchvision"]


def test_imports_run_one_way():
    """A subpackage imports from those before it; `learning` knows nothing of `gan` or `aus`."""
    imports = set()
    for path in (home() / "melib").rglob("*.py"):
        subpackage = path.relative_to(home() / "melib").parts[0].removesuffix(".py")
        for name in re.findall(r"^\s*(?:from|import) melib\.(\w+)", path.read_text(), re.MULTILINE):
            if name in SUBPACKAGES and subpackage in SUBPACKAGES and name != subpackage:
                imports.add((subpackage, name))
    assert ("learning", "prepare") in imports
    assert [pair for pair in sorted(imports) if SUBPACKAGES.index(pair[1]) > SUBPACKAGES.index(pair[0])] == []
    assert not imports & {("learning", "gan"), ("learning", "aus")}
    drawn = pd.read_csv(home() / "figures" / "house.csv")
    assert {*zip(drawn["importer"], drawn["imported"], strict=True)} == imports, (
        "The package's imports have changed: python -c \"from melib.figures.architecture import imports; "
        "imports().to_csv('figures/house.csv', index=False)\" and melib figures draw them anew."
    )


def test_the_command_and_its_tables_answer_without_loading_torch():
    names = "melib.cli, melib.study.plan, melib.learning.settings, melib.study.peers_report, melib.figures.gallery"
    code = f"import sys; import {names}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


HOVER = """
import sys, pandas
from melib.explore.hover import HoverMap
HoverMap(pandas.DataFrame([["a", "SMIC", "positive", 0.0, 0.0]], columns=["clip_id", "dataset", "label", "x", "y"]))
print("jsonschema" in sys.modules, "lark" in sys.modules, "rfc3987_syntax" in sys.modules)
"""
RUNNER = """
import contextlib, pathlib, sys, tempfile
from melib.study.runner import _execute
with tempfile.TemporaryDirectory() as folder, contextlib.suppress(FileNotFoundError):
    _execute({"notebook": "none.ipynb", "parameters": {}, "cwd": "."}, pathlib.Path(folder, "runs", "one"))
print("papermill" in sys.modules, "lark" in sys.modules, "rfc3987_syntax" in sys.modules)
"""


@pytest.mark.parametrize(("code", "loaded"), [(HOVER, "True False False"), (RUNNER, "True False False")])
def test_hover_maps_and_runs_load_no_grammar_of_iris_and_hide_it_from_nobody(code, loaded):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == loaded, done.stderr
