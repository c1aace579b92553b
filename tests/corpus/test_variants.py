"""Sheets as real copies hold them: saved by other programs, columns and words spelt otherwise, cells merged."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
import xlrd

from melib.corpus.doctor import exit_code, report
from melib.corpus.scan import scan
from tests.corpus import copies

WITH_SHEETS = ("CASME", "CASME2", "SAMM", "MMEW")
COLUMNS = ["clip_id", "label", "onset", "apex", "offset", "au_codes"]


def sheet_of(root: Path, dataset: str) -> Path:
    (path,) = (path for path in (root / dataset).rglob("*") if path.suffix.lower() in (".xls", ".xlsx"))
    return path


def lines_of(path: Path) -> list[list]:
    if path.suffix == ".xls":
        tab = xlrd.open_workbook(path).sheet_by_index(0)
        return [[None if cell == "" else cell for cell in tab.row_values(line)] for line in range(tab.nrows)]
    return [list(row) for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True)]


def as_text(name: str = "", ending: str = ".csv", encoding: str = "utf-8", separator: str = ",", comma: bool = False):
    """Save each sheet as text, its decimals with commas if asked."""

    def change(root: Path) -> None:
        for dataset in WITH_SHEETS:
            path = sheet_of(root, dataset)
            lines = lines_of(path)
            path.unlink()
            with path.with_name(f"{name or path.stem}{ending}").open("w", encoding=encoding, newline="") as file:
                writer = csv.writer(file, delimiter=separator)
                for line in lines:
                    cells = ["" if cell is None else cell for cell in line]
                    writer.writerow([str(c).replace(".", ",") if comma and isinstance(c, float) else c for c in cells])

    return change


def rewritten(cell: Callable = lambda cell: cell, lines: Callable = lambda lines: lines, ending: str = ".xlsx"):
    """Write each sheet anew, its cells or all of its lines changed."""

    def change(root: Path) -> None:
        for dataset in WITH_SHEETS:
            path = sheet_of(root, dataset)
            changed = lines([[cell(value) for value in line] for line in lines_of(path)])
            path.unlink()
            book = openpyxl.Workbook()
            for line in changed:
                book.active.append(line)
            book.save(path.with_suffix(".xlsx"))
            path.with_suffix(".xlsx").rename(path.with_suffix(ending))

    return change


def padded(cell):
    return f"\u00a0 {cell} " if isinstance(cell, str) else cell


def upper(cell):
    return cell.upper() if isinstance(cell, str) else cell


def number_as_text(cell):
    return str(cell) if isinstance(cell, (int, float)) else cell


def number_as_float(cell):
    return float(cell) if isinstance(cell, int) else cell


WORDS = {
    "Subject": "Participant", "Filename": "Clip Name", "Action Units": "AUs", "Estimated Emotion": "Emotions",
    "OnsetFrame": "Onset", "ApexFrame": "Apex", "OffsetFrame": "Offset", "Onset Frame": "Onset frame number",
    "Apex Frame": "Apex frame number", "Offset Frame": "Offset frame number", "happiness": "Happy",
    "disgust": "Disgusted", "surprise": "Surprised.", "Anger": "angry", "sadness": "SAD",
}  # fmt: skip


def other_words(cell):
    return WORDS.get(cell, cell)


def merged_subjects(lines: list[list]) -> list[list]:
    """The subject in the first of its rows alone, as merged cells come."""
    subjects = [line[0] for line in lines]
    header = next(number for number, subject in enumerate(subjects) if subject == "Subject")
    for number in range(header + 2, len(lines)):
        if subjects[number] == subjects[number - 1]:
            lines[number][0] = None
    return lines


def header_of_two_rows(lines: list[list]) -> list[list]:
    """Subject and Filename one row above the other columns' names, as cells merged over two rows come."""
    header = next(number for number, line in enumerate(lines) if line[0] == "Subject")
    above = [*lines[header][:2], *[None] * (len(lines[header]) - 2)]
    return [*lines[:header], above, [None, None, *lines[header][2:]], *lines[header + 1 :]]


