"""The doctor on trees that were not made to be read: it stays in the data root, ends, and says what it left."""

import os
from pathlib import Path

import openpyxl
import pytest

from melib.corpus import places
from melib.corpus.doctor import check_frames, exit_code, report
from melib.corpus.scan import scan
from tests.corpus import copies, own

CLIPS = "CASME2/CASME2_RAW_selected"
SHEET = "CASME2/CASME2-coding-20140508.xlsx"


@pytest.fixture
def root(tmp_path) -> Path:
    """A data root with a copy of CASME II and a dataset of one's own, beside a folder that is none of its business."""
    root = tmp_path / "root"
    copies.casme2(root)
    own.of_frames(root, subjects=1)
    copies.frames(tmp_path / "elsewhere" / "sub99" / "EP99_99", ["img1.jpg"])
    return root


def examine(root: Path) -> tuple[str, int]:
    result = check_frames(scan(root))
    assert not result.index["folder"].str.contains("99").any()
    return report(result), exit_code(result)


@pytest.mark.parametrize("dataset", [CLIPS, "pilot"])
def test_links_that_leave_the_root_are_not_followed(root, dataset):
    before = len(scan(root).index)
    (root / dataset / "sub99").symlink_to(root.parent / "elsewhere" / "sub99")
    (root / dataset / "everything").symlink_to("/")
    text, code = examine(root)
    assert f"{dataset}/everything, {dataset}/sub99: A link that leads out of the data root; not followed." in text
    assert len(scan(root).index) == before and code == 0


@pytest.mark.parametrize("dataset", [CLIPS, "pilot"])
def test_loops_of_links_end(root, dataset, monkeypatch):
    for name in ("a", "b", "c"):  # followed to a depth of ten, 59,049 paths
        (root / dataset / name).symlink_to(root)
    for name in ("d", "e"):
        (root / dataset / name).symlink_to(root / dataset)
    opened = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: opened.append(folder) or scandir(folder))
    before = len(own.EMOTIONS) + len(copies.CASME2)
    assert len(scan(root).index) == before
    assert len(opened) < 100
    text, code = examine(root)
    assert f"{dataset}/d, {dataset}/e: A link to a folder that is read already; not followed." in text and code == 0


def test_a_dataset_may_be_a_link_as_a_whole(root):
    (root / "CASME2").rename(root.parent / "moved")
    (root / "CASME2").symlink_to(root.parent / "moved")
    text, code = examine(root)
    assert code == 0 and "5 clips of 5 subjects in CASME2" in text


def test_control_characters_stay_on_their_line(root):
    copies.frames(root / "holi\nday", ["a.txt"])
    copies.frames(root / CLIPS / "sub01" / "EP02_01f", ["error: all of\nit is broken.txt", "\x1b[31m.txt"])
    rows = [("c0", "p0", "happi\nness\x1b[31m", 5, 9, 14, 100, "yes")]
    own.write_sheet(root / "pilot" / "clips.csv", rows)
    text, _ = examine(root)
    assert "holi\\nday" in text and "happi\\nness" in text
    assert "\x1b" not in text and "\nit is broken" not in text and "\nday" not in text and "\nness" not in text


def test_many_files_are_counted_not_listed(root):
    crowd = root / CLIPS / "crowd"
    crowd.mkdir()
    for number in range(100_000):
        os.close(os.open(crowd / f"{number}.txt", os.O_CREAT))
    text, code = examine(root)
    assert "100000 x file that is not read." in text and "and 99992 more" in text
    assert code == 0 and len(text) < 5000


@pytest.mark.parametrize("folder", [f"{CLIPS}/sub02", "pilot/p0"])
def test_a_folder_that_cannot_be_opened_is_an_error_of_its_dataset(root, monkeypatch, folder):
    scandir = os.scandir

    def refuse(path):
        if Path(path) == root / folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    text, code = examine(root)
    assert f"error    {folder}: The folder cannot be opened (Permission denied). Make it readable." in text
    assert code == 1


def test_a_sheet_of_200_columns_and_formulas(root):
    book = openpyxl.load_workbook(root / SHEET)
    tab = book.active
    for column in range(tab.max_column + 1, 201):
        tab.cell(1, column, f"extra {column}")
        for row in range(2, 7):
            tab.cell(row, column, '=HYPERLINK("file:///etc/passwd","x")')
    tab.cell(2, 10, "=1/0")
    book.save(root / SHEET)
    text, code = examine(root)
    assert "5 clips of 5 subjects" in text and code == 0 and "passwd" not in text


def test_a_link_is_judged_by_where_it_leads(tmp_path):
    (tmp_path / "root" / "A" / "inner").mkdir(parents=True)
    (tmp_path / "root" / "B").mkdir()
    (tmp_path / "out").mkdir()
    links = {"home": "root/A", "inside": "root/A/inner", "beside": "root/B", "above": "root", "out": "out"}
    for name, target in links.items():
        (tmp_path / "root" / "A" / name).symlink_to(tmp_path / target)
    bounds = places.Bounds(tmp_path / "root", "A")
    refused = {name: bounds.refuse(tmp_path / "root" / "A" / name) for name in [*links, "inner"]}
    expected = dict.fromkeys(("home", "inside", "above"), places.AGAIN) | {"out": places.OUTSIDE}
    assert refused == expected | dict.fromkeys(("beside", "inner"))
    assert bounds.refuse(tmp_path / "root" / "A" / "beside") == places.AGAIN
