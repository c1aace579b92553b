"""On 442 real clips of three datasets: train on two, test on the third."""

import numpy as np
import pandas as pd
import pytest

from melib.learning.fit import fit
from melib.learning.settings import RunSettings
from melib.prepare.samples import Samples

LEAST_UAR = {"CASME2": 0.72, "SAMM": 0.57, "SMIC": 0.63}


def megc2019(real_data) -> Samples:
    index = pd.read_csv(real_data / "megc2019" / "index.csv", dtype=str)
    index["dataset"] = index["dataset"].str.upper()
    index["subject"] = index["dataset"] + "/" + index["subject"]
    index["clip_id"] = index["subject"] + "/" + index["clip"]
    return Samples(index, {"flow_image": np.load(real_data / "megc2019" / "flow28.npy")})


def mean_uar(samples: Samples, held_out: str, backbone: str) -> float:
    """UAR of the last of 100 epochs, mean over three seeds."""
    common = dict(profile="paper", held_out=held_out, inputs="flow_image", backbone=backbone, lam=0, image_size=28)
    runs = [RunSettings.from_parameters(common | {"seed": seed}) for seed in range(3)]
    return float(np.mean([fit(samples, run).history["held_out_uar"].iloc[-1] for run in runs]))


@pytest.mark.parametrize("held_out", ["CASME2", "SAMM"])
def test_a_cnn_reaches_what_a_plain_cnn_reaches(real_data, held_out):
    assert mean_uar(megc2019(real_data), held_out, "cnn") >= LEAST_UAR[held_out]


def test_on_smic_the_cnn_beats_the_linear_model(real_data):
    samples = megc2019(real_data)
    cnn, linear = mean_uar(samples, "SMIC", "cnn"), mean_uar(samples, "SMIC", "linear")
    assert cnn >= LEAST_UAR["SMIC"]
    assert cnn >= linear + 0.03
