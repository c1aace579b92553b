"""The notebooks, executed on a demo corpus, as a static site; what has not changed is not run again."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from melib.explore.still import PLOTLY, WIDGET_STATE, WIDGET_VIEW, still
from melib.figures.style import SYNTHETIC
from melib.home import home, write_whole
from melib.imports import without_grammar

KEYS = "book.json"  # the key that each page was made for
MORE = {"05_decision_boundaries": {"inputs": "flow"}}  # the runs of `make demo` see flow


class BookError(RuntimeError):
    """A notebook of the book that did not run; the message names it and its last lines."""


def make_book(
    to: Path, corpus: str, profile: str, grid: Path, notebooks: Iterable[Path] = (), report: Callable = print
) -> list[str]:
    """Write a page a notebook and an index page into the folder `to`; return the names of the notebooks that were run.

    A page is made anew where its `page_key` has changed. Each notebook is given those of corpus, profile and grid that
    it takes. Raises BookError where one fails; the pages before it are kept.
    """
    to.mkdir(parents=True, exist_ok=True)
    _copy_plotly(to)
    paths = list(notebooks) or sorted((home() / "notebooks").glob("[0-9]*.ipynb"))
    keys = json.loads((to / KEYS).read_text()) if (to / KEYS).is_file() else {}
    ran = []
    for path in paths:
        given = {"corpus": corpus, "profile": profile, "grid": str(grid), **MORE.get(path.stem, {})}
        key = page_key(path, grid, given)
        if keys.get(path.stem) == key and (to / f"{path.stem}.html").is_file():
            report(f"{path.stem}: unchanged")
            continue
        report(f"{path.stem}: running")
        executed = execute(path, to / ".work" / path.name, given)
        write_whole(to / f"{path.stem}.html", page(executed).encode())
        keys[path.stem] = key
        write_whole(to / KEYS, json.dumps(keys, indent=1).encode())
        ran.append(path.stem)
    write_whole(to / "index.html", index_page(paths).encode())
    return ran


def page_key(notebook: Path, grid: Path, given: dict[str, str]) -> str:
    """What a page is made of, as a hash: the notebook, every file of the package, the grid, and the parameters."""
    digest = hashlib.blake2b(digest_size=16)
    package = Path(__file__).parents[1]
    for path in (notebook, grid, *sorted(path for path in package.rglob("*") if path.suffix in (".py", ".csv"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(json.dumps({name: given[name] for name in given if name != "grid"}, sort_keys=True).encode())
    return digest.hexdigest()


def execute(notebook: Path, to: Path, given: dict[str, str]) -> Path:
    """Run a notebook with papermill in a process of its own; return where it lies, executed.

    Raises BookError with the last lines of what it said.
    """
    with without_grammar():
        import papermill

    to.parent.mkdir(parents=True, exist_ok=True)
    taken = papermill.inspect_notebook(str(notebook))
    command = [sys.executable, "-m", "papermill", str(notebook), str(to), "--no-progress-bar"]
    for name in sorted(set(taken) & set(given)):
        command += ["-p", name, given[name]]
    done = subprocess.run(command, cwd=home(), capture_output=True, text=True)
    if done.returncode:
        raise BookError(f"{notebook.name} failed:\n{done.stderr[-1500:]}")
    return to


def page(executed: Path) -> str:
    """An executed notebook as an HTML page, its widgets as pictures (`still`)."""
    with without_grammar():
        import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(executed, as_version=4)
    models = notebook.metadata.pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            heading = cell.source.partition("\n")[0].lstrip("# ")
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            if picture:  # nbconvert's template gives it no alternative text
                output["data"] = {"text/html": _picture(picture, heading)}
            view = output.get("data", {}).pop(WIDGET_VIEW, None)
            if view:
                output["data"] = {"text/html": still(models, view["model_id"])}
    body = HTMLExporter(template_name="lab", exclude_input_prompt=True, exclude_output_prompt=True).from_notebook_node(
        notebook
    )[0]
    top = f"<script src='{PLOTLY}'></script><p style='margin:1em'><a href='index.html'>All pages</a> · {_mark()}</p>"
    return body.replace("<main>", f"<main>{top}", 1) if "<main>" in body else top + body


def index_page(notebooks: Iterable[Path]) -> str:
    """The first page: each notebook's title and first paragraph, with a link."""
    with without_grammar():
        import nbformat

    items = []
    for path in notebooks:
        lines = nbformat.read(path, as_version=4).cells[0].source.split("\n")
        title = lines[0].removeprefix("# ")
        first = next((line for line in lines[1:] if line.strip()), "")
        text = re.sub("`(.+?)`", r"<code>\1</code>", html.escape(first))
        text = re.sub(":$", ".", text)  # what follows is no part of this page
        items.append(f"<h3><a href='{path.stem}.html'>{html.escape(title)}</a></h3><p>{text}</p>")
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>The workbook</title>
<body style="font-family:sans-serif;max-width:46em;margin:2em auto;line-height:1.5">
<h1>Cross-dataset micro-expression recognition: the workbook, executed</h1>
<p>{_mark()} The pages show that every step runs and what it gives; they say nothing about real faces. Panels are
pictures here; in JupyterLab they can be used.</p>
{"".join(items)}
</body></html>
"""


def _picture(data: str, heading: str) -> str:
    text = html.escape(f"Figure of the section: {heading}", quote=True)
    return f'<img alt="{text}" src="data:image/png;base64,{data.strip()}" style="max-width:100%">'


def _mark() -> str:
    return f"<i style='color:#B00020'>Executed on the {SYNTHETIC}.</i>"


def _copy_plotly(to: Path) -> None:
    import plotly

    shutil.copyfile(Path(plotly.__file__).parent / "package_data" / PLOTLY, to / PLOTLY)