def title_and_total(lines: list[list]) -> list[list]:
    return [["Annotations"], [], *lines, [], [None, None, None, len(lines)]]


def upper_case_files(root: Path) -> None:
    for path in sorted(root.rglob("*"), key=lambda path: -len(path.parts)):
        if path.is_dir() or path.suffix in (".jpg", ".bmp"):
            path.rename(path.with_name(path.name.upper()))


def junk(root: Path) -> None:
    for folder in [path for path in root.rglob("*") if path.is_dir()]:
        for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
            (folder / name).write_bytes(b"x")


CHANGES = {
    "csv of a German Excel": as_text(encoding="cp1252", separator=";", comma=True),
    "UTF-16": as_text(encoding="utf-16", separator="\t"),
    "UTF-16 without its mark": as_text(encoding="utf-16-le"),
    "UTF-8 with a mark": as_text(encoding="utf-8-sig"),
    "tab-separated": as_text(ending=".tsv", separator="\t"),
    "csv of another name": as_text(name="annotations"),
    "text under .xls": as_text(ending=".xls", separator="\t"),
    "new Excel under .xls": rewritten(ending=".xls"),
    "with macros": rewritten(ending=".xlsm"),
    "blanks around": rewritten(padded),
    "capitals": rewritten(upper),
    "numbers as text": rewritten(number_as_text),
    "numbers with a point": rewritten(number_as_float),
    "other words": rewritten(other_words),
    "merged subjects": rewritten(lines=merged_subjects),
    "two-row header": rewritten(lines=header_of_two_rows),
    "title and total": rewritten(lines=title_and_total),
    "files in capitals": upper_case_files,
    "junk": junk,
}


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    root = copies.all_five(tmp_path_factory.mktemp("five"))
    return root, scan(root)


def clips(result) -> list[tuple]:
    return sorted(
        tuple(map(str, row)) for row in result.index[COLUMNS].apply(lambda c: c.astype(str).str.upper()).values
    )


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_form_of_the_same_copies_gives_the_same_clips(five, tmp_path, change):
    root, expected = five
    copy = shutil.copytree(root, tmp_path / "copy")
    change(copy)
    result = scan(copy)
    assert exit_code(result) == 0, report(result)
    assert len(result.index) == 19 and clips(result) == clips(expected)


def test_casmes_durations_are_never_taken_for_frames(tmp_path):
    copies.casme(tmp_path)
    path = sheet_of(tmp_path, "CASME")
    header = [{"OnsetF": "Begin"}.get(cell, cell) for cell in lines_of(path)[0]]
    lines = [header, *lines_of(path)[1:]]
    path.unlink()
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    book.save(path.with_suffix(".xlsx"))
    result = scan(tmp_path, ["CASME"])
    assert exit_code(result) == 1 and "no column for onset" in report(result)


def test_a_web_page_under_the_name_of_a_sheet_is_called_that(tmp_path):
    copies.casme(tmp_path)
    sheet_of(tmp_path, "CASME").write_text("<html><table></table></html>")
    text = report(scan(tmp_path, ["CASME"]))
    assert "is a web page, no sheet. Open it in a spreadsheet program and save it as .xlsx." in text


def test_datasets_inside_a_folder_of_another_are_not_mixed(tmp_path):
    copies.casme(tmp_path / "CASME")
    copies.casme2(tmp_path / "CASME")
    result = scan(tmp_path)
    assert exit_code(result) == 0, report(result)
    assert result.index["clip_id"].str.startswith("CASME/").all() and len(result.index) == 4
    assert "CASME/CASME2: A folder of CASME II; not read here. Move it up into the data root" in report(result)


def test_a_table_of_the_users_own_beside_the_sheet_is_named_and_not_read(tmp_path):
    copies.casme(tmp_path)
    (tmp_path / "CASME/results.csv").write_text("Subject,Filename\n1,EP07_1\n")
    result = scan(tmp_path)
    assert exit_code(result) == 0 and len(result.index) == 4
    assert "CASME/results.csv: 1 x file that is not read." in report(result)
