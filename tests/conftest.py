"""What tests of several subpackages share: small samples to learn from, the tiny corpus, and the real input, if any."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from melib.corpus.index import CLASSES
from melib.learning.registry import NETWORKS
from melib.learning.settings import RunSettings
from melib.prepare.samples import Samples

os.environ.setdefault("MPLBACKEND", "Agg")


def toy(datasets=("SMIC", "CASME", "SAMM"), subjects=5, clips=6, size=8, seed=0) -> Samples:
    """Samples that can be learned: the class lights up one corner, on noise, with an offset a dataset."""
    rng = np.random.default_rng(seed)
    rows, images = [], []
    for d, dataset in enumerate(datasets):
        for s in range(subjects):
            for c in range(clips):
                label = c % 3
                image = rng.integers(0, 80, (size, size, 3)) + 15 * d
                image[: size // 2, : size // 2, label] += 90
                subject = f"{dataset}/s{s}"
                rows.append(
                    {"clip_id": f"{subject}/{c}", "dataset": dataset, "subject": subject, "label": CLASSES[label]}
                )
                images.append(image)
    images = np.array(images, np.uint8)
    features = images.reshape(len(images), -1).astype(np.float32)
    return Samples(pd.DataFrame(rows), {"flow_image": images, "pixels": features})


def of_every_kind(samples: Samples) -> Samples:
    """Those samples as images, as videos of four frames that grow to the image's first channel, and as sequences."""
    images = samples.arrays["flow_image"]
    frames = np.stack([images[..., 0] // 4 * n for n in range(4)], axis=1)
    sequences = images[:, :6].reshape(len(images), 6, -1).astype(np.float32)
    return Samples(samples.index, {"flow_image": images, "frames": frames, "flow_cells": sequences})


def inputs_for(network: str) -> str:
    """The arrays of `of_every_kind` that a network takes."""
    arrays = {"image": "flow_image", "any": "flow_image", "video": "frames", "sequence": "flow_cells"}
    return "+".join(arrays[kind] for kind in NETWORKS[network].inputs)


def settings(**changes) -> RunSettings:
    """Settings of a run on toy samples, in a second."""
    base = dict(profile="tiny", held_out="SAMM", inputs="flow_image", image_size=16, epochs=4, brl_start=3, lr=1e-3)
    return RunSettings.from_parameters(base | changes)


def spoil(path: Path, how: str) -> None:
    """Damage a file: "flipped" (its last bit), "truncated" to a half, or "removed"."""
    content = path.read_bytes()
    if how == "removed":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@pytest.fixture
def toy_samples() -> Samples:
    return toy()


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory) -> Path:
    """The tiny demo corpus, written once a test process."""
    from melib.corpus.demo import write_demo

    return write_demo(tmp_path_factory.mktemp("corpus") / "tiny", "tiny", workers=1)


@pytest.fixture(scope="session")
def tiny_run(tiny_root, tmp_path_factory):
    """A function that trains a run on the tiny corpus, once for each setting, and returns its folder."""
    from melib.learning.data import load_data
    from melib.learning.record import finished_or_fit

    out = tmp_path_factory.mktemp("tiny_runs")

    def run(**changes) -> Path:
        base = dict(corpus=str(tiny_root), profile="tiny", held_out="SAMM", method="erm", inputs="flow", out=str(out))
        wanted = RunSettings.from_parameters(base | changes)
        return finished_or_fit(load_data(wanted), wanted).folder

    return run


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real input that MELIB_REAL_DATA names; the test is skipped where there is none."""
    folder = os.environ.get("MELIB_REAL_DATA")
    if not folder:
        pytest.skip("MELIB_REAL_DATA is not set: this test needs real clips, which are not part of the project")
    return Path(folder)
