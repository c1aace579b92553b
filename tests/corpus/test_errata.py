import csv

from melib.corpus import errata as module
from melib.corpus.errata import FIELDS, correct, errata
from melib.corpus.index import DATASETS
from melib.corpus.sheets import Row


def test_a_known_error_is_corrected_and_told():
    row, fields, notes = correct("SAMM", "032", "032_3_1", Row(18, clip="032_3_1", apex="1930"))
    assert (row.apex, fields) == ("4930", {"apex"})
    assert len(notes) == 1 and "1930" in notes[0] and "4930" in notes[0] and "davidnvq" in notes[0]


def test_a_sheet_that_is_right_already_is_left_alone():
    row = Row(18, clip="032_3_1", apex="4945")
    assert correct("SAMM", "032", "032_3_1", row) == (row, set(), [])
    assert correct("SAMM", "033", "032_3_1", row._replace(apex="1930"))[1] == set()


def test_the_table_is_well_formed():
    with open(module.__file__.replace(".py", ".csv"), encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert sum(map(len, errata().values())) == len(lines) >= 4
    for line in lines:
        assert line["dataset"] in DATASETS and line["field"] in FIELDS
        assert line["right"] and line["right"] != line["wrong"] and line["source"]
        assert line["wrong"] == line["wrong"].lower()
        assert ";" not in line["source"]  # stands between the notes of a clip
