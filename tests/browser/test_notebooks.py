"""Each notebook in JupyterLab: it runs, and each of its panels answers when a control is moved."""

from pathlib import Path

import pytest
import yaml
from papermill.iorw import load_notebook_node

from melib.home import home
from tests.browser.conftest import Panel

MINUTES = 10  # that a notebook may take on a busy machine


def other_colours(panel: Panel) -> None:
    panel.click(".widget-toggle-button:not(.mod-active)")


def another_dataset(panel: Panel) -> None:
    panel.choose("dataset")


def lower_the_jaw(panel: Panel) -> None:
    panel.slide("AU26", "PageUp", 8)


def open_a_cell(panel: Panel) -> None:
    panel.click("td[data-key]")


def by_the_oracle(panel: Panel) -> None:
    panel.choose("epoch by", "oracle: best accuracy on the held-out clips")


def predict_nothing(panel: Panel) -> None:
    panel.output.get_by_role("button", name="Predict").click()


# A notebook's panels by words of their cells' code, and a control of each to move.
PANELS = {
    "01_dataset_analysis": {"ClipBrowser(": another_dataset, "HoverMap(": other_colours},
    "02_au_clustering": {"HoverMap(": other_colours, "FacePanel(": lower_the_jaw},
    "03_gan_augmentation": {"GeneratorPanel(": lower_the_jaw},
    "04_training_brl": {"ErrorBrowser(": open_a_cell, "RunBrowser(": by_the_oracle},
    "05_decision_boundaries": {"HoverMap(": other_colours, "RunBrowser(": by_the_oracle},
    "06_results": {"GridPanel(": open_a_cell, "ErrorBrowser(": open_a_cell, "RunBrowser(": by_the_oracle},
    "07_own_clip": {"OwnClipPanel(": predict_nothing},
}


@pytest.fixture
def parameters(demo_runs, tmp_path) -> dict[str, dict]:
    """What each notebook is run with: the tiny corpus and the finished runs on it."""
    corpus = {"corpus": demo_runs["corpus"], "profile": "tiny"}
    runs = Path(demo_runs["out"])
    grid = tmp_path / "grid.yaml"
    grid.write_text(yaml.safe_dump(demo_runs))
    return {
        "01_dataset_analysis": corpus | {"epochs": 1},
        "02_au_clustering": corpus,
        "03_gan_augmentation": corpus | {"held_out": "SAMM", "steps": 4, "out": str(tmp_path / "generated")},
        "04_training_brl": corpus | {"held_out": "SAMM", "inputs": "flow", "out": str(runs)},
        "05_decision_boundaries": corpus
        | {"held_out": "SAMM", "inputs": "flow", "precision": "fp32", "runs": str(runs)},
        "06_results": {"grid": str(grid)},
        "07_own_clip": {"runs": [str(path) for path in sorted(runs.glob("SAMM__*"))]},
    }


@pytest.mark.parametrize("name", PANELS)
def test_a_notebook_runs_and_its_panels_answer(open_notebook, parameters, name):
    notebook = load_notebook_node(str(home() / "notebooks" / f"{name}.ipynb"))
    opened = open_notebook(notebook, name, 60 * MINUTES, **parameters[name])
    for code, move in PANELS[name].items():
        panel = opened.panel(code)
        panel.output.locator(".jupyter-widgets").first.wait_for()
        panel.settle()
        before = panel.look()
        move(panel)
        panel.until(lambda panel=panel, before=before: panel.look() != before, f"an answer of {code[:-1]}")
        panel.shot(f"{name}_{code[:-1]}")


def test_a_real_video_is_predicted_in_notebook_07_but_not_believed(open_notebook, parameters, real_data):
    """The screenshot shows a real face: it belongs into no repository."""
    notebook = load_notebook_node(str(home() / "notebooks" / "07_own_clip.ipynb"))
    panel = open_notebook(notebook, "real", 60 * MINUTES, **parameters["07_own_clip"]).panel("OwnClipPanel(")
    video = real_data / "face_video" / "WolfgangLanger_Pexels.mp4"
    for name, value in {"or path": video, "onset": 98, "apex": 104, "offset": 110}.items():
        box = panel.output.get_by_role("textbox", name=name)
        box.fill(str(value))
        box.press("Enter")
    panel.output.get_by_role("button", name="Predict").click()
    panel.output.get_by_text("WolfgangLanger_Pexels: onset 98").wait_for()
    panel.output.get_by_text("NOT TO BE RELIED ON").wait_for()
    panel.until(lambda: panel.output.locator("img:visible").count() == 2, "two pictures")
    panel.shot("real_face_video")
