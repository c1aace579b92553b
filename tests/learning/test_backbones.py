import pytest
import torch

from melib.learning.backbones import BACKBONES, NEEDS_IMAGES, build, layer_table


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("size", [28, 64])
def test_logits_are_the_heads_reading_of_the_features(name, size):
    model = build(name, (3, size, size), seed=0).eval()
    logits, features = model(torch.randn(2, 3, size, size))
    assert logits.shape == (2, 3)
    assert features.shape == (2, model.head.in_features)
    torch.testing.assert_close(model.head(features), logits)


@pytest.mark.parametrize("name, parameters", [("resnet18", 11_178_051), ("poolformer_s12", 11_403_715)])
def test_published_sizes(name, parameters):
    assert sum(p.numel() for p in build(name, (3, 224, 224), 0).parameters()) == parameters


def test_the_papers_cnn():
    model = build("cnn", (3, 224, 224), 0)
    assert model.head.in_features == 64 * 56 * 56
    assert [tuple(m.kernel_size) for m in model.body if isinstance(m, torch.nn.Conv2d)] == [(5, 5), (3, 3)]


@pytest.mark.parametrize("name", BACKBONES)
def test_weights_come_from_the_seed_alone(name):
    state = torch.random.get_rng_state()
    first, second, other = (build(name, (3, 32, 32), seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("name", NEEDS_IMAGES)
def test_feature_vectors_are_refused_by_image_backbones(name):
    with pytest.raises(ValueError, match="Use linear or mlp"):
        build(name, (40,), 0)


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_layer_tables_end_at_the_features_and_hold_all_parameters(name):
    shape = (3, 32, 32)
    table, model = layer_table(name, shape), build(name, shape, 0)
    assert table["parameters"].sum() == sum(weights.numel() for weights in model.parameters())
    assert table["output"].iloc[[0, -2, -1]].tolist() == ["3x32x32", str(model.head.in_features), "3"]


def test_the_layers_of_the_papers_cnn_follow_from_its_description():
    table = layer_table("cnn", (3, 224, 224)).query("kind != 'ReLU'")
    sizes = ["3x224x224", "32x224x224", "32x112x112", "64x112x112", "64x56x56", str(64 * 56 * 56), "3"]
    assert table["output"].tolist() == sizes
    counts = [0, 32 * (3 * 25 + 1), 0, 64 * (32 * 9 + 1), 0, 0, 3 * (64 * 56 * 56 + 1)]
    assert table["parameters"].tolist() == counts
