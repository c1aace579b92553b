"""The sheet of face boxes shows the doubtful ones first, each where it was found."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from melib.cli import main
from melib.figures.faces import METHOD_COLOURS, box_sheet, to_look_at
from melib.prepare.describe import face_table
from tests.prepare.clips import row, write_clip


@pytest.fixture
def located(tmp_path):
    """Five clips of one dataset, the last found in Haar's second pass."""
    rows = []
    for number in range(5):
        write_clip(tmp_path / "SAMM" / f"c{number:02d}", seed=number)
        method = "haar_lenient" if number == 4 else "yunet"
        box = {"method": method, "x": 5.0, "y": 6.0, "w": 40.0 + number, "h": 50.0, "angle": -number}
        rows.append(row("SAMM", number) | {f"face_{name}": value for name, value in box.items()})
    return pd.DataFrame(rows)


def test_doubtful_boxes_come_first_then_subjects_in_turn(located):
    assert to_look_at(located, 4)["clip"].tolist() == ["c04", "c00", "c01", "c02"]
    assert to_look_at(located, 9)["clip"].tolist() == ["c04", "c00", "c01", "c02", "c03"]


def test_a_box_is_drawn_where_the_face_was_found(located, tmp_path):
    figure = box_sheet(tmp_path, located, each=3)
    (first, *_) = figure.axes
    (box,) = first.patches
    assert (box.get_x(), box.get_y(), box.get_width(), box.get_height()) == (5, 6, 44, 50)
    assert plt.matplotlib.colors.to_hex(box.get_edgecolor()).upper() == METHOD_COLOURS["haar_lenient"]
    corners = first.transData.inverted().transform(box.get_transform().transform([[0, 0], [1, 1]]))
    assert corners.mean(0).tolist() == pytest.approx([27, 31])  # a box turns about its centre
    assert corners[0, 0] != pytest.approx(5)
    plt.close(figure)


def test_the_table_counts_methods_and_measures_boxes(located):
    table = face_table(located).set_index("face_method")
    assert table.loc["yunet", ["clips", "width", "width_min", "width_max", "roll"]].tolist() == [4, 41.5, 40, 43, 3]
    assert table.loc["haar_lenient", "clips"] == 1


def test_one_call_shows_the_faces_of_a_data_root(tiny_root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("melib.prepare.data.resolve", lambda path: tmp_path / path)
    assert main(["faces", str(tiny_root), "--to", str(tmp_path / "faces.png"), "--each", "2"]) == 0
    said = capsys.readouterr().out
    assert "yunet" in said and "cropped" in said and (tmp_path / "faces.png").stat().st_size > 10_000
