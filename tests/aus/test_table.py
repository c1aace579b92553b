import pandas as pd
import pytest

from melib.aus.table import AUS, AUError, Measurements, make_measurements, read_codes, wide
from melib.aus.vectors import clip_vectors
from tests.aus.files import frame_values, one_clip


def test_codes_of_a_sheet_become_presences_at_the_apex():
    index = pd.concat([one_clip(au_codes="1+R12B+10A/B+24"), one_clip(clip_id="SAMM/006/x", au_codes="?"),
                       one_clip(clip_id="SAMM/006/y", au_codes="4", apex=pd.NA)])  # fmt: skip
    measured = read_codes(index)
    assert measured.left_out["clip_id"].to_list() == ["SAMM/006/x"]
    values = measured.table[measured.table["clip_id"] == "SAMM/006/006_1_1"].set_index(["kind", "frame", "au"])["value"]
    at_apex = values.loc["presence"].xs(14, level="frame")
    assert {au for au in at_apex.index if at_apex[au]} == {1, 10, 12, 24} and (values.xs(11, level="frame") == 0).all()
    shapes = clip_vectors(measured, index, "difference")
    assert shapes.to_dict("index") == {
        "SAMM/006/006_1_1": {f"AU{au:02d}": 5.0 * (au in (1, 10, 12)) for au in AUS},
        "SAMM/006/y": {f"AU{au:02d}": 5.0 * (au == 4) for au in AUS},  # no apex: next to the onset
    }
    with pytest.raises(AUError, match=r"coders gives no intensity for AU01, .*au_folder = codes"):
        wide(measured, "intensity")


def test_codes_that_say_nothing_are_left_out_with_the_reason():
    clips = {"a": {"au_codes": "4", "apex": 11}, "b": {"au_codes": "24+38"}, "c": {"au_codes": ""}, "d": {}}
    measured = read_codes(pd.concat([one_clip(clip_id=name, **more) for name, more in clips.items()]))
    assert measured.left_out.set_index("clip_id")["reason"].to_dict() == {
        "a": "no apex apart from the onset",
        "b": "AU codes '24+38' are none of the 17 AUs",
        "c": "no AU codes in the sheet",
    }
    assert set(measured.table["clip_id"]) == {"d"}


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
