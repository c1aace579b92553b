from melib.bars import bar


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
