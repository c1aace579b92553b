"""The panel for a clip of one's own: bad input leaves a sentence and a panel that works; nothing is picked silently."""

import io
from datetime import UTC, datetime

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from melib.explore.own_clip import WAITING, OwnClipPanel
from melib.prepare.spot import Candidates
from melib.study import predict
from melib.study.models import load_models
from melib.study.predict import CAUTION, examine, held_out_clips
from melib.study.verdict import DOUBTED
from tests.prepare.clips import moving_texture, write_clip, write_video


@pytest.fixture(scope="module")
def models(tiny_run):
    return load_models([tiny_run()])


@pytest.fixture
def panel(models):
    return OwnClipPanel(models)


@pytest.fixture(scope="module")
def clip(models):
    """The folder of a clip that the run never saw."""
    root, index = held_out_clips(models[0])
    return root / index["folder"].iloc[0]


def ask(panel, path, **numbers):
    panel.path.value = str(path)
    for name, value in numbers.items():
        panel.numbers[name].value = str(value)
    panel.button.click()


def seen(panel):
    """The pictures that are shown."""
    return [name for name, image in panel.pictures.items() if image.layout.display == ""]


def test_a_clip_gives_words_and_pictures_grey_where_they_are_doubted(panel, clip):
    assert panel.message == WAITING and seen(panel) == []
    ask(panel, clip, fps=200)
    assert panel.message.startswith(DOUBTED) and panel.message.endswith(CAUTION)
    assert "color:#777777" in panel.words.value
    assert seen(panel) == ["verdict", "clip"]
    assert np.asarray(Image.open(io.BytesIO(panel.pictures["verdict"].value))).std() > 10
    assert panel.prediction.own.clip.row["apex_source"] == "spotted"
    second = panel.prediction.own.clip.numbers[1]
    ask(panel, clip, apex=second)
    assert panel.prediction.own.clip.row["apex"] == second
    assert panel.prediction.own.clip.row["apex_source"] == "given"


def test_an_upload_is_read(panel, tmp_path):
    video = write_video(tmp_path / "mine.mp4", moving_texture([0, 1, 2, 1] * 3))
    content = memoryview(video.read_bytes())
    panel.path.value = "elsewhere.mp4"
    sent = {
        "name": "../mine.mp4",
        "type": "video/mp4",
        "size": len(content),
        "content": content,
        "last_modified": datetime.now(UTC),
    }
    panel.upload.value = (sent,)
    panel.button.click()
    assert "No face found in frame 1 of mine.mp4" in panel.message
    panel.cropped.value = True
    panel.button.click()
    assert "mine: onset 1" in panel.message


def test_bad_input_is_said_and_the_panel_stays_usable(panel, clip, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "pair").mkdir()
    write_clip(tmp_path / "still", times=(0,))
    write_clip(tmp_path / "textures")
    video = write_video(tmp_path / "whole.mp4", moving_texture([0, 1, 2, 1] * 3)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(video[: len(video) // 2])
    for path in sorted(clip.iterdir()):
        cv2.imwrite(str(tmp_path / "pair" / path.name), np.hstack([cv2.imread(str(path))] * 2))
    bad = {
        (tmp_path / "nowhere", None): "There is no",
        (tmp_path / "empty.mp4", None): "is empty",
        (tmp_path / "still", None): "motion needs two",
        (tmp_path / "cut.mp4", None): "cannot be opened as a video",
        (tmp_path / "pair", None): "2 faces in frame",
        (tmp_path / "textures", None): "No face found in frame 1 of textures",
        (clip, "first"): "onset is 'first'; expected a number",
        (clip, "99999"): "the onset must come first",
    }
    for (path, onset), words in bad.items():
        said = []
        panel.observe(lambda change, said=said: said.append(change["new"]), "message")
        ask(panel, path, **({"onset": onset} if onset else {}))
        assert said[0] == "Reading the recording ..."  # nothing of the clip before is left
        assert words in panel.message
        assert "#B00020" in panel.words.value
        assert panel.prediction is None and seen(panel) == []
        assert not panel.button.disabled
    ask(panel, clip, onset="")
    assert panel.prediction is not None and seen(panel) == ["verdict", "clip"]


def test_candidates_are_offered_and_only_a_chosen_one_is_predicted(panel, clip, tmp_path, monkeypatch):
    video = write_video(tmp_path / "long.mp4", moving_texture([n % 4 for n in range(80)]))
    row = {"onset": 20, "apex": 26, "offset": 32, "seconds": 1.0, "contrast": 1.0, "motion": 2.0, "note": ""}
    found = Candidates("long.mp4", pd.DataFrame([row]), ())
    monkeypatch.setattr(predict, "find_candidates", lambda recording, detector, progress: found)
    panel.cropped.value = True
    ask(panel, video)
    assert panel.prediction is None
    assert seen(panel) == ["candidates"]
    assert panel.choice.value is None and panel.choice.layout.display == ""
    panel.choice.value = 0
    frames = panel.prediction.own.clip.row
    assert (frames["onset"], frames["apex"], frames["offset"]) == (20, 26, 32)
    panel.path.value = str(clip)
    assert panel.choice.layout.display == "none"
    assert panel.numbers["onset"].value == ""


def test_other_runs_are_loaded_and_those_that_cannot_be_averaged_are_refused(models, tiny_run, clip):
    plain = tiny_run()
    brl = tiny_run(method="brl")
    panel = OwnClipPanel(models, [plain, brl, tiny_run(inputs="apex")])
    assert panel.runs.value == (plain,) and panel.runs.layout.display == ""
    panel.runs.value = (plain, brl)
    assert panel.message.startswith("2 runs loaded")
    ask(panel, clip, fps=200)
    assert len(panel.prediction.by_run) == 2
    panel.runs.value = (plain, tiny_run(inputs="apex"))
    assert "differ in inputs (flow and apex)" in panel.message
    assert panel.runs.value == (plain, brl)
    panel.runs.value = ()
    assert "no run is chosen" in panel.message
    ask(panel, clip, fps=200)
    assert len(panel.prediction.by_run) == 2
    assert OwnClipPanel(models).runs.layout.display == "none"


def test_an_open_clip_is_shown(panel, models):
    assert panel.show(examine(models)) is panel
    assert panel.prediction.own.clip.row["apex_source"] == "given"
    assert seen(panel) == ["verdict", "clip"]
