import numpy as np
import pandas as pd
import pytest

from melib.prepare.samples import Samples
from melib.study.ranges import MEASURES, clip_measures, compare


def samples(flows=3, size=8):
    index = pd.DataFrame(
        {
            "clip_id": list("abc"), "dataset": "SMIC", "subject": list("abc"), "label": "positive", "onset": 1,
            "apex": [3, 5, 11], "offset": 20, "fps": [100.0, 200.0, np.nan], "face_w": [80.0, 90, 100],
            "face_h": [90.0, 70, 100],
        }
    )  # fmt: skip
    flow = np.zeros((flows, 2, size, size), np.float16)
    flow[:, 0] = np.arange(flows)[:, None, None]
    onset = np.stack([np.full((size, size, 3), 40 * n, np.uint8) for n in range(flows)])
    return Samples(index, {"flow": flow, "onset": onset})


def test_measures_of_constant_flows_and_crops():
    measures = clip_measures(samples())
    assert measures["motion"].tolist() == [0, 12.5, 25]  # pixels of 8, in %
    assert measures["face"].tolist() == [90, 90, 100]
    assert measures["light"].tolist() == [0, 40, 80]
    assert measures["rise"].tolist()[:2] == [20, 20] and np.isnan(measures["rise"].iloc[2])


def test_what_arrays_without_frames_lack_is_unknown():
    arrays = Samples(
        samples().index[["clip_id", "dataset", "subject", "label"]], {"pixels": np.zeros((3, 4), np.float32)}
    )
    measures = clip_measures(arrays)
    assert measures.isna().all(axis=None)
    assert set(compare(clip_measures(samples()).iloc[0], [measures])["within"]) == {"unknown"}


def test_the_range_is_the_middle_99_percent_and_the_narrowest_of_several():
    rng = np.random.default_rng(0)
    wide, narrow = (pd.DataFrame(rng.normal(0, s, (500, 4)), columns=list(MEASURES)) for s in (3, 1))
    own = pd.Series([0.0, 4.0, -50, np.nan], index=list(MEASURES))
    table = compare(own, [wide])
    assert table["low"].to_numpy() == pytest.approx(np.quantile(wide, 0.005, axis=0))
    assert table["high"].to_numpy() == pytest.approx(np.quantile(wide, 0.995, axis=0))
    assert table["within"].tolist() == ["yes", "yes", "no", "unknown"]
    both = compare(own, [wide, narrow])
    assert both["high"].to_numpy() == pytest.approx(np.quantile(narrow, 0.995, axis=0))
    assert both["within"].tolist() == ["yes", "no", "no", "unknown"]
