import pandas as pd

from melib.learning.selection import select


def history(**columns):
    base = {"epoch": [1, 2, 3, 4, 5]}
    for split in ("source_val", "held_out"):
        for metric in ("acc", "uar", "uf1"):
            base[f"{split}_{metric}"] = [0.5] * 5
    return pd.DataFrame(base | columns)


def test_each_rule_picks_its_epoch():
    records = history(
        source_val_uar=[0.99, 0.1, 0.6, 0.6, 0.2],  # epoch 1 lies before the window, 3 ties with 4
        held_out_acc=[0.99, 0.1, 0.2, 0.8, 0.3],
        held_out_uar=[0.99, 0.1, 0.7, 0.4, 0.3],
        held_out_uf1=[0.99, 0.1, 0.2, 0.3, 0.6],
    )
    rows = select(records, brl_start=3).set_index("selection")
    assert list(rows.index) == ["last", "source_val", "oracle", "oracle_per_metric"]
    assert rows.loc["last", ["acc", "uar", "uf1"]].tolist() == [0.3, 0.3, 0.6]
    assert rows.loc["source_val", ["acc", "uar", "uf1", "uar_epoch"]].tolist() == [0.2, 0.7, 0.2, 3]
    assert rows.loc["oracle", ["acc", "uar", "uf1", "uar_epoch"]].tolist() == [0.8, 0.4, 0.3, 4]
    assert rows.loc["oracle_per_metric", ["acc", "uar", "uf1"]].tolist() == [0.8, 0.7, 0.6]
    assert rows.loc["oracle_per_metric", ["acc_epoch", "uar_epoch", "uf1_epoch"]].tolist() == [4, 3, 5]


def test_without_validation_subjects_there_is_no_source_val_row():
    rows = select(history(source_val_uar=[float("nan")] * 5), brl_start=1)
    assert list(rows["selection"]) == ["last", "oracle", "oracle_per_metric"]


def test_a_better_held_out_epoch_moves_the_oracles_alone():
    before = select(history(), 1).set_index("selection")
    after = select(history(held_out_acc=[0.5, 0.9, 0.5, 0.5, 0.5]), 1).set_index("selection")
    assert after.loc["oracle", "acc"] == 0.9
    assert after.loc[["last", "source_val"]].equals(before.loc[["last", "source_val"]])
