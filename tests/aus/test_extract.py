"""The runner, with an executable of our own in OpenFace's place: it counts its calls and writes what it was given."""

import sys

import pandas as pd
import pytest

from melib.aus.extract import run_openface
from melib.aus.openface import read_openface
from melib.aus.table import AUError
from tests.aus.files import INTENSITIES, PRESENCES, one_clip

FAKE = """#!{python}
import sys
from pathlib import Path
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
frames = sorted(path for path in Path(given["-fdir"]).iterdir())
with open({calls!r}, "a") as log:
    log.write(" ".join(path.read_text() for path in frames) + "\\n")
if "bad" in frames[0].read_text():
    sys.exit("no face in sight")
head = ["frame", "face_id", "timestamp", "confidence", "success", *{columns!r}]
rows = [[k, 0, 0, 1, 1, *[float(path.read_text()) / 10] * 17, *[1] * 18] for k, path in enumerate(frames, 1)]
text = "".join(", ".join(map(str, row)) + "\\n" for row in [head, *rows])
Path(given["-out_dir"], given["-of"] + ".csv").write_text(text)
"""


@pytest.fixture
def openface(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    program, calls = tmp_path / "bin" / "FeatureExtraction", tmp_path / "calls"
    text = FAKE.format(python=sys.executable, calls=str(calls), columns=[*INTENSITIES, *PRESENCES])
    program.write_text(text.replace('"-aus"', ""))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return calls


def clip(root, name, texts):
    (root / name).mkdir()
    for number, text in texts.items():
        (root / name / f"img{number}.JPG").write_text(text)
    return one_clip(clip_id=f"CASME2/sub01/{name}", dataset="CASME2", folder=name, onset=8, apex=9, offset=11)


def test_frames_go_in_by_number_and_finished_clips_are_not_done_again(tmp_path, openface):
    index = pd.concat(
        [clip(tmp_path, "a", {8: "8", 9: "9", 10: "10", 11: "11"}), clip(tmp_path, "b", {8: "bad", 9: "9"})]
    )
    seen = []
    failed = run_openface(tmp_path, index, tmp_path / "aus", progress=lambda *now: seen.append(now))
    assert failed == {"CASME2/sub01/b": "exit code 1: no face in sight"}
    assert openface.read_text().splitlines() == ["8 9 10 11", "bad 9"]
    assert seen == [(1, 2), (2, 2)]
    table = read_openface(tmp_path, index[:1], tmp_path / "aus").table
    intensities = table[table["kind"] == "intensity"]
    assert intensities.groupby("frame")["value"].unique().map(list).to_dict() == {
        8: [0.8],
        9: [0.9],
        10: [1.0],
        11: [1.1],
    }
    (tmp_path / "b" / "img8.JPG").write_text("8")
    assert run_openface(tmp_path, index, tmp_path / "aus") == {}
    assert openface.read_text().splitlines()[2:] == ["8 9"]
    assert sorted(path.name for path in (tmp_path / "aus").iterdir()) == ["CASME2", "source.json"]


def test_without_the_tool_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AUError, match=r"There is no 'FeatureExtraction' on this machine. Install OpenFace 2.2"):
        run_openface(tmp_path, one_clip(), tmp_path / "aus")
    assert not (tmp_path / "aus").exists()
