"""The workbook runs: every notebook as papermill runs it, and stored without output."""

import ast
import json
import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from click.testing import CliRunner
from papermill.cli import papermill as command

from melib.corpus.scan import read_index
from melib.folder import is_done
from melib.gan.settings import GanSettings
from melib.home import home
from melib.learning.record import read_run
from melib.learning.settings import RunSettings
from melib.study.peers import PEER_TABLES

NOTEBOOKS = sorted((home() / "notebooks").glob("*.ipynb"))
UNIT = home() / "notebooks" / "04_training_brl.ipynb"
GAN = home() / "notebooks" / "03_gan_augmentation.ipynb"


def papermill(tmp_path: Path, notebook: Path, **parameters) -> str:
    """What `papermill NOTEBOOK out.ipynb -p NAME VALUE ...` ends with: "" or its error."""
    words = [str(notebook), str(tmp_path / "out.ipynb"), "--no-progress-bar"]
    for name, value in parameters.items():
        words += ["-p", name, str(value)]
    with pytest.MonkeyPatch.context() as patch:  # as in a user's shell
        patch.delenv("MPLBACKEND")
        patch.chdir(home())
        ended = CliRunner().invoke(command, words)
    assert (ended.exit_code == 0) == (ended.exception is None)
    return str(ended.exception or "")


def parameter_lines(source: str) -> list[str]:
    """The lines of a parameter cell, but for those that set advanced ones apart."""
    return [line for line in source.splitlines() if not line.startswith("# Advanced")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_without_output_and_with_parameters(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert code[0].metadata.get("tags") == ["parameters"]
    assert all(re.fullmatch(r"\w+: \w+ = .+  # .+", line) for line in parameter_lines(code[0].source))
    for cell in code[1:]:
        assert len(cell.source.splitlines()) <= 15
        nodes = list(ast.walk(ast.parse(cell.source)))
        assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.While)]


