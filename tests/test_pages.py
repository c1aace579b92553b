"""The README and the pages under docs/: their examples run as they stand, and what they name is there."""

import re
import shlex
import sys
from itertools import pairwise
from types import SimpleNamespace

import nbformat
import pytest
import torch
import yaml

from melib.cli import _parser
from melib.home import home
from melib.learning.registry import METHODS, NETWORKS, PROTOCOLS
from melib.study import launch
from tests.conftest import toy

PAGES = [
    home() / "README.md",
    home() / "CONTRIBUTING.md",
    home() / "CHANGELOG.md",
    *sorted((home() / "docs").glob("*.md")),
]
PAGES.append(home() / "melib" / "corpus" / "DATASETS.md")
TEXTS = {path.relative_to(home()).as_posix(): path.read_text() for path in PAGES}
LINKS = [(name, link) for name, text in TEXTS.items() for link in re.findall(r"\]\(([^)\s]+)\)", text)]
COMMANDS = [
    (name, line.partition("  #")[0].strip())
    for name, text in TEXTS.items()
    for line in re.findall(r"^    ((?:melib|papermill) .+)$", text, re.MULTILINE)
]


def example(page: str, word: str) -> str:
    """The one python example of a page that holds `word`."""
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", TEXTS[page], re.DOTALL) if word in code]
    return code


def test_the_readme_has_at_most_150_lines_and_spells_its_terms_out():
    text = TEXTS["README.md"]
    assert len(text.splitlines()) <= 150
    for term in ("UAR (unweighted average recall)", "batch regularization learning", "λ (lambda)", "Entropy 28(2):150"):
        assert term in " ".join(text.split())


def test_the_samples_example_trains_and_scores(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = example("README.md", "Samples(")
    lines = [line for line in code.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 10
    names: dict = {}
    exec(code, names)
    assert "source_val" in capsys.readouterr().out
    scored = names["run"].predictions.query("split == 'held_out'")
    assert set(scored["dataset"]) == {"SAMM"} and len(scored) == 15
    assert (tmp_path / "data" / "my_samples" / "samples.json").is_file()


def test_brl_in_a_model_of_your_own():
    code = example("docs/method.md", "BatchRegularizationLoss(")
    lines = [line for line in code.splitlines() if line]
    assert len(lines) <= 12
    names: dict = {}
    exec(code, names)
    assert 0 < names["loss"].item() < 5
    assert names["brl"].weight.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in names["body"].parameters())
    assert not torch.equal(names["brl"].weight.detach(), torch.zeros(16))


@pytest.mark.parametrize("name", [*METHODS, *NETWORKS, *PROTOCOLS])
def test_every_method_with_its_options_and_their_choices_is_described(name):
    spec = (METHODS | NETWORKS | PROTOCOLS)[name]
    choices = [choice for option in spec.options.values() for choice in option.choices]
    lacking = [word for word in (name, *spec.options, *choices) if f"`{word}`" not in TEXTS["docs/method.md"]]
    assert lacking == []


@pytest.fixture
def small_grid(tmp_path, monkeypatch):
    """A current folder with the grid file that the pages name, of one run on toy samples."""
    (tmp_path / "notebooks" / "grids").mkdir(parents=True)
    (tmp_path / "notebooks" / "04_training_brl.ipynb").write_bytes(
        (home() / "notebooks" / "04_training_brl.ipynb").read_bytes()
    )
    toy().save(tmp_path / "toy")
    grid = {"corpus": "toy", "inputs": "flow_image", "held_out": "SAMM", "method": "logreg"}
    (tmp_path / "notebooks" / "grids" / "main_job.yaml").write_text(yaml.safe_dump(grid))
    monkeypatch.chdir(tmp_path)


def test_the_cluster_example_hands_its_workers_over(small_grid, monkeypatch):
    made = {}

    class Cluster:
        def __init__(self, **given):
            made.update(given)

        def scale(self, count):
            made["workers"] = count

    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=Cluster))
    monkeypatch.setattr(launch, "run_dask", lambda units, options: made.update(units=units, options=options))
    exec(example("docs/grids.md", "SLURMCluster"), {})
    assert made["workers"] == 8 and isinstance(made["options"].cluster, Cluster)
    assert [unit.settings.method for unit in made["units"]] == ["logreg"]


def test_the_panel_example_shows_the_grid(small_grid, monkeypatch):
    from melib.explore.grid import GridPanel

    shown = []
    monkeypatch.setattr(GridPanel, "watch", lambda panel: shown.append(panel.units))
    exec(example("docs/grids.md", "GridPanel"), {})
    assert [unit.settings.held_out for unit in shown[0]] == ["SAMM"]


@pytest.mark.parametrize("page, link", [pair for pair in LINKS if not pair[1].startswith("http")])
def test_links_lead_somewhere(page, link):
    path, _, part = link.partition("#")
    target = (home() / page).parent / path
    assert target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if part else []
    assert not part or part in [re.sub(r"[^\w\s-]", "", heading).lower().replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page, command", COMMANDS)
def test_commands_are_understood(page, command):
    """Every `melib` command parses; every papermill command names parameters that its notebook takes."""
    words = shlex.split(command)
    if words[0] == "melib":
        given = vars(_parser().parse_args(words[1:]))
        grids = [given.get("grid"), *given.get("grids", ())]
        assert all((home() / grid).is_file() for grid in grids if grid)
    else:
        cells = nbformat.read(home() / words[1], as_version=4).cells
        taken = re.findall(r"^(\w+):", next(cell.source for cell in cells if cell.cell_type == "code"), re.MULTILINE)
        options = [name for registry in (METHODS, NETWORKS) for spec in registry.values() for name in spec.options]
        asked = [after for word, after in pairwise(words) if word == "-p"]
        assert asked and set(asked) <= {*taken, *options}
