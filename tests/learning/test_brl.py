import math

import pytest
import torch

from melib.learning.algorithms.base import Task
from melib.learning.algorithms.brl import BRL, BatchRegularizationLoss
from melib.learning.algorithms.feature_means import feature_mean_gap
from melib.learning.groups import group_means
from melib.learning.networks.base import Network


def weighted_cross_entropy(logits, labels, attention, weighting, attention_weights="learned"):
    """BRL's cross-entropy of given logits, with given attention."""
    options = {"lam": 0.5, "weighting": weighting, "spread": "range", "scale_ce": True}
    options["attention_weights"] = attention_weights
    task = Task(options, torch.device("cpu"), torch.arange(2), 1, 1e-3, 0)
    algorithm = BRL(Network(torch.nn.Identity(), 4), task)
    algorithm.brl.attention = lambda features: attention
    return algorithm.weighted_cross_entropy(logits, torch.zeros(len(logits), 4), labels)


def naive(features, domains, weight, bias):
    """The equations of the paper's 3.2.1, a sample at a time."""
    groups = {}
    for x, domain in zip(features.tolist(), domains.tolist(), strict=True):
        score = sum(w * v for w, v in zip(weight.tolist(), x, strict=True)) + float(bias)
        groups.setdefault(domain, []).append(1 / (1 + math.exp(-score)))
    means = [sum(a) / len(a) for a in groups.values()]
    return max(means) - min(means)


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_naive_twin(seed):
    g = torch.Generator().manual_seed(seed)
    features = torch.randn(17, 6, generator=g, dtype=torch.float64)
    domains = torch.randint(0, 4, (17,), generator=g) * 2  # numbers with gaps, and some groups may be missing
    brl = BatchRegularizationLoss(6, g).double()
    expected = naive(features, domains, brl.weight.detach(), brl.bias.detach())
    assert brl(features, domains).item() == pytest.approx(expected, abs=1e-14)
    assert expected > 0


def test_gradcheck():
    g = torch.Generator().manual_seed(1)
    brl = BatchRegularizationLoss(3, g).double()
    domains = torch.tensor([0, 0, 1, 1, 1, 2])
    features = torch.randn(6, 3, generator=g, dtype=torch.float64, requires_grad=True)

    def loss(x, weight, bias):
        return torch.func.functional_call(brl, {"weight": weight, "bias": bias}, (x, domains))

    assert torch.autograd.gradcheck(loss, (features, brl.weight, brl.bias))


def test_zero_for_equal_means_and_for_one_group():
    brl = BatchRegularizationLoss(4)
    features = torch.randn(3, 4).repeat(3, 1)
    assert brl(features, torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2])).item() == pytest.approx(0, abs=1e-7)
    assert brl(torch.randn(5, 4), torch.full((5,), 3)).item() == 0


def test_order_of_samples_and_numbers_of_groups_do_not_matter():
    brl = BatchRegularizationLoss(4).double()
    features, domains = torch.randn(12, 4, dtype=torch.float64), torch.arange(12) % 3
    shuffled = torch.randperm(12)
    first = brl(features, domains)
    torch.testing.assert_close(brl(features[shuffled], domains[shuffled]), first, rtol=0, atol=1e-15)
    torch.testing.assert_close(brl(features, 7 - 2 * domains), first, rtol=0, atol=1e-15)


def test_group_means_in_the_order_of_group_numbers():
    means = group_means(torch.tensor([1.0, 2.0, 6.0]), torch.tensor([4, 0, 4]))
    assert means.tolist() == [2.0, 3.5]


def test_weights_come_from_the_generator_alone():
    first = BatchRegularizationLoss(9, torch.Generator().manual_seed(3))
    state = torch.random.get_rng_state()
    second = BatchRegularizationLoss(9, torch.Generator().manual_seed(3))
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)
    assert torch.equal(state, torch.random.get_rng_state())
    assert first.weight.abs().max() <= 1 / 3


