"""The domain-generalisation losses against the papers' equations, a clip at a time in numpy."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from melib.learning.algorithms.base import Batch, Task
from melib.learning.algorithms.matching import POOLED, pooled
from melib.learning.fit import fit
from melib.learning.networks.base import Network
from melib.learning.registry import ALGORITHMS
from tests.conftest import settings, toy

GROUPS = torch.tensor([0, 2, 3])  # the number of the held-out dataset is missing


def build(name, features=4, **options):
    """The algorithm on a network whose features are its inputs, float64."""
    defaults = {option: spec.default for option, spec in ALGORITHMS[name].options.items()}
    torch.manual_seed(0)
    task = Task(defaults | options, torch.device("cpu"), GROUPS, first_epoch=2, lr=0.1, weight_decay=0)
    return ALGORITHMS[name].load()(Network(torch.nn.Identity(), features), task).double()


def with_logits(algorithm):
    """The algorithm's `forward` without its conversion to float32, which a check of gradients needs."""
    algorithm.forward = lambda x: algorithm.network(*x)
    return algorithm


def draw(clips=12, features=4, seed=0, epoch=2):
    g = torch.Generator().manual_seed(seed)
    domain = GROUPS[torch.arange(clips) % 3][torch.randperm(clips, generator=g)]
    x = torch.randn(clips, features, generator=g, dtype=torch.float64)
    return Batch((x,), torch.arange(clips) % 3, domain, GROUPS, epoch)


def equal_sources(features=4):
    """Each source has the same clips."""
    one = draw(4, features)
    repeat = [torch.cat([values] * 3) for values in (one.x[0], one.y)]
    return Batch((repeat[0],), repeat[1], GROUPS.repeat_interleave(4), GROUPS, epoch=2)


def numbers(algorithm, batch):
    """What the naive twins are made of: features by source, and the cross-entropy of each clip by source."""
    x = batch.x[0].numpy()
    weight = algorithm.network.head.weight.detach().numpy()
    z = x @ weight.T + algorithm.network.head.bias.detach().numpy()
    y = batch.y.numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    losses = -np.log(p[np.arange(len(y)), y])
    # The derivative at s = 1 of the cross-entropy of s z is the mean of sum_k (p_k - [k = y]) z_k.
    slopes = ((p - np.eye(3)[y]) * z).sum(1)
    domain = batch.domain.numpy()
    by_source = {name: [values[domain == d] for d in GROUPS] for name, values in
                 {"x": x, "losses": losses, "slopes": slopes}.items()}  # fmt: skip
    return SimpleNamespace(**by_source)


def risks(twin):
    return np.array([losses.mean() for losses in twin.losses])


def mean_over_pairs(twin, distance):
    return np.mean([distance(x, y) for x, y in combinations(twin.x, 2)])


def coral(x, y):
    covariances = np.cov(x, rowvar=False) - np.cov(y, rowvar=False)
    return ((x.mean(0) - y.mean(0)) ** 2).mean() + (covariances**2).mean()


def mmd(x, y):
    def kernel(a, b):
        return np.mean([
            sum(np.exp(-(10.0**power) * ((p - q) ** 2).sum()) for power in range(-3, 4)) for p in a for q in b
        ])  # fmt: skip

    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)


def irm(twin):
    return np.mean([slopes[::2].mean() * slopes[1::2].mean() for slopes in twin.slopes])


