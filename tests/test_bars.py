from melib.bars import training_bar


def test_a_training_s_bar_counts_its_steps_and_shows_the_latest_value(capsys):
    update = training_bar("steps", "loss")
    update(1, 2, {"loss": 0.5, "other": 1})
    update(2, 2, {"loss": 0.25, "other": 1})
    shown = capsys.readouterr().err
    assert "steps" in shown and "2/2" in shown and shown.rpartition("loss=")[2].startswith("0.250")