@pytest.mark.parametrize("features, domains", [((5, 3), (5,)), ((5, 4), (4,)), ((5, 2, 2), (5,))])
def test_wrong_shapes_are_named(features, domains):
    with pytest.raises(ValueError, match="expected"):
        BatchRegularizationLoss(4)(torch.zeros(features), torch.zeros(domains, dtype=torch.long))


def gradients(brl, features, domains):
    features = features.clone().requires_grad_()
    brl.zero_grad()
    loss = brl(features, domains)
    loss.backward()
    return loss.detach(), features.grad, brl.weight.grad


def test_frozen_and_reversed_weights_change_the_gradient_of_w_alone():
    features, domains = torch.randn(12, 4), torch.arange(12) % 3
    draw = lambda name: BatchRegularizationLoss(4, torch.Generator().manual_seed(1), attention_weights=name)  # noqa: E731
    loss, to_features, to_w = gradients(draw("learned"), features, domains)
    frozen, reversed_ = gradients(draw("frozen"), features, domains), gradients(draw("reversed"), features, domains)
    assert to_w.abs().sum() > 0
    assert frozen[2] is None
    torch.testing.assert_close(reversed_[2], -to_w)
    for other in (frozen, reversed_):
        torch.testing.assert_close(other[0], loss)
        torch.testing.assert_close(other[1], to_features)


def test_frozen_weights_rest_where_attention_acts_on_the_logits_too():
    brl = BatchRegularizationLoss(4, attention_weights="frozen")
    logits, labels = torch.randn(6, 3, requires_grad=True), torch.arange(6) % 3
    weighted_cross_entropy(logits, labels, brl.attention(torch.randn(6, 4)), "logit").backward()
    assert logits.grad.abs().sum() > 0
    assert brl.weight.grad is None


def test_variance_is_that_of_the_groups_means():
    features, domains = torch.randn(12, 4), torch.arange(12) % 3
    brl = BatchRegularizationLoss(4, spread="variance")
    means = group_means(brl.attention(features), domains).detach().numpy()
    assert brl(features, domains).item() == pytest.approx(means.var(), rel=1e-5)


def test_the_gap_of_feature_means_is_the_share_of_variance_between_groups():
    features = torch.randn(20, 5, dtype=torch.float64)
    domains = torch.arange(20) % 4
    x = features.numpy()
    within = sum(((x[domains.numpy() == g] - x[domains.numpy() == g].mean(0)) ** 2).sum() for g in range(4))
    expected = 1 - within / ((x - x.mean(0)) ** 2).sum()
    assert feature_mean_gap(features, domains).item() == pytest.approx(expected, abs=1e-12)
    assert feature_mean_gap(7 * features + 3, domains).item() == pytest.approx(expected, abs=1e-12)
    assert feature_mean_gap(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])).item() == 0


def test_attention_acts_on_logits_or_on_each_loss_or_not_at_all():
    logits, labels, attention = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, 0]), torch.rand(6)
    plain = torch.nn.functional.cross_entropy(logits, labels)
    assert weighted_cross_entropy(logits, labels, attention, "none") == plain
    for weighting in ("logit", "loss"):
        torch.testing.assert_close(weighted_cross_entropy(logits, labels, torch.ones(6), weighting), plain)
    each = [
        -math.log(math.exp(row[y]) / sum(map(math.exp, row)))
        for row, y in zip(logits.tolist(), labels.tolist(), strict=True)
    ]
    weighted = sum(a * e for a, e in zip(attention.tolist(), each, strict=True)) / attention.sum().item()
    assert weighted_cross_entropy(logits, labels, attention, "loss").item() == pytest.approx(weighted, rel=1e-5)
    scaled = [[a * v for v in row] for a, row in zip(attention.tolist(), logits.tolist(), strict=True)]
    each = [
        -math.log(math.exp(row[y]) / sum(map(math.exp, row))) for row, y in zip(scaled, labels.tolist(), strict=True)
    ]
    assert weighted_cross_entropy(logits, labels, attention, "logit").item() == pytest.approx(sum(each) / 6, rel=1e-5)
