from dataclasses import replace

import numpy as np
import pytest
import torch

from melib.gan import quality
from melib.gan.quality import au_table, gap_table, image_table, read_pairs, readable
from melib.gan.train import GanError
from melib.prepare.samples import Samples


class Copy(torch.nn.Module):
    """A generator whose attention is 1 everywhere: it returns its input."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, image, aus):
        return torch.zeros_like(image), torch.full_like(image[:, :1], 1e4)


@pytest.fixture(scope="module")
def pairs(made):
    fold, trained, _ = made
    return read_pairs(fold, trained, each=2)


def test_generated_faces_move_where_the_real_ones_do_and_those_of_the_control_do_not(made, pairs):
    """The few steps of the tiny profile learn where a face moves; how far it moves takes more."""
    table = gap_table(pairs, made[0]).set_index(["measure", "kind", "magnify"])
    for magnify in quality.MAGNIFY:
        own, other = (table.loc[("place", kind, magnify)] for kind in ("generated", "shuffled"))
        assert own["low"] <= own["value"] <= own["high"]
        assert own["low"] > other["high"]


def test_a_generator_that_returns_its_input_closes_nothing(made):
    fold, trained, folder = made
    copy = replace(trained, generator=Copy())
    pairs = read_pairs(fold, copy, each=2)
    assert (pairs["generated"] == pairs["neutral"]).all()
    assert (gap_table(pairs, fold).query("kind != 'untrained'")["value"] == 0).all()
    images = image_table(fold, copy, Samples.load(folder / "samples" / "even")).set_index("measure")["generated"]
    assert (images["saturated"], images["attention"], images["passed"]) == (1, 1, 0)


def test_the_gap_by_hand(made):
    """AUs half way there, and as far in the wrong direction."""
    fold, _, _ = made
    rows = np.flatnonzero(fold.index["dataset"] == "SMIC")[:4]
    zeros = np.zeros((2, 3, 4, 17))
    real = zeros + np.eye(17)[3] * 2
    pairs = {"neutral": zeros, "real": real, "generated": real / 2, "shuffled": -real, "target": real, "rows": rows}
    pairs |= {"untrained": zeros, "place": np.tile([0.5, 0.0, 0.0], (2, 3, 4, 1))}
    table = gap_table(pairs, fold).set_index(["measure", "kind", "magnify"])["value"]
    assert table["aus"]["generated"].tolist() == [0.5, 0.5]
    assert table["aus"]["shuffled"].tolist() == [-1, -1]
    assert table["place"]["generated"].tolist() == [0.5, 0.5]
    assert table["error"]["generated"].tolist() == [0.5, 0.5]
    assert table["error"]["shuffled"].tolist() == [-1, -1]
    assert table["aus"]["untrained"].tolist() == [0, 0]


def test_tables_say_what_they_should(made, pairs):
    fold, trained, folder = made
    aus = au_table(pairs)
    assert aus.groupby("kind").size().to_dict() == dict.fromkeys(
        ("generated", "neutral", "real", "shuffled", "untrained"), 17
    )
    assert (aus.loc[aus["kind"] == "neutral", "correlation"].abs() < 0.9).all()
    images = image_table(fold, trained, Samples.load(folder / "samples" / "balance")).set_index("measure")
    words = readable(images.reset_index())
    assert not words.index.intersection(images.index).size  # each measure is put in words
    assert (
        words.iloc[0] == [f"{images.loc['identity', 'generated']:.2f}", "", f"{images.loc['identity', 'real']:.2f}"]
    ).all()
    assert images.loc["identity", "generated"] > 0.9
    assert 0.5 < images.loc["sharpness", "generated"] < 1.5
    assert images.loc["passed", "generated"] < 2  # grey levels
    assert images.loc["saturated", "generated"] == 0


def test_folds_are_those_whose_generator_is_there(made, pairs):
    fold, trained, _ = made
    table = quality.folds_table(fold.settings, each=2)
    assert table["held_out"].unique() == ["SAMM"]
    assert (table["seconds"] == round(trained.seconds, 2)).all()
    own = gap_table(pairs, fold).query("measure == 'aus' and magnify == 1").set_index("kind")
    np.testing.assert_allclose(table.set_index("kind")["value"], own["value"].loc[table["kind"]], rtol=1e-5)


def test_a_face_that_is_not_changed_is_as_far_as_the_neutral_one(made):
    fold, trained, folder = made
    samples = Samples.load(folder / "samples" / "balance")
    still = Samples(samples.index, {**samples.arrays, "apex": samples.arrays["onset"]})
    images = image_table(fold, trained, still).set_index("measure")
    for measure in ("kid", "diversity"):
        assert images.loc[measure, "generated"] == images.loc[measure, "neutral"]


def test_attention_that_keeps_nothing_is_saturated_too(made):
    fold, trained, folder = made
    paint = Copy()
    paint.forward = lambda image, aus: (image, torch.full_like(image[:, :1], -1e4))
    samples = Samples.load(folder / "samples" / "even")
    images = image_table(fold, replace(trained, generator=paint), samples).set_index("measure")["generated"]
    assert (images["saturated"], images["attention"]) == (1, 0)


def test_before_training_the_flow_that_fits_the_aus_is_there(made, pairs):
    """The tiny generator learns for four steps: it hardly differs from what it began with."""
    table = gap_table(pairs, made[0]).set_index(["measure", "kind", "magnify"])["value"]
    assert np.abs(table["aus"]["untrained"] - table["aus"]["generated"]).max() < 0.2
    assert not np.array_equal(pairs["untrained"], pairs["generated"])


def test_kernel_distance_equals_a_naive_twin():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)) + 1
    kernel = lambda a, b: (a @ b / 3 + 1) ** 3  # noqa: E731
    inside = [np.mean([kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in (x, y)]
    expected = sum(inside) - 2 * np.mean([kernel(a, b) for a in x for b in y])
    assert quality._kid(x, y) == pytest.approx(expected)


def test_correlation_by_hand_and_of_constants():
    a = np.array([[1.0, 2, 3], [1, 2, 3], [5, 5, 5]])
    b = np.array([[2.0, 4, 6], [3, 0, -3], [1, 2, 3]])
    assert quality._correlation(a, b) == pytest.approx([1, -1, 0])


def test_only_where_the_truth_is_known(made):
    fold, trained, _ = made
    with pytest.raises(GanError, match="not known"):
        read_pairs(replace(fold, data=replace(fold.data, synthetic=False)), trained)
