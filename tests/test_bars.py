from melib.bars import bar, training_bar


def test_a_bar_is_drawn_from_the_first_call_on_and_ends_at_its_total(capsys):
    update = bar("clips")
    train = training_bar("epochs", "uar")
    assert capsys.readouterr().err == ""  # a run that is read from its folder draws none
    for step in (1, 2, 3):
        update(step, 3)
        train(step, 3, {"uar": 0.1 * step})
    said = capsys.readouterr().err
    assert "clips: 100%" in said and "3/3" in said
    assert "epochs: 100%" in said and "uar=0.300" in said
