"""Annotation sheets: .xlsx, .xls or .csv, the header wherever it stands, every cell as text."""

from __future__ import annotations

import csv
import itertools
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from melib.corpus.index import CorpusError

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".csv", ".tsv")
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
UTF16 = (b"\xff\xfe", b"\xfe\xff")  # what a file in UTF-16 begins with
HEADER_WITHIN = 60  # rows; SAMM's header stands in row 14, below notes

# What a column is for, and the names it goes by, without case, blanks and signs. CASME's "Onset" is a duration in ms.
COLUMNS = {
    "subject": ("subject", "subjectid", "subjectno", "subjectnumber", "sub", "participant"),
    "clip": ("filename", "clip", "clipname", "video", "videoname"),
    "onset": ("onsetframe", "onsetf", "onsetframenumber"),
    "apex": ("apexframe", "apexf", "apexf1", "apexframenumber"),
    "offset": ("offsetframe", "offsetf", "offsetframenumber"),
    "length": ("totalmf1",),  # SMIC: frames from onset to offset
    "onset2": ("onset2f",),  # SMIC: second and third expressions, and the ends of the recording
    "offset2": ("offset2f",),
    "onset3": ("onset3f",),
    "offset3": ("offset3f",),
    "first": ("firstf",),
    "last": ("lastf",),
    "emotion": ("estimatedemotion", "emotion", "estimatedemotions", "emotions"),
    "codes": ("actionunits", "au", "actionunit", "aus", "aucodes"),
}
_ROLE = {name: role for role, names in COLUMNS.items() for name in names}
PLAIN = ("onset", "apex", "offset")  # frames where a header has both ends under these names, and no other


class Row(NamedTuple):
    """One row of a sheet: the cells as text, empty where there is none; `line` counts from 1 as in the sheet."""

    line: int
    subject: str = ""
    clip: str = ""
    onset: str = ""
    apex: str = ""
    offset: str = ""
    length: str = ""
    onset2: str = ""
    offset2: str = ""
    onset3: str = ""
    offset3: str = ""
    first: str = ""
    last: str = ""
    emotion: str = ""
    codes: str = ""


@dataclass(frozen=True)
class Sheet:
    rows: list[Row]
    header: int  # line of the header, from 1