def pictures(path, kind="image/png"):
    """How many outputs of an executed notebook are pictures; those that widgets hold are not counted."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    return sum(kind in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path, fields", [(UNIT, RunSettings.names()), (GAN, GanSettings.names())])
def test_the_parameters_of_a_unit_are_the_fields_of_its_settings(path, fields):
    cell = next(c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    lines = parameter_lines(cell.source)
    names = [line.split(":")[0] for line in lines]
    more = ("lam", "recipe")  # one option as an example, and the name of several switches
    assert [name for name in names if name not in more] == list(fields)
    assert all("  # " in line for line in lines)


def test_one_run_from_the_demo_corpus_to_the_run_folder(tmp_path, tiny_root):
    done = papermill(tmp_path, UNIT, corpus=tiny_root, profile="tiny", held_out="SAMM", lam=0.5, out=tmp_path / "runs")
    assert not done, done[-2000:]
    (folder,) = (tmp_path / "runs").glob("[!.]*")
    run = read_run(folder)
    assert (run.settings.held_out, run.settings.option("lam"), run.settings.image_size) == ("SAMM", 0.5, 32)
    assert run.facts["synthetic"] is True
    assert len(run.history) == 4
    assert set(run.predictions["split"]) == {"source_val", "held_out"}
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert pictures(tmp_path / "out.ipynb") == 2
    assert "synthetic demo corpus" in outputs
    assert "oracle_per_metric" in outputs


def test_a_generated_folder_and_a_run_that_is_topped_up_by_it(tmp_path, tiny_root):
    common = dict(corpus=tiny_root, profile="tiny", held_out="SAMM")
    done = papermill(tmp_path, GAN, **common, out=tmp_path / "generated", figures=tmp_path / "figures")
    assert not done, done[-2000:]
    (folder,) = (path for path in (tmp_path / "generated").iterdir() if path.name != ".work")
    assert is_done(folder)
    assert {path.name for path in (folder / "samples").iterdir()} == {"even", "balance", "shuffled"}
    assert {path.name for path in folder.iterdir()} >= {"gan.json", "generator.safetensors", "surprise.gif"}
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".png", ".csv"}
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert re.search(r"of the way to the real face.* before training -?\d+%", outputs)
    assert re.search(
        r"Attention keeps \d+% of the face.*end or the other on 0% of the pixels. Shown on the synth", outputs
    )
    done = papermill(tmp_path, UNIT, **common, augment="balance", inputs="apex", generated=tmp_path / "generated",
                     out=tmp_path / "runs")  # fmt: skip
    assert not done, done[-2000:]
    (run,) = (read_run(path) for path in (tmp_path / "runs").iterdir() if path.name != ".work")
    assert run.facts["data"].endswith(f"+{folder.name}")
    assert sum(run.facts["clips"]["train"].values()) > 0


def test_a_misspelt_parameter_stops_the_run_in_the_cell_after_the_parameters(tmp_path):
    ended = papermill(tmp_path, UNIT, held_owt="SAMM", corpus="/nowhere", out=tmp_path / "runs")
    assert "Unknown parameter 'held_owt'. Did you mean 'held_out'?" in ended
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    (error,) = (output for cell in cells for output in cell.get("outputs", []) if output.output_type == "error")
    assert error.traceback == [f"SettingsError: {error.evalue}"]  # no way through the package
    assert not (tmp_path / "runs").exists()


def test_decision_boundaries_without_a_run_show_the_committed_figure(tmp_path, tiny_root):
    notebook = home() / "notebooks" / "05_decision_boundaries.ipynb"
    done = papermill(tmp_path, notebook, corpus=tiny_root, profile="tiny", runs=tmp_path / "runs")
    assert not done, done[-2000:]
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4), ensure_ascii=False)
    assert "Not run: **" in outputs
    assert "the committed figure of the synthetic demo corpus takes its place" in outputs
    assert pictures(tmp_path / "out.ipynb") == 2


def test_decision_boundaries_train_what_is_missing_and_draw_figures_4_to_7(tmp_path, tiny_root):
    notebook = home() / "notebooks" / "05_decision_boundaries.ipynb"
    asked = dict(corpus=tiny_root, profile="tiny", held_out="SAMM", runs=tmp_path / "runs", out=tmp_path / "f")
    done = papermill(tmp_path, notebook, inputs="flow", train=True, **asked)
    assert not done, done[-2000:]
    assert len(list((tmp_path / "runs").glob("[!.]*"))) == 2
    done = papermill(tmp_path, notebook, **asked)  # on the same runs; those on apex frames are not there
    assert not done, done[-2000:]
    names = {f"{name}.{suffix}" for name in ("fig6_backbones", "fig7_boundaries") for suffix in ("png", "csv")}
    assert {path.name for path in (tmp_path / "f").iterdir()} == names
    table = pd.read_csv(tmp_path / "f" / "fig7_boundaries.csv")
    assert set(table.query("role == 'score'")["panel"]) == {"flow", "flow + BRL (λ = 0.5)"}
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4), ensure_ascii=False)
    assert pictures(tmp_path / "out.ipynb") == 2
    assert pictures(tmp_path / "out.ipynb", "image/svg+xml") == 2
    assert "Not run: **apex, apex + BRL (λ = 0.5)** (bf16)" in outputs
    assert "BRL on flow: **" in outputs
    assert "synthetic demo corpus" in outputs


def test_au_clustering_runs_on_the_tiny_corpus_and_saves_its_figures(tmp_path, tiny_root):
    notebook = home() / "notebooks" / "02_au_clustering.ipynb"
    done = papermill(tmp_path, notebook, corpus=tiny_root, profile="tiny", vectors="difference", out=tmp_path / "f")
    assert not done, done[-2000:]
    names = {path.name for path in (tmp_path / "f").iterdir()}
    assert names == {f"au_{name}.{suffix}" for name in ("centroids", "identity") for suffix in ("png", "csv")}
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert pictures(tmp_path / "out.ipynb") == 6
    assert "Most about emotion" in outputs
    assert "OpenFace format (synthetic)" in outputs


def test_dataset_analysis_runs_on_the_tiny_corpus_and_saves_its_figures(tmp_path, tiny_root):
    notebook = home() / "notebooks" / "01_dataset_analysis.ipynb"
    done = papermill(tmp_path, notebook, corpus=tiny_root, profile="tiny", epochs=3, out=tmp_path / "f")
    assert not done, done[-2000:]
    drawn = ("fig1_protocols", "fig2_samples", "fig3_tsne", "domain_probes", "demo_contact_sheet", "one_clip")
    names = {f"{name}.{suffix}" for name in drawn for suffix in ("png", "csv")}
    assert {path.name for path in (tmp_path / "f").iterdir()} == names | {"table1.csv"}
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert pictures(tmp_path / "out.ipynb") == 6
    assert "67 clips" in outputs
    assert "clusters by emotion are clearer" in outputs
    assert "of 2** networks carry more bits of the dataset" in outputs


def test_results_are_read_from_run_folders_and_say_what_was_not_run(tmp_path, tiny_root):
    from melib.learning.data import load_data
    from melib.learning.fit import fit
    from melib.learning.record import save_run
    from melib.study.plan import read_grid

    grid = tmp_path / "grid.yaml"
    common = f"corpus: {tiny_root}, profile: tiny, inputs: flow, out: {tmp_path / 'runs'}"
    every = "held_out: [SMIC, CASME, CASME2, SAMM, MMEW], method: [erm, brl]"
    grid.write_text(f"- {{{common}, {every}}}\n- {{{common}, held_out: SMIC, diagnose: true}}")
    for settings in read_grid(grid):
        data = load_data(settings)
        save_run(fit(data.samples, settings), settings, data)
    with grid.open("a") as file:  # a run that needs a generator, which then is the plan's first unit; neither is made
        file.write(f"\n- {{{common}, held_out: SMIC, augment: even, generated: {tmp_path / 'generated'}}}")
    done = papermill(tmp_path, home() / "notebooks" / "06_results.ipynb", grid=grid)
    assert not done, done[-2000:]
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert f"11 of 13 runs are finished; 2 not run: `melib run {grid}`" in outputs
    assert pictures(tmp_path / "out.ipynb") == 6
    assert "Results are of the synthetic demo corpus" in outputs
    assert "Published, on real clips" in outputs
    assert "best backbone on the test set (oracle)" in outputs


def test_where_no_run_is_the_committed_results_take_its_place(tmp_path, tiny_root):
    grid = tmp_path / "grid.yaml"
    grid.write_text(f"{{corpus: {tiny_root}, profile: tiny, held_out: SMIC, out: {tmp_path / 'runs'}}}")
    done = papermill(tmp_path, home() / "notebooks" / "06_results.ipynb", grid=grid)
    assert not done, done[-2000:]
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert "No run is there: the committed results of `figures/` take its place." in outputs
    assert f"0 of 1 runs are finished; 1 not run: `melib run {grid}`" in outputs
    assert pictures(tmp_path / "out.ipynb") >= 1


@pytest.mark.parametrize("name", ["01_dataset_analysis", "02_au_clustering"])
def test_a_pilot_of_one_clip_a_class_and_dataset_gets_plain_sentences(tmp_path, tiny_root, name):
    pilot = shutil.copytree(tiny_root, tmp_path / "pilot")
    index = read_index(pilot)
    kept = set(index.dropna(subset=["label"]).drop_duplicates(["dataset", "label"])["folder"])
    for folder in set(index["folder"]) - kept:
        shutil.rmtree(pilot / folder)
    done = papermill(tmp_path, home() / "notebooks" / f"{name}.ipynb", corpus=pilot, profile="tiny", out=tmp_path / "f")
    assert not done, done[-2000:]
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    printed = [output.get("text", "") for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [text for text in printed if "Warning:" in text]
    assert ("is not measured here: a probe" in outputs) == name.startswith("01")


def test_an_own_clip_is_by_default_one_that_the_run_never_saw_and_bad_input_stops_with_a_sentence(tmp_path, tiny_run):
    notebook = home() / "notebooks" / "07_own_clip.ipynb"
    done = papermill(tmp_path, notebook, runs=tiny_run())
    assert not done, done[-2000:]
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4), ensure_ascii=False)
    assert pictures(tmp_path / "out.ipynb") == 3
    assert "NOT TO BE RELIED ON" in outputs
    assert "drawn by the workbook: synthetic" in outputs
    assert "OwnClipPanel" in outputs
    (tmp_path / "empty.mp4").touch()
    done = papermill(tmp_path, notebook, runs=tiny_run(), clip=tmp_path / "empty.mp4")
    assert "empty.mp4 is empty (0 bytes)" in done


def test_peers_are_shown_from_their_table_and_what_was_not_run_says_so(tmp_path):
    notebook = home() / "notebooks" / "08_peers.ipynb"
    done = papermill(tmp_path, notebook)
    assert not done, done[-2000:]
    outputs = json.dumps(nbformat.read(tmp_path / "out.ipynb", as_version=4), ensure_ascii=False)
    assert pictures(tmp_path / "out.ipynb") == len(PEER_TABLES)
    assert "`melib run notebooks/grids/peers_demo.yaml` continues" in outputs
    assert "Needs frames, which these clips lack" in outputs
    assert "Choosing the epoch on the test set adds" in outputs
    done = papermill(tmp_path, notebook, tables=tmp_path)
    assert "`melib run` one of the peers' grids" in done
