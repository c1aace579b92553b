"""`melib predict`: prediction, candidates, and refusals, each with its exit code."""

import pytest

from melib.cli import main
from melib.prepare import spot
from melib.prepare.faces import Face
from melib.study.models import load_models
from melib.study.predict import held_out_clips
from tests.prepare.clips import moving_texture, write_video


@pytest.fixture(scope="module")
def clip(tiny_run):
    root, index = held_out_clips(load_models([tiny_run()])[0])
    return root / index["folder"].iloc[0]


def test_two_runs_predict_for_a_folder_of_frames(tiny_run, clip, tmp_path, capsys):
    runs = [str(tiny_run()), str(tiny_run(held_out="SMIC"))]
    assert main(["predict", *runs, str(clip), "--fps", "200", "--to", str(tmp_path / "mine.png")]) == 0
    text = capsys.readouterr().out
    assert text.startswith("NOT TO BE RELIED ON:\n- The weights were trained on drawn faces")
    assert "mean of 2 runs" in text
    assert "Not for judging anyone" in text
    assert (tmp_path / "mine.png").stat().st_size > 10_000


def test_a_long_video_gives_candidates_and_no_prediction(tiny_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(spot, "find_face", lambda frame, detector: Face(4, 4, 56, 56, 0.0, "boxes"))
    video = write_video(tmp_path / "long.mp4", moving_texture([2.0 * (n % 25 == 12) for n in range(60)]))
    assert main(["predict", str(tiny_run()), str(video)]) == 1
    text = capsys.readouterr().out
    assert "nothing is predicted" in text
    assert "Give onset, apex and offset" in text
    assert "robability" not in text


def test_refusals_are_one_sentence(tiny_run, clip, tmp_path, capsys):
    (tmp_path / "empty.mp4").touch()
    run = str(tiny_run())
    for words, said in (
        ([run, str(tmp_path / "empty.mp4")], "is empty"),
        ([str(tmp_path / "no_run"), str(clip)], "are no finished runs"),
        ([run, str(clip), "--box", "1,2"], "expected four numbers"),
        ([run, str(tiny_run(inputs="apex")), str(clip)], "differ in inputs"),
    ):
        assert main(["predict", *words]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert "Traceback" not in error