def cell_text(value: object) -> str:
    """A cell as text: 3.0 is "3" (.xls knows only floats), blanks around are gone, an empty cell is ""."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def frame_number(text: str) -> int | None:
    """A cell as a frame number, None where it is missing or is none; a trailing `?` (SAMM: unclear) is ignored.

    >>> frame_number("46"), frame_number("46.0"), frame_number("46,0"), frame_number("46?"), frame_number("/")
    (46, 46, 46, 46, None)
    """
    match = re.fullmatch(r"([0-9]+)(?:[.,]0+)?\s*\??", text)
    return int(match[1]) if match else None


def csv_rows(path: Path) -> Iterator[list[str]]:
    """The rows of a csv file in UTF-8 or UTF-16, its cells separated by commas, semicolons or tabs.

    UTF-16 is known by its mark, or by the zeros between its letters. Raises CorpusError for a file that cannot be read
    as text.
    """
    try:
        with path.open("rb") as file:
            top = file.read(4096)
        wide = top.startswith(UTF16)
        encoding = "utf-16" if wide else "utf-16-le" if b"\0" in top[1:2] else "utf-8-sig"
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            head = file.read(4096)
            file.seek(0)
            yield from csv.reader(file, delimiter=max(",;\t", key=head.count))
    except (OSError, UnicodeError, csv.Error) as error:
        raise CorpusError(f"{path.name} cannot be read as text ({error}). Save it as csv in UTF-8.") from error


def _tabs(path: Path) -> Iterator[Iterable[Sequence[object]]]:
    """The rows of each tab, streamed where the format allows it; formulas come as the values stored with them.

    The format is known by the file's first bytes: text and newer workbooks are found under the name .xls too.
    """
    with path.open("rb") as file:
        top = file.read(512)
    if top.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        raise CorpusError(
            f"{path.name} is a web page, no sheet. Open it in a spreadsheet program and save it as .xlsx."
        )
    text = b"\n" in top and b"\0" not in top and not top.startswith(b"PK")
    if path.suffix.lower() in (".csv", ".tsv") or text or top.startswith(UTF16):
        yield csv_rows(path)
    elif (not top.startswith(b"PK") and path.suffix.lower() == ".xls") or top.startswith(OLD_EXCEL):
        import xlrd

        with xlrd.open_workbook(path, on_demand=True) as book:
            for tab in book.sheets():
                yield (tab.row_values(line) for line in range(tab.nrows))
    else:
        import openpyxl

        with path.open("rb") as file:  # given a path, openpyxl refuses endings that it does not know
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl reports cell styles and extensions that it does not know
                book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            for tab in book.worksheets:
                if tab.title.upper() not in ("VIS", "NIR"):  # SMIC's other cameras
                    tab.reset_dimensions()  # some writers store a wrong size
                    yield tab.iter_rows(values_only=True)


def _roles(cells: Sequence[object]) -> dict[str, int]:
    """The columns that a row names, if it is read as a header: role to position, the first of each."""
    positions: dict[str, int] = {}
    plain: dict[str, int] = {}
    for position, cell in enumerate(cells):
        role = column_role(cell_text(cell))
        if role:
            positions.setdefault(role, position)
        elif cell_text(cell).lower() in PLAIN:
            plain.setdefault(cell_text(cell).lower(), position)
    if {"onset", "offset"} <= set(plain) and not {"onset", "offset"} & set(positions):
        positions = plain | positions
    return positions


def column_role(name: str) -> str:
    """What a column of that name is for, a key of COLUMNS; empty where it is not known."""
    return _ROLE.get(re.sub("[^a-z0-9]", "", name.lower()), "")


def _rows(cells: Iterable[Sequence[object]], columns: dict[str, int], line: int) -> Iterator[Row]:
    for number, values in enumerate(cells, line):
        texts = {role: cell_text(values[column]) for role, column in columns.items() if column < len(values)}
        if texts.get("clip") or texts.get("emotion"):  # SMIC's sheet ends in rows that hold formulas only
            yield Row(number, **texts)


def read_sheet(path: Path, needs: Sequence[str]) -> Sheet:
    """Read the first tab that has a header naming the columns `needs` (keys of COLUMNS).

    The header is the row among the first 60 that names most known columns. Raises CorpusError for a file that cannot
    be opened, has no header, or lacks a column, saying which names that column may have and what was there.
    """
    best = []
    best_line = 0
    try:
        for cells in _tabs(path):
            cells = iter(cells)
            top = list(itertools.islice(cells, HEADER_WITHIN))
            line = max(range(len(top)), key=lambda number: len(_roles(top[number])), default=None)
            if line is None:
                continue
            columns = _roles(top[line])
            if line and not set(needs) <= set(columns):  # a header of two rows
                columns = _roles(top[line - 1]) | columns
            if set(needs) <= set(columns):
                return Sheet(list(_rows(itertools.chain(top[line + 1 :], cells), columns, line + 2)), line + 1)
            if len(columns) > len(_roles(best)):
                best = list(top[line])
                best_line = line + 1
    except CorpusError:
        raise
    except Exception as error:  # three parsers, each with errors of its own for a damaged file
        raise CorpusError(f"{path.name} cannot be read as a sheet ({type(error).__name__}: {error}).") from error
    if len(_roles(best)) < 3:
        raise CorpusError(
            f"{path.name} has no header row in its first {HEADER_WITHIN} rows; expected a row with "
            f"{', '.join(COLUMNS[need][0] for need in needs)}."
        )
    lacking = "; ".join(f"{need} (named {' or '.join(COLUMNS[need])})" for need in needs if need not in _roles(best))
    header = ", ".join(filter(None, map(cell_text, best)))
    raise CorpusError(f"{path.name} has no column for {lacking}; its header in row {best_line} reads: {header}.")
