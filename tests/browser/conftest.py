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
from pathlib import Path

import nbformat
import pytest

from melib.home import home

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TOKEN = "browser-tests"
SCREENSHOTS = "MELIB_SCREENSHOTS"  # folder that screenshots are written to, where it is set
QUIET = re.compile(
    r"favicon|ResizeObserver|WebGL|GroupMarkerNotSet|downloadable font|third-party cookie", re.IGNORECASE
)


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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}",
               "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
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


class Opened:
    """A notebook that was opened in JupyterLab and run, the errors of its console among it."""

    def __init__(self, page, errors: list[str]):
        self.page = page
        self.errors = errors

    def picture(self, place: int) -> str:
        """The source of the panel's picture number `place`."""
        return self.page.locator(".jp-OutputArea-output img").nth(place).get_attribute("src")

    def changed(self, place: int, before: str) -> str:
        """Wait until that picture is another one than `before`, and return it."""
        self.page.wait_for_function(
            "([place, before]) => document.querySelectorAll('.jp-OutputArea-output img')[place].src !== before",
            arg=[place, before],
            timeout=30_000,
        )
        return self.picture(place)

    def choose(self, description: str, label: str, place: int = 0) -> None:
        """Choose from a drop-down menu by its description."""
        menu = self.page.locator(".widget-dropdown", has=self.page.get_by_text(description, exact=True)).nth(place)
        menu.locator("select").select_option(label=label)

    def shot(self, name: str) -> None:
        """Write a screenshot of the output where a folder for them is set."""
        if folder := os.environ.get(SCREENSHOTS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(800)
            self.page.locator(".jp-OutputArea-output").last.screenshot(path=Path(folder) / f"{name}.png")


@pytest.fixture
def open_panel(chromium, lab):
    """A function that runs code in a notebook in JupyterLab and gives the page once a panel stands there.

    At the end of a test, errors in the browser's console fail it.
    """
    address, folder = lab
    pages = []

    def open_notebook(name: str, code: str, selector: str = ".jp-OutputArea-output .jupyter-widgets") -> Opened:
        write_notebook(folder / f"{name}.ipynb", code)
        page = chromium.new_page(viewport={"width": 1500, "height": 1300})
        opened = Opened(page, [])
        page.on("console", lambda message: _note(opened.errors, message))
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        page.goto(f"{address}/lab/tree/{name}.ipynb?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=90_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_selector(f"{selector}, .jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']",
                               timeout=120_000)  # fmt: skip
        error = page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']")
        assert error.count() == 0, error.first.inner_text()[-1500:]
        page.wait_for_selector(selector, timeout=60_000)
        pages.append(opened)
        return opened

    yield open_notebook
    for opened in pages:
        opened.page.close()
        assert not opened.errors, opened.errors


def _note(errors: list[str], message) -> None:
    if message.type == "error" and not QUIET.search(message.text):
        errors.append(message.text)


def write_notebook(path: Path, code: str) -> None:
    """A notebook of one cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


@pytest.fixture(scope="session")
def demo(tiny_root, tmp_path_factory):
    """Code that opens the tiny corpus' samples, and run folders on it: two methods on SAMM and one on SMIC."""
    from melib.learning.data import load_data
    from melib.learning.fit import fit
    from melib.learning.record import save_run
    from melib.learning.settings import RunSettings
    from melib.study.plan import expand

    runs = tmp_path_factory.mktemp("browser_runs")
    grid = {"corpus": str(tiny_root), "profile": "tiny", "inputs": "flow", "out": str(runs)}
    for changes in ({"held_out": "SAMM", "method": ["erm", "brl"]}, {"held_out": "SMIC", "method": "erm"}):
        for settings in expand(grid | changes):
            data = load_data(settings)
            save_run(fit(data.samples, settings), settings, data)
    given = json.dumps({**grid, "held_out": "SAMM"})
    assert RunSettings.from_parameters(json.loads(given))
    return (
        "from melib.learning.data import open_samples\nfrom melib.learning.settings import RunSettings\n"
        f"root, runs = {str(tiny_root)!r}, {str(runs)!r}\n"
        f"settings = RunSettings.from_parameters({given})\n"
        "data = open_samples(settings, arrays=('onset', 'apex', 'flow'))\nsamples = data.samples\n"
        "from melib.study.answers import folders_in\n"
    )
