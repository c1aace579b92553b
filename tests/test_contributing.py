"""What CONTRIBUTING.md says works as it stands: its text is put into a copy of the package, and run."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from melib.home import home
from tests.conftest import toy

TEXT = (home() / "CONTRIBUTING.md").read_text()
FILES = re.findall(r"^`(melib/\S+)`\n\n```python\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
LINES = re.findall(r"^A line in `(\w+)`:\n\n```python\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
(ARRAY,) = re.findall(r"```python\n(from melib.prepare.samples.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its notebooks, with the page's files written and its lines put into the registry."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("melib", "notebooks"):
        shutil.copytree(home() / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path, code in FILES:
        (root / path).write_text(code)
    for name, line in LINES:
        registry = root / "melib" / ("prepare/arrays.py" if name == "ARRAYS" else "learning/registry.py")
        text = registry.read_text()
        assert text.count(f"\n{name} = {{\n") == 1
        registry.write_text(text.replace(f"\n{name} = {{\n", f"\n{name} = {{\n{line}"))
    toy(size=16, subjects=4).save(root / "my_samples")
    python(root, "-c", ARRAY)
    return root


def python(root, *words):
    environment = {**os.environ, "PYTHONPATH": str(root)}
    ended = subprocess.run([sys.executable, *words], cwd=root, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_what_the_page_adds_passes_the_style_check(copy):
    shutil.copy(home() / "pyproject.toml", copy)
    assert "All checks passed" in python(copy, "-m", "ruff", "check", "melib")


def test_the_page_adds_one_of_each_kind():
    assert [name for name, _ in LINES] == ["ALGORITHMS", "NETWORKS", "ESTIMATORS", "PROTOCOLS", "ARRAYS"]
    assert len(FILES) == len(LINES)


def test_they_go_through_papermill_status_collect_and_tables(copy):
    common = {"corpus": "my_samples", "profile": "tiny", "inputs": "flow_image", "image_size": 16, "out": "runs"}
    lodo = {**common, "held_out": ["SMIC", "CASME", "SAMM"]}
    grids = {
        "lodo": [{**lodo, "method": "risk_range", "beta": 1}, {**lodo, "method": "centroids", "held_out": "SAMM"}],
        "others": [
            {
                **lodo,
                "held_out": "SAMM",
                "method": "risk_range",
                "network": "two_layer",
                "width": 8,
                "inputs": "contrast",
            },
            {**common, "held_out": "all", "protocol": "halves", "method": "centroids"},
        ],
        "array": [
            {
                "corpus": "tiny",
                "profile": "tiny",
                "held_out": "SAMM",
                "method": ["centroids", "logreg"],
                "inputs": "flow+brightness",
            },
            {"corpus": "tiny", "profile": "tiny", "held_out": "odd", "protocol": "halves", "method": "centroids"},
        ],
    }
    for name, grid in grids.items():
        (copy / f"{name}.yaml").write_text(yaml.safe_dump(grid))
        count = {"lodo": 4, "others": 2, "array": 3}[name]
        how = "local" if name == "others" else "plain"  # papermill starts a kernel a run
        run = python(copy, "-m", "melib.cli", "run", f"{name}.yaml", "--launcher", how, "--slots", "1")
        assert f"{count} runs: {count} done" in run
        assert f"{count} runs: {count} done" in python(copy, "-m", "melib.cli", "status", f"{name}.yaml")
        collected = python(copy, "-m", "melib.cli", "collect", f"{name}.yaml", "--to", name)
        assert "centroids" in collected
    assert "claims.csv" in python(copy, "-m", "melib.cli", "tables", "lodo.yaml", "--to", "tables")
    folders = {path.name.split("__")[1] for path in (copy / "runs").glob("[!.]*")}
    assert folders == {"risk_range-cnn", "centroids", "risk_range-two_layer", "logreg"}
