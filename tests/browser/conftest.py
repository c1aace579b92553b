"""JupyterLab in a headless Chromium; the tests skip, and say why, where either or Playwright is missing."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from papermill.parameterize import parameterize_notebook

from melib.home import home

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TOKEN = "browser-tests"
SCREENSHOTS = "MELIB_SCREENSHOTS"  # folder that screenshots are written to, where it is set
PATIENCE = 180  # seconds that a kernel or a page may take on a busy machine
QUIET = re.compile(
    r"favicon|ResizeObserver|WebGL|GroupMarkerNotSet|downloadable font|third-party cookie", re.IGNORECASE
)
RAN = """() => {
  const cells = [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")];
  const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
  const failed = outputs.some(output => output.textContent.includes("Traceback (most recent call last)"));
  return failed || cells.every(cell => /\\d/.test(cell.querySelector(".jp-InputPrompt").textContent));
}"""  # a cell that has run has a number
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # else cells out of sight are no part of the page
}


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on the PATH: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab server on an empty folder: its address and that folder."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed: pip install melib[notebooks]")
    folder = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "figures"):
        (folder / name).symlink_to(home() / name)  # where relative paths start
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}",
               f"--LabApp.user_settings_dir={_write_settings(folder.parent)}"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(home()), "OMP_NUM_THREADS": "1"}
    environment.pop("MPLBACKEND", None)
    log = open(folder.parent / "lab.log", "w")  # noqa: SIM115 - the server writes to it
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    _wait_for(f"{address}/api/status?token={TOKEN}", server)
    yield address, folder
    server.terminate()
    server.wait(20)
    log.close()


def _write_settings(folder: Path) -> Path:
    for name, values in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    return folder / "settings"


def _wait_for(address: str, server: subprocess.Popen) -> None:
    for _ in range(120):
        if server.poll() is not None:
            pytest.skip("JupyterLab did not start here; see lab.log beside the temporary folder")
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    pytest.skip("JupyterLab did not answer within a minute")


class Panel:
    """A panel of a notebook that is open in JupyterLab, found by its cell."""

    def __init__(self, page, cell):
        self.page = page
        self.cell = cell
        self.output = cell.locator(".jp-Cell-outputWrapper")

    def look(self) -> str:
        """What is to see of it: the sources of its pictures, and its words."""
        pictures = self.output.locator("img").evaluate_all("pictures => pictures.map(one => one.src)")
        return "\n".join([*pictures, self.output.inner_text()])

    def picture(self, place: int) -> str:
        """The source of its picture number `place`."""
        return self.output.locator("img").nth(place).get_attribute("src")

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until `true()`; what did not come about is the error's words."""
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, f"{what} did not come about within {PATIENCE} s"
            self.page.wait_for_timeout(100)

    def changed(self, place: int, before: str) -> str:
        """Wait until picture number `place` is another one than `before`, and return it."""
        self.until(lambda: self.picture(place) != before, f"another picture {place}")
        return self.picture(place)

    def settle(self) -> None:
        """Wait until nothing has changed for half a second: the kernel has answered."""
        looks = ["", self.look()]
        while looks[-1] != looks[-2]:
            self.page.wait_for_timeout(500)
            looks.append(self.look())

    def choose(self, description: str, label: str | None = None, place: int = 0) -> None:
        """Choose from a drop-down menu by its description; without a label the last entry."""
        menu = self.output.locator(".widget-dropdown", has=self.page.get_by_text(description, exact=True)).nth(place)
        label = label or menu.locator("option").last.inner_text()
        menu.locator("select").select_option(label=label)

    def slide(self, name: str, key: str, times: int = 1) -> None:
        """Press a key on the slider of that name."""
        handle = self.output.locator(".widget-slider", has_text=name).first.locator(".noUi-handle")
        handle.focus()
        for _ in range(times):
            handle.press(key)

    def click(self, selector: str, place: int = 0) -> None:
        """Click on an element of the panel."""
        self.output.locator(selector).nth(place).click()

    def shot(self, name: str) -> None:
        """Write a screenshot of it where a folder for them is set."""
        if folder := os.environ.get(SCREENSHOTS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.settle()
            self.output.locator(".jp-OutputArea-output").last.screenshot(path=Path(folder) / f"{name}.png")


class Opened:
    """A notebook that is open in JupyterLab, with the errors of the browser's console."""

    def __init__(self, page):
        self.page = page
        self.errors: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message) -> None:
        if message.type == "error" and not QUIET.search(message.text):
            self.errors.append(message.text)

    def run(self, seconds: float) -> None:
        """Run all cells, and wait until each has run; an error of one fails the test."""
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        self.page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']")
        prompts = self.page.locator(".jp-InputPrompt").filter(has_text=re.compile(r"[\d*]"))
        while not prompts.count():  # a kernel that is not connected yet takes no notice
            if self.page.locator(".jp-Dialog").count():  # such as the choice of a kernel, where one is slow to start
                self.page.locator(".jp-Dialog .jp-mod-accept").first.click()
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_text("Run All Cells", exact=True).click()
            self.page.wait_for_timeout(5000)
        self.page.wait_for_function(RAN, timeout=1000 * seconds)
        errors = self.page.locator(".jp-OutputArea-output", has_text="Traceback (most recent call last)")
        assert errors.count() == 0, errors.first.inner_text()[-1500:]

    def panel(self, code: str) -> Panel:
        """The panel of the first cell whose code holds those words."""
        cell = self.page.locator(".jp-CodeCell").filter(has_text=code).first
        cell.locator(".jp-Cell-outputWrapper").scroll_into_view_if_needed()
        return Panel(self.page, cell)


@pytest.fixture
def open_notebook(chromium, lab):
    """A function that runs a notebook in JupyterLab, with parameters; console errors fail the test at its end."""
    address, folder = lab
    opened = []

    def run(notebook: nbformat.NotebookNode, name: str, seconds: float = PATIENCE, **parameters) -> Opened:
        if parameters:
            notebook = parameterize_notebook(notebook, parameters)
        nbformat.write(notebook, folder / f"{name}.ipynb")
        page = chromium.new_page(viewport={"width": 1500, "height": 2000})
        page.set_default_timeout(1000 * PATIENCE)
        one = Opened(page)
        opened.append(one)
        page.goto(f"{address}/lab/tree/{name}.ipynb?token={TOKEN}&reset")
        one.run(seconds)
        return one

    yield run
    for one in opened:
        one.page.close()
    errors = [error for one in opened for error in one.errors]
    assert not errors, errors


@pytest.fixture
def open_panel(open_notebook):
    """A function that runs code as a notebook of one cell, and gives its panel."""

    def run(name: str, code: str) -> Panel:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        opened = open_notebook(notebook, name)
        panel = opened.panel("")
        panel.output.locator(".jupyter-widgets").first.wait_for()
        return panel

    return run


@pytest.fixture(scope="session")
def demo_runs(tiny_root, tmp_path_factory) -> dict:
    """A grid on the tiny corpus whose runs are finished (ERM and BRL on SAMM), one more on SMIC beside them."""
    from melib.learning.data import load_data
    from melib.learning.fit import fit
    from melib.learning.record import save_run
    from melib.study.plan import expand

    shared = {"corpus": str(tiny_root), "profile": "tiny", "inputs": "flow"}
    grid = shared | {"out": str(tmp_path_factory.mktemp("browser_runs"))}
    grid |= {"held_out": "SAMM", "method": ["erm", "brl"]}
    for settings in (*expand(grid), *expand(grid | {"held_out": "SMIC", "method": "erm"})):
        data = load_data(settings)
        save_run(fit(data.samples, settings), settings, data)
    return grid


@pytest.fixture(scope="session")
def demo(demo_runs) -> str:
    """Code that opens the samples of `demo_runs` and names its folder."""
    settings = {**demo_runs, "method": "erm"}
    return (
        "from melib.learning.data import open_samples\nfrom melib.learning.settings import RunSettings\n"
        f"root, runs = {settings['corpus']!r}, {settings['out']!r}\n"
        f"settings = RunSettings.from_parameters({settings!r})\n"
        "data = open_samples(settings, arrays=('onset', 'apex', 'flow'))\nsamples = data.samples\n"
        "from melib.study.answers import folders_in\n"
    )
