import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from melib.corpus.index import CLASSES
from melib.learning.selection import chosen_epochs, honest_confusion, pooled_by_epoch, select


def history(fold="SAMM", **columns):
    base = {"fold": fold, "epoch": [1, 2, 3, 4, 5]}
    for split in ("source_val", "held_out"):
        for metric in ("acc", "uar", "uf1"):
            base[f"{split}_{metric}"] = [0.5] * 5
    return pd.DataFrame(base | columns)


def predictions(fold, epochs, true, predicted):
    """A table of predictions: `predicted` (epochs, N) classes of N clips."""
    parts = []
    for epoch, classes in zip(epochs, predicted, strict=True):
        table = pd.DataFrame({"fold": fold, "epoch": epoch, "split": "held_out"}, index=range(len(true)))
        table["label"] = np.array(CLASSES)[true]
        table[list(CLASSES)] = np.eye(3)[classes]
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def test_each_rule_picks_its_epoch():
    records = history(
        source_val_uar=[0.99, 0.1, 0.6, 0.6, 0.2],  # epoch 1 lies before the window, 3 ties with 4
        held_out_acc=[0.99, 0.1, 0.2, 0.8, 0.3],
        held_out_uar=[0.99, 0.1, 0.7, 0.4, 0.3],
        held_out_uf1=[0.99, 0.1, 0.2, 0.3, 0.6],
    )
    epochs = {rule: [by_fold["SAMM"] for by_fold in chosen_epochs(records, rule, 3).values()]
              for rule in ("last", "source_val", "oracle", "oracle_per_metric")}  # fmt: skip
    assert epochs["last"] == [5, 5, 5]
    assert epochs["source_val"] == [3, 3, 3]
    assert epochs["oracle"] == [4, 4, 4]
    assert epochs["oracle_per_metric"] == [4, 3, 5]


def test_without_validation_subjects_there_is_no_source_val_row():
    records = history(source_val_uar=[float("nan")] * 5)
    table = predictions("SAMM", range(1, 6), [0, 1, 2], [[0, 1, 2]] * 5)
    assert list(select(records, table, 1)["selection"]) == ["last", "oracle", "oracle_per_metric"]
    assert honest_confusion(records, table, 1)[0] == "last"


def test_a_better_held_out_epoch_moves_the_oracles_alone():
    before = history()
    after = history(held_out_acc=[0.5, 0.9, 0.5, 0.5, 0.5])
    assert chosen_epochs(after, "oracle", 1)["uar"] == {"SAMM": 2}
    for rule in ("last", "source_val"):
        assert chosen_epochs(after, rule, 1) == chosen_epochs(before, rule, 1)


def test_folds_choose_for_themselves_and_their_counts_are_pooled():
    """UAR and UF1 of pooled counts against scikit-learn, the oracle subject by subject."""
    rng = np.random.default_rng(0)
    parts, tables, chosen_true, chosen_predicted = [], [], [], []
    for fold, clips, best in (("a", 7, 2), ("b", 12, 5), ("c", 3, 4)):
        true = rng.integers(0, 3, clips)
        predicted = rng.integers(0, 3, (5, clips))
        accuracy = np.zeros(5)
        accuracy[best - 1] = 1
        parts.append(history(fold, held_out_acc=accuracy))
        tables.append(predictions(fold, range(1, 6), true, predicted))
        chosen_true.append(true)
        chosen_predicted.append(predicted[best - 1])
    table = pd.concat(tables, ignore_index=True)
    rows = select(pd.concat(parts), table, 1).set_index("selection")
    by_epoch = pooled_by_epoch(table).set_index("epoch")
    last = table[table["epoch"] == 5]
    hits = last["label"].map(CLASSES.index).to_numpy() == last[list(CLASSES)].to_numpy().argmax(1)
    assert by_epoch.loc[5, "held_out_acc"] == pytest.approx(hits.mean())
    assert by_epoch["source_val_acc"].isna().all()
    true, predicted = np.concatenate(chosen_true), np.concatenate(chosen_predicted)
    assert rows.loc["oracle", "acc"] == pytest.approx((true == predicted).mean())
    uar = recall_score(true, predicted, labels=[0, 1, 2], average="macro")
    assert rows.loc["oracle", "uar"] == pytest.approx(uar)
    uf1 = f1_score(true, predicted, labels=[0, 1, 2], average="macro")
    assert rows.loc["oracle", "uf1"] == pytest.approx(uf1)
    assert "uar_epoch" not in rows
