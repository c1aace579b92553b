import subprocess
import sys
import zipfile

import pytest

from melib.corpus.index import CorpusError
from melib.corpus.sheets import cell_text, frame_number, read_sheet
from tests.corpus import copies

NEEDS = ("subject", "clip", "onset", "apex", "offset", "emotion", "codes")


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".csv"])
@pytest.mark.parametrize("above", [0, 13])
def test_every_format_gives_the_same_rows_wherever_the_header_stands(tmp_path, suffix, above):
    path = tmp_path / f"sheet{suffix}"
    lines = [(1, "EP04", None, 9, "/", 10.0, "\\", None, 30, 70, 4, "Disgust "), (None,) * 12]
    if suffix == ".csv":
        header = copies.CASME_HEADER.replace("-", "").replace(" ", ";")
        body = [";".join("" if value is None else str(value) for value in line) for line in lines]
        path.write_text("\n".join(["note"] * above + [header, *body]), encoding="utf-8-sig")
    else:
        copies.sheet(path, copies.CASME_HEADER, lines, above)
    sheet = read_sheet(path, NEEDS)
    assert sheet.header == above + 1
    (row,) = sheet.rows
    assert row.line == above + 2
    assert (row.subject, row.clip, row.onset, row.apex, row.offset) == ("1", "EP04", "9", "/", "\\")
    assert (row.codes, row.emotion) == ("4", "Disgust")


def test_a_missing_column_is_named_with_the_names_it_may_have(tmp_path):
    header = copies.CASME2_HEADER.replace("ApexFrame", "Peak")
    copies.sheet(tmp_path / "a.xlsx", header, [])
    with pytest.raises(CorpusError, match=r"no column for apex \(named apexframe or .*row 1 reads: Subject.*Peak"):
        read_sheet(tmp_path / "a.xlsx", NEEDS)


def test_a_table_without_header_and_a_damaged_file_are_told_apart(tmp_path):
    copies.sheet(tmp_path / "a.xlsx", "what is this", [(1, 2, 3)])
    with pytest.raises(CorpusError, match=r"a\.xlsx has no header row in its first 60 rows"):
        read_sheet(tmp_path / "a.xlsx", NEEDS)
    for suffix in (".xlsx", ".xls"):
        path = tmp_path / f"b{suffix}"
        path.write_bytes(b"cut off")
        with pytest.raises(CorpusError, match=rf"b\{suffix} cannot be read as a sheet"):
            read_sheet(path, NEEDS)


def test_cells_become_text_and_numbers():
    assert [cell_text(value) for value in (None, 3.0, 2.5, " a ", 7, "012")] == ["", "3", "2.5", "a", "7", "012"]
    numbers = {"46": 46, "046": 46, "46.0": 46, "46?": 46, "/": None, "": None, "46a": None, "-4": None, "1e3": None}
    assert {text: frame_number(text) for text in numbers} == numbers


MEASURE = """
import re, sys
from pathlib import Path
from melib.corpus.sheets import read_sheet
sheet = read_sheet(Path(sys.argv[1]), ("subject", "clip", "onset", "offset", "emotion", "apex", "codes"))
assert sheet.rows[-1].clip == "EP99999", sheet.rows[-1]
# The high-water mark of this program's own memory: that of getrusage starts at the size of the process it came from.
print(len(sheet.rows), int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def test_100_000_clips_take_less_than_500_mb(tmp_path):
    path = tmp_path / "CASME2-big.xlsx"
    copies.sheet(path, copies.CASME2_HEADER, [])
    with zipfile.ZipFile(path) as small:
        parts = {name: small.read(name) for name in small.namelist()}
    # openpyxl writes as slowly as it reads: the rows are put into its file as text
    name = "xl/worksheets/sheet1.xml"
    text = "<c t='inlineStr'><is><t>{}</t></is></c>"
    row = "<row>" + text.format("{s:02d}") + text.format("EP{n:05d}") + "<c/>" + "<c><v>{n}</v></c>" * 3 + "<c/>"
    row += text.format("4+L{n}") + text.format("disgust") + "</row>"
    rows = "".join(row.format(n=n, s=n // 1000) for n in range(100_000))
    parts[name] = parts[name].replace(b"</sheetData>", rows.encode() + b"</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as big:
        for part, content in parts.items():
            big.writestr(part, content)
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, megabytes = map(int, done.stdout.split())
    assert count == 100_000
    assert megabytes <= 500
