import numpy as np
import pandas as pd
import pytest

from melib.aus.table import NAMES, AUError, make_measurements
from melib.aus.vectors import clip_vectors
from tests.aus.files import FRAMES, INTENSITIES, frame_values, one_clip

CLIP = "SAMM/006/006_1_1"


@pytest.fixture
def values():
    return frame_values().set_axis(FRAMES)


def read(values):
    return make_measurements({CLIP: values}, [], ("OpenFace", "2"), one_clip())


def test_the_three_vectors_of_a_clip(values):
    numbers = values[INTENSITIES].to_numpy()
    apex = FRAMES.index(14)
    expected = {
        "apex": numbers[apex],
        "around": numbers[1 : apex + 3].mean(0),
        "difference": numbers[apex] - numbers[0],
    }
    for kind, vector in expected.items():
        found = clip_vectors(read(values), one_clip(), kind)
        assert list(found.columns) == list(NAMES) and list(found.index) == [CLIP]
        np.testing.assert_allclose(found.loc[CLIP], vector)


def test_reencoding_drops_what_is_absent_in_more_than_half_of_the_frames(values):
    values["AU01_c"] = [0, 1] * 4  # exactly half: kept
    values["AU02_c"] = [0, 0, 0, 1, 1, 1, 0, 0]
    found = clip_vectors(read(values), one_clip(), "apex", reencode=True).loc[CLIP]
    kept = values.filter(regex="_c$").drop(columns="AU28_c").mean() >= 0.5
    assert kept["AU01_c"] and not kept["AU02_c"]
    np.testing.assert_allclose(found, values.loc[14, INTENSITIES].to_numpy(float) * kept.to_numpy())


def test_a_missing_apex_is_the_frame_of_the_largest_sum_whatever_the_lids_do(values):
    values[INTENSITIES] *= 0.1
    values.loc[16, ["AU01_r", "AU02_r"]] = 4.0
    values.loc[12, "AU45_r"] = 5.0
    values.loc[12, INTENSITIES[:-1]] = 0.3
    found = clip_vectors(read(values), one_clip(apex=pd.NA))
    np.testing.assert_allclose(found.loc[CLIP], values.loc[16, INTENSITIES].to_numpy(float))


def test_a_clip_whose_frame_was_lost_is_left_out_and_counted(values, caplog):
    caplog.set_level("INFO")
    index = pd.concat([one_clip(), one_clip(clip_id="b", label=pd.NA)])
    found = clip_vectors(read(values.drop(index=FRAMES[0])), index, "difference")
    assert found.empty
    assert "1 labelled clips have none on the frames needed" in caplog.text


def test_presences_count_as_five_and_wrong_kinds_are_named(values):
    found = clip_vectors(read(values.drop(columns=INTENSITIES)), one_clip()).loc[CLIP]
    np.testing.assert_allclose(found, 5 * values.loc[14].filter(regex="_c$").drop("AU28_c").to_numpy(float))
    with pytest.raises(AUError, match="vectors is 'rise'; expected one of"):
        clip_vectors(read(values), one_clip(), "rise")
    with pytest.raises(AUError, match="gives no presence"):
        clip_vectors(read(values[INTENSITIES]), one_clip(), reencode=True)
