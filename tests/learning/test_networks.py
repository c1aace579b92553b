import copy

import pytest
import torch

from melib.learning.networks.build import build as build_network
from melib.learning.networks.build import load_weights
from melib.learning.networks.convolution import Conv2d, quick_on_small_maps
from melib.learning.networks.layers import layer_table
from melib.learning.registry import NETWORKS

IMAGES = [name for name, spec in NETWORKS.items() if spec.inputs == ("image",)]


def build(name, *shapes, seed=0):
    return build_network(name, shapes, seed)


def shapes_for(name, size):
    """Inputs of that size of the kinds that a network takes."""
    images = (3, size, size)
    of_kind = {"image": images, "any": images, "video": (1, 6, size, size), "sequence": (5, size)}
    return [of_kind[kind] for kind in NETWORKS[name].inputs]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [28, 64])
def test_logits_are_the_head_of_the_features(name, size):
    shapes = shapes_for(name, size)
    model = build(name, *shapes).eval()
    logits, features = model(*(torch.randn(2, *shape) for shape in shapes))
    assert logits.shape == (2, 3)
    assert features.shape == (2, model.head.in_features)
    torch.testing.assert_close(model.head(features), logits)


@pytest.mark.parametrize("name, parameters", [("resnet18", 11_178_051), ("poolformer_s12", 11_403_715)])
def test_published_sizes(name, parameters):
    assert sum(p.numel() for p in build(name, (3, 224, 224)).parameters()) == parameters


def test_the_papers_cnn():
    model = build("cnn", (3, 224, 224))
    assert model.head.in_features == 64 * 56 * 56
    assert [tuple(m.kernel_size) for m in model.body if isinstance(m, torch.nn.Conv2d)] == [(5, 5), (3, 3)]


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_come_from_the_seed_alone(name):
    state = torch.random.get_rng_state()
    first, second, other = (build(name, *shapes_for(name, 32), seed=seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("name", IMAGES)
def test_feature_vectors_are_refused_by_image_networks(name):
    least = NETWORKS[name].least_size
    with pytest.raises(ValueError, match=rf"takes image of at least {least} x {least}.*another network: mlp"):
        build(name, (40,))


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_layer_tables_end_at_the_features_and_hold_all_parameters(name):
    shapes = shapes_for(name, 32)
    table, model = layer_table(name, *shapes), build(name, *shapes)
    assert table["parameters"].sum() == sum(weights.numel() for weights in model.parameters())
    inputs = ["x".join(map(str, shape)) for shape in shapes]
    assert table["output"].tolist()[: len(inputs)] == inputs
    assert table["output"].tolist()[-2:] == [str(model.head.in_features), "3"]


def test_the_layers_of_the_papers_cnn_follow_from_its_description():
    table = layer_table("cnn", (3, 224, 224)).query("kind != 'ReLU'")
    sizes = ["3x224x224", "32x224x224", "32x112x112", "64x112x112", "64x56x56", str(64 * 56 * 56), "3"]
    assert table["output"].tolist() == sizes
    counts = [0, 32 * (3 * 25 + 1), 0, 64 * (32 * 9 + 1), 0, 0, 3 * (64 * 56 * 56 + 1)]
    assert table["parameters"].tolist() == counts


def test_weights_of_a_file_start_the_body_and_a_classifier_of_other_classes_stays_out(tmp_path, caplog):
    import timm

    source = timm.create_model("resnet18", pretrained=False, num_classes=10)
    torch.save(source.state_dict(), tmp_path / "resnet.pth")
    network = build("resnet18", (3, 32, 32))
    head = network.head.weight.clone()
    load_weights(network, tmp_path / "resnet.pth")
    assert torch.equal(network.body.conv1.weight, source.conv1.weight)
    assert torch.equal(network.head.weight, head)
    assert "left out" in caplog.text and "fc.weight" in caplog.text


@pytest.mark.parametrize("content", ["another network", "no weights"])
def test_weights_that_do_not_fit_are_refused(tmp_path, content):
    path = tmp_path / "w.pth"
    if content == "no weights":
        path.write_bytes(b"rubbish")
    else:
        torch.save(build("cnn", (3, 32, 32)).state_dict(), path)
    with pytest.raises(ValueError, match=r"does not hold the weights|cannot be read"):
        load_weights(build("resnet18", (3, 32, 32)), path)


def test_dropout_acts_in_training_alone():
    network = build("cnn", (3, 16, 16))
    x = torch.randn(4, 3, 16, 16)
    plain = network(x)[0]
    network.dropout = 0.5
    torch.manual_seed(0)
    assert not torch.equal(network.train()(x)[0], plain)
    assert torch.equal(network.eval()(x)[0], plain)


@pytest.mark.parametrize("size", [(2, 2), (4, 3), (8, 8), (9, 8)])  # the last has over 64 positions
@pytest.mark.parametrize("kernel, stride, padding", [(1, 1, 0), (3, 1, 1), (3, 2, 1), (1, 2, 0), ((1, 2), (2, 1), 1)])
def test_convolutions_of_small_maps_equal_torchs(size, kernel, stride, padding):
    torch.manual_seed(0)
    plain = torch.nn.Conv2d(5, 7, kernel, stride, padding).to(memory_format=torch.channels_last)
    quick = quick_on_small_maps(copy.deepcopy(plain))
    assert type(quick) is Conv2d and list(quick.state_dict()) == list(plain.state_dict())
    x = torch.randn(3, 5, *size).contiguous(memory_format=torch.channels_last)
    results = []
    for layer in (plain, quick):
        given = x.clone().requires_grad_()
        maps = layer(given)
        (maps**2).sum().backward()
        results.append((maps, given.grad, layer.weight.grad, layer.bias.grad))
    for expected, seen in zip(*results, strict=True):
        torch.testing.assert_close(seen, expected)


def test_grouped_and_dilated_convolutions_stay_torchs():
    layers = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=2), torch.nn.Conv2d(4, 4, 3, dilation=2))
    assert {type(layer) for layer in quick_on_small_maps(layers)} == {torch.nn.Conv2d}
