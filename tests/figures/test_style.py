"""The palettes: nobody takes a class for a dataset, colour-blind or not, and a dataset keeps its looks."""

from itertools import combinations, product

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from melib.corpus.index import CLASSES, DATASETS
from melib.figures.style import (
    CLASS_COLOURS,
    CLASS_MARKERS,
    DATASET_COLOURS,
    OTHER_COLOURS,
    SERIES_COLOURS,
    dataset_colours,
    dataset_markers,
)

# Linear RGB as seen without green (deuteranopia) and red (protanopia) cones: Machado et al., 2009, severity 1.
VISION = {
    "trichromat": np.eye(3),
    "deuteranope": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                             [-0.011820, 0.042940, 0.968881]]),
    "protanope": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                           [-0.003882, -0.048116, 1.051998]]),
}  # fmt: skip


def seen(colour: str, vision: str) -> np.ndarray:
    """The colour in CIE Lab as someone of that vision sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(VISION[vision] @ linear, 0, 1)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return cv2.cvtColor(rgb.astype(np.float32)[None, None], cv2.COLOR_RGB2LAB)[0, 0]


def apart(one: str, other: str, vision: str) -> float:
    return float(np.linalg.norm(seen(one, vision) - seen(other, vision)))


@pytest.mark.parametrize("vision", VISION)
def test_no_class_looks_like_a_dataset(vision):
    datasets = [*DATASET_COLOURS.values(), *OTHER_COLOURS]
    assert not set(SERIES_COLOURS) & {*datasets, *CLASS_COLOURS.values()}
    assert min(apart(a, b, vision) for a, b in product(CLASS_COLOURS.values(), datasets)) > 15
    assert min(apart(a, b, vision) for a, b in combinations(CLASS_COLOURS.values(), 2)) > 40
    assert min(apart(a, b, vision) for a, b in combinations(datasets, 2)) > 12


def test_any_dataset_has_a_colour_and_keeps_it():
    alone = dataset_colours(["CAS(ME)^2"])["CAS(ME)^2"]
    among = dataset_colours(["SAMM", "CAS(ME)^2", "SMIC"])
    assert list(among) == ["SMIC", "SAMM", "CAS(ME)^2"]
    assert among == {"SMIC": DATASET_COLOURS["SMIC"], "SAMM": DATASET_COLOURS["SAMM"], "CAS(ME)^2": alone}
    assert alone in OTHER_COLOURS


def test_datasets_that_are_shown_together_look_different():
    names = [*DATASETS, "own 1", "own 2", "own 3", "own 4"]
    assert len(set(dataset_colours(names).values())) == len(set(dataset_markers(names).values())) == len(names)
    assert set(dataset_colours([*names, "own 5"])) == {*names, "own 5"}
    assert set(CLASS_MARKERS) == set(CLASS_COLOURS) == set(CLASSES)
