import re
import sys
import time

from melib.bars import bar, study_bar
from melib.study.unit import State


def test_a_bar_is_drawn_from_the_first_call_on_and_ends_at_its_total(capsys):
    update = bar("clips")
    train = bar("epochs", "uar")
    count = bar("frames")
    assert capsys.readouterr().err == ""  # a run that is read from its folder draws none
    for step in (1, 2, 3):
        update(step, 3)
        train(step, 3, {"uar": 0.1 * step})
    count(7)
    said = capsys.readouterr().err
    assert "clips: 100%" in said and "3/3" in said
    assert "epochs: 100%" in said and "uar=0.300" in said
    assert "frames: 0 [" in said  # no total, so no share of it


def test_a_run_that_starts_again_further_back_has_no_negative_time_left(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)  # a terminal is drawn on twice a second
    update = study_bar()
    for part in (0.5, 0.1, 0.2):
        update({"a": State("running", part=part), "b": State("planned")})
        time.sleep(0.6)
    update({"a": State("done", part=1.0), "b": State("done", part=1.0)})
    left = re.findall(r"([-\d:?]+) left", capsys.readouterr().err)
    assert len(left) >= 3 and not [text for text in left if text.startswith("-")]