PENALTIES = {
    "vrex": lambda twin: risks(twin).var(),
    "irm": irm,
    "coral": lambda twin: mean_over_pairs(twin, coral),
    "mmd": lambda twin: mean_over_pairs(twin, mmd),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_equal_their_naive_twins(name, seed):
    algorithm = with_logits(build(name))
    batch = draw(seed=seed)
    twin = numbers(algorithm, batch)
    losses = algorithm.loss(batch)
    assert losses["penalty"].item() == pytest.approx(PENALTIES[name](twin), rel=1e-9)
    weight = {"vrex": 10, "irm": 100, "coral": 1, "mmd": 1}[name]
    assert losses["loss"].item() == pytest.approx(risks(twin).mean() + weight * PENALTIES[name](twin), rel=1e-9)


@pytest.mark.parametrize("name", ["vrex", "coral", "mmd"])
def test_penalties_of_equal_sources_are_zero(name):
    algorithm = with_logits(build(name))
    assert algorithm.loss(equal_sources())["penalty"].item() == pytest.approx(0, abs=1e-12)
    assert algorithm.loss(draw())["penalty"].item() > 1e-3


@pytest.mark.parametrize("name", ["vrex", "irm", "coral", "mmd", "group_dro"])
def test_losses_pass_gradcheck(name):
    algorithm = with_logits(build(name))
    batch = draw()

    def loss(x):
        if name == "group_dro":
            algorithm.weights.fill_(1 / 3)
        return algorithm.loss(Batch((x,), batch.y, batch.domain, batch.domains, batch.epoch))["loss"]

    if name == "group_dro":  # its weights are constants to the gradient, as they are here with eta = 0
        algorithm.options = {"eta": 0.0}
    assert torch.autograd.gradcheck(loss, batch.x[0].clone().requires_grad_())


def test_group_dro_weighs_sources_by_their_risk_so_far():
    algorithm = with_logits(build("group_dro", eta=0.5))
    q = np.full(3, 1 / 3)
    for seed in range(3):
        batch = draw(seed=seed)
        r = risks(numbers(algorithm, batch))
        q = q * np.exp(0.5 * r)
        q /= q.sum()
        assert algorithm.loss(batch)["loss"].item() == pytest.approx((q * r).sum(), rel=1e-9)
    np.testing.assert_allclose(algorithm.weights.numpy(), q, rtol=1e-9)
    before = algorithm.weights[0].item() / algorithm.weights[1].item()
    rest = draw(seed=5)
    kept = rest.domain != 3
    algorithm.loss(Batch((rest.x[0][kept],), rest.y[kept], rest.domain[kept], GROUPS[:2], 2))
    assert algorithm.weights.sum().item() == pytest.approx(1)
    assert algorithm.weights[0].item() / algorithm.weights[1].item() != pytest.approx(before)


@pytest.mark.parametrize("name", ["vrex", "irm"])
def test_annealed_penalties_start_with_weight_one_and_a_new_optimiser(name):
    algorithm = with_logits(build(name, beta=7.0))
    early = draw(epoch=1)
    losses = algorithm.update(early)
    assert losses["loss"].item() == pytest.approx((losses["ce"] + losses["penalty"]).item())
    algorithm.update(early)
    steps = [int(state["step"]) for state in algorithm.optimizer.state.values()]
    assert set(steps) == {2}
    late = algorithm.update(draw(epoch=2))
    assert late["loss"].item() == pytest.approx((late["ce"] + 7 * late["penalty"]).item())
    algorithm.update(draw(epoch=2))
    assert {int(state["step"]) for state in algorithm.optimizer.state.values()} == {2}
    without = build(name, beta=0.0)
    losses = with_logits(without).loss(early)
    assert losses["loss"].item() == losses["ce"].item()


@pytest.mark.parametrize("name", ["dann", "cdann"])
def test_the_discriminator_learns_what_the_features_unlearn(name):
    algorithm = with_logits(build(name, lam=0.3))
    batch = draw()
    x = batch.x[0].clone().requires_grad_()
    losses = algorithm.loss(Batch((x,), batch.y, batch.domain, batch.domains, 2))
    (whole,) = torch.autograd.grad(losses["loss"], x, retain_graph=True)
    (ce,) = torch.autograd.grad(losses["ce"], x, retain_graph=True)
    source = torch.searchsorted(GROUPS, batch.domain)
    honest = algorithm.discrimination(x, source, batch.y)
    (straight,) = torch.autograd.grad(honest, x, retain_graph=True)
    torch.testing.assert_close(whole - ce, -0.3 * straight)
    weights = list(algorithm.discriminator.parameters())
    for reached, wanted in zip(
        torch.autograd.grad(losses["loss"], weights), torch.autograd.grad(honest, weights), strict=True
    ):
        torch.testing.assert_close(reached, wanted)
    logits = algorithm.discriminator(x + (algorithm.classes(batch.y) if name == "cdann" else 0)).detach().numpy()
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    each = -np.log(p[np.arange(len(p)), source.numpy()])
    y = batch.y.numpy()
    expected = each.mean() if name == "dann" else np.mean([each[y == c].mean() for c in range(3)])
    assert honest.item() == pytest.approx(expected, rel=1e-9)


def test_mixup_mixes_the_next_source_and_its_labels_in_the_same_share(monkeypatch):
    algorithm = with_logits(build("mixup"))
    batch = draw()
    monkeypatch.setattr(torch, "randperm", lambda n: torch.arange(n))
    monkeypatch.setattr(torch.distributions.Beta, "sample", lambda self: torch.tensor(0.25))
    weight = algorithm.network.head.weight.detach().numpy()
    bias = algorithm.network.head.bias.detach().numpy()
    x, y, domain = batch.x[0].numpy(), batch.y.numpy(), batch.domain.numpy()
    losses = []
    for first, second in ((0, 2), (2, 3), (3, 0)):
        rows, others = np.flatnonzero(domain == first), np.flatnonzero(domain == second)
        z = (0.25 * x[rows] + 0.75 * x[others]) @ weight.T + bias
        log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
        each = -0.25 * log_p[np.arange(len(rows)), y[rows]] - 0.75 * log_p[np.arange(len(rows)), y[others]]
        losses.append(each.mean())
    assert algorithm.loss(batch)["loss"].item() == pytest.approx(np.mean(losses), rel=1e-9)


def test_long_features_are_pooled_and_short_ones_are_not():
    x = torch.arange(2 * 2 * POOLED, dtype=torch.float64).reshape(2, -1)
    torch.testing.assert_close(pooled(x), x.reshape(2, POOLED, 2).mean(2))
    assert pooled(x[:, :POOLED]).shape == (2, POOLED)


@pytest.mark.parametrize("name, weight", [("dann", "lam"), ("cdann", "lam"), ("coral", "gamma"), ("mmd", "gamma")])
def test_at_rest_they_are_erm_bit_for_bit(name, weight):
    data = toy()
    erm = fit(data, settings(method="erm", sampling="balanced"))
    at_rest = fit(data, settings(method=name, sampling="balanced", **{weight: 0}))
    assert erm.predictions.equals(at_rest.predictions)
    acting = fit(data, settings(method=name, sampling="balanced"))
    assert not erm.predictions.equals(acting.predictions)
