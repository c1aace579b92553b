import pandas as pd
import pytest

from melib.aus.table import AUS, AUError, Measurements, make_measurements, read_codes, wide
from tests.aus.files import frame_values, one_clip


def test_codes_of_a_sheet_become_presences_and_lettered_ones_intensities():
    index = pd.concat([one_clip(au_codes="1+R12B+10A/B+24"), one_clip(clip_id="SAMM/006/x", au_codes="?"),
                       one_clip(clip_id="SAMM/006/y", au_codes="4", apex=pd.NA)])  # fmt: skip
    measured = read_codes(index)
    assert measured.left_out["clip_id"].to_list() == ["SAMM/006/x"]
    values = measured.table[measured.table["clip_id"] == "SAMM/006/006_1_1"].set_index(["kind", "au"])["value"]
    assert {au for au in AUS if values["presence", au]} == {1, 10, 12}
    assert values["presence", 24] == 1
    assert values["intensity"].to_dict() == {12: 2.0, 10: 1.5}
    assert set(measured.table["frame"]) == {14, 11}  # the apex, or the onset where there is none
    assert wide(measured, "presence").shape == (2, 17)
    with pytest.raises(AUError, match=r"coders gives no intensity for AU01, .*; use kind='presence'"):
        wide(measured, "intensity")


def test_values_out_of_range_are_refused():
    with pytest.raises(AUError, match="1 values out of range"):
        make_measurements({"a": frame_values().assign(AU01_r=[0, 0, 0, 5.5, 0, 0, 0, 0])}, [], ("x", "1"), one_clip())


def test_values_of_two_tools_do_not_meet():
    tables = [
        make_measurements({"a": frame_values()}, [], ("OpenFace", version), one_clip()).table
        for version in ("2 image", "3")
    ]
    mixed = Measurements(pd.concat(tables, ignore_index=True), pd.DataFrame())
    with pytest.raises(AUError, match=r"2 image.*3.*do not compare"):
        wide(mixed, "intensity")
