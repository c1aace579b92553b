"""Published corrections of single annotations, applied only where the wrong value is really there."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from melib.corpus.sheets import Row

FIELDS = ("onset", "apex", "offset", "emotion")


class Erratum(NamedTuple):
    field: str  # one of FIELDS
    wrong: str  # the cell's text in the sheet that is known to be wrong
    right: str
    source: str


@cache
def errata() -> dict[tuple[str, str, str], tuple[Erratum, ...]]:
    """All corrections by (dataset, subject folder, clip)."""
    table: dict[tuple[str, str, str], tuple[Erratum, ...]] = {}
    with Path(__file__).with_name("errata.csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            key = line["dataset"], line["subject"], line["clip"]
            entry = Erratum(line["field"], line["wrong"], line["right"], line["source"])
            table[key] = (*table.get(key, ()), entry)
    return table


def correct(dataset: str, subject: str, clip: str, row: Row) -> tuple[Row, set[str], list[str]]:
    """The row with known errors corrected, the names of the corrected fields, and a note for each.

    A sheet that was corrected already no longer holds the wrong value and is left alone.
    """
    fields = set()
    notes = []
    for field, wrong, right, source in errata().get((dataset, subject, clip), ()):
        if getattr(row, field).lower() == wrong:
            row = row._replace(**{field: right})
            fields.add(field)
            notes.append(f"{field} {wrong} of the sheet corrected to {right} ({source})")
    return row, fields, notes
