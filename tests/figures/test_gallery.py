import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from melib.cli import main
from melib.figures.gallery import GALLERY, redraw
from melib.figures.gallery import show as show_results
from melib.figures.runs import confusion_matrix, loss_curves
from melib.figures.style import SYNTHETIC, save, show
from melib.home import home


def test_every_stored_table_gives_its_picture_again(tmp_path):
    stored = sorted(path for path in (home() / "figures").glob("*.csv") if path.stem in GALLERY)
    assert stored
    for path in stored:
        shutil.copy(path, tmp_path)
    drawn = list(redraw(tmp_path))
    assert sorted(path.stem for path in drawn) == sorted(path.stem for path in stored)
    assert all(plt.imread(path).std() > 0.02 for path in drawn)  # not a blank page
    for path in stored:  # drawing changes no table
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / path.name), pd.read_csv(path))


def test_a_table_without_rows_is_no_reason_to_draw_no_other(tmp_path):
    for name in ("main_job", "calibration"):
        shutil.copy(home() / "figures" / f"{name}.csv", tmp_path)
    pd.read_csv(tmp_path / "main_job.csv").iloc[:0].to_csv(tmp_path / "main_job.csv", index=False)
    assert sorted(path.stem for path in redraw(tmp_path)) == ["calibration"]


def test_named_figures_alone_are_drawn_and_a_wrong_name_is_answered(tmp_path):
    for name in ("main_job", "calibration"):
        shutil.copy(home() / "figures" / f"{name}.csv", tmp_path)
    assert [path.stem for path in redraw(tmp_path, ["calibration"])] == ["calibration"]
    with pytest.raises(ValueError, match=r"no figure main_jobs\. There are main_job, "):
        list(redraw(tmp_path, ["main_jobs"]))
    with pytest.raises(ValueError, match=r"does not hold claims\.csv"):
        list(redraw(tmp_path, ["claims", "main_job"]))


@pytest.mark.parametrize("synthetic", [True, False])
def test_what_is_synthetic_says_so_on_the_picture(tmp_path, synthetic):
    figure = plt.figure()
    save(figure, tmp_path, "a", pd.DataFrame({"x": [1]}), synthetic)
    assert (SYNTHETIC in [text.get_text() for text in figure.texts]) is synthetic
    assert all(text.get_window_extent().y1 <= 0 for text in figure.texts)  # under the figure: clear of what is drawn
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.csv"}


@pytest.mark.parametrize("out", [True, False])
@pytest.mark.parametrize("synthetic", [True, False])
def test_a_figure_is_shown_once_marked_where_it_is_synthetic_and_saved_where_out_says(
    tmp_path, monkeypatch, out, synthetic
):
    plt.close("all")  # what tests before this one left open
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    figure = plt.figure()
    show(figure, "a", pd.DataFrame({"x": [1]}), out=tmp_path if out else None, synthetic=synthetic)
    assert displayed == [figure]
    assert not plt.get_fignums()
    assert ([text.get_text() for text in figure.texts] == [SYNTHETIC]) is synthetic
    assert {path.name for path in tmp_path.iterdir()} == ({"a.png", "a.csv"} if out else set())
    if out:
        assert pd.read_csv(tmp_path / "a.csv")["synthetic"].tolist() == [synthetic]
    show(plt.figure(), "drawing", out=tmp_path)
    assert (tmp_path / "drawing.png").is_file() and not (tmp_path / "drawing.csv").exists()


def test_a_folder_without_tables_is_refused(tmp_path, capsys):
    for folder in (tmp_path, tmp_path / "nofolder"):
        assert main(["figures", str(folder)]) == 2
        assert f"{folder} {'holds none' if folder.exists() else 'is no folder'}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_confusion_matrix_shows_counts_and_shares_of_the_true_class():
    ax = confusion_matrix(np.array([[3, 1, 0], [0, 5, 0], [0, 0, 0]]), "t", plt.figure().add_subplot())
    texts = [text.get_text() for text in ax.texts]
    assert texts[:5] == ["3\n75%", "1\n25%", "0\n0%", "0\n0%", "5\n100%"]
    assert texts[-1] == "0\n0%"
    plt.close("all")


def test_brl_is_drawn_from_its_first_epoch():
    history = pd.DataFrame({"epoch": [1, 2, 3], "ce": [1.0, 0.8, 0.6], "penalty": [0.0, 0.1, 0.2]})
    ax = loss_curves(history, 2, plt.figure().add_subplot())
    brl = next(line for line in ax.lines if line.get_label() == "penalty")
    assert np.isnan(brl.get_ydata()[0])
    assert brl.get_ydata()[1:].tolist() == [0.1, 0.2]
    plt.close("all")


def test_a_notebook_shows_what_results_hold_and_nothing_else(monkeypatch):
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    table = pd.read_csv(home() / "figures" / "main_job.csv")
    results = {"main_job": table, "claims": pd.DataFrame()}
    for name in ("claims", "effects", "main_job"):
        show_results(results, name)
    (figure,) = displayed
    assert figure.texts[-1].get_text() == SYNTHETIC


def test_a_figure_that_cannot_be_drawn_keeps_no_other_from_being(tmp_path):
    shutil.copy(home() / "figures" / "fig1_protocols.csv", tmp_path)
    rows = pd.read_csv(home() / "figures" / "main_job.csv")
    rows.assign(gain=float("nan")).to_csv(tmp_path / "main_job.csv", index=False)  # one method alone was run
    drawn = []
    with pytest.raises(ValueError, match="Not drawn: main_job: No setting here has a control"):
        for path in redraw(tmp_path):
            drawn.append(path.name)
    assert drawn == ["fig1_protocols.png"]
