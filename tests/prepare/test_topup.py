import numpy as np
import pandas as pd
import pytest

from melib.corpus.index import CLASSES, DATASETS, TABLE1
from melib.prepare.topup import TopUpError, join, oversample, top_up
from tests.conftest import toy


def table1() -> pd.DataFrame:
    """An index with the paper's counts."""
    pairs = zip(DATASETS, (TABLE1[name] for name in DATASETS), strict=True)
    rows = [(name, label) for name, counts in pairs for label, n in zip(CLASSES, counts, strict=True) for _ in range(n)]
    return pd.DataFrame(rows, columns=["dataset", "label"])


# Totals after top-up, by hand: the deficit to 234 in thirds, leftovers to the smallest; and towards 78, SAMM capped.
TABLE2 = {
    "even": {"SMIC": (74, 93, 67), "CASME": (60, 103, 71), "CASME2": (67, 107, 60), "SAMM": (64, 117, 53)},
    "balance": {"SMIC": (78, 78, 78), "CASME": (78, 78, 78), "CASME2": (78, 78, 78), "SAMM": (77, 80, 77)},
}
TABLE3 = {
    "even": {
        "SMIC": (227, 436, 273), "CASME": (241, 426, 269), "CASME2": (234, 422, 280), "SAMM": (237, 412, 287),
        "MMEW": (265, 420, 251)},
    "balance": {
        "SMIC": (269, 345, 322), "CASME": (269, 345, 322), "CASME2": (269, 345, 322), "SAMM": (270, 343, 323),
        "MMEW": (311, 314, 311)},
}  # fmt: skip


@pytest.mark.parametrize("scheme", TABLE2)
def test_tables_2_and_3_under_both_schemes(scheme):
    filled = top_up(table1(), scheme) + pd.DataFrame(TABLE1, index=CLASSES).T
    assert {name: tuple(row) for name, row in filled.iterrows()} == TABLE2[scheme] | {"MMEW": TABLE1["MMEW"]}
    for held_out, composite in TABLE3[scheme].items():
        found = filled.drop(index=held_out).sum()
        assert tuple(found) == composite
        assert found.sum() == 936


def test_any_target_is_reached_and_none_below_what_is_there():
    for scheme in TABLE2:
        filled = top_up(table1(), scheme, 400) + pd.DataFrame(TABLE1, index=CLASSES).T
        assert (filled.sum(axis=1) == 400).all()
        assert (top_up(table1(), scheme, 400) >= 0).all(axis=None)
    with pytest.raises(TopUpError, match=r"target = 200 is below.*'MMEW': 234.*give at least 234"):
        top_up(table1(), "even", 200)
    with pytest.raises(TopUpError, match=r"'equal'.*'even', 'balance'"):
        top_up(table1(), "equal")


def test_copies_are_of_the_same_class_and_dataset_and_marked(tmp_path):
    samples = toy()
    few = samples.select(~((samples.index["dataset"] == "SAMM") & (samples.index["label"] == "surprise")).to_numpy())
    few = few.select(np.arange(len(few)) != 0)
    plan = top_up(few.index)
    plan.loc["SAMM", "surprise"] = 0
    copies = oversample(few, plan, seed=0)
    assert pd.crosstab(copies.index["dataset"], copies.index["label"]).to_dict() == {
        label: column[column > 0].to_dict() for label, column in plan.items() if column.any()
    }
    assert copies.index["synthetic"].all()
    source = few.index.set_index("clip_id").index.get_indexer(copies.index["clip_id"].str.split("~").str[0])
    assert (few.index.iloc[source]["label"].to_numpy() == copies.index["label"].to_numpy()).all()
    assert (few.arrays["flow_image"][source] == copies.arrays["flow_image"]).all()
    whole = join(few, copies)
    assert len(whole) == len(few) + len(copies)
    assert whole.index["synthetic"].sum() == len(copies)
    again = top_up(whole.index)
    assert (again.sum(axis=1) == top_up(few.index).sum(axis=1)).all()  # synthetic samples do not count
    with pytest.raises(TopUpError, match="SAMM has no sample of class 'surprise'"):
        oversample(few, top_up(few.index, target=60), seed=0)
