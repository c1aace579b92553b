"""DR against optimality conditions, closed forms and a slow solver; TGSR against a naive twin and its authors' log."""

import gzip

import numpy as np
import pandas as pd
import pytest
from sklearn.svm import SVC

from melib.learning.estimators.base import Features
from melib.learning.estimators.dr import DR, sparse
from melib.learning.estimators.tgsr import TGSR, group_sparse
from melib.learning.metrics import confusion, scores

BLOCKS, SIZE = 5, 6


def clips(seed, count=24, size=BLOCKS * SIZE):
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = rng.normal(size=(count, size)) + 0.3 * seed
    x[:, :3] += 2 * np.eye(3)[y]
    return Features(x, y, np.arange(count) % 2, np.arange(count).astype(str))


def dr(form, lam=1.0, mu=0.1, weights="none"):
    return DR({"form": form, "lam": lam, "mu": mu, "C": 1.0}, weights)


def tgsr(lam=1.0, blocks=0, size=SIZE):
    return TGSR({"lam": lam, "blocks": blocks, "block_size": size})


def problem(seed=0, count=30, unknowns=20, targets=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, unknowns)), rng.normal(size=(count, targets))


@pytest.mark.parametrize("mu", [0.1, 3.0, 20.0])
def test_the_sparse_solution_meets_the_conditions_of_optimality(mu):
    """The subgradient: -2 a'(z - aP) is -mu sign(P) where P is not 0, and at most mu elsewhere."""
    a, z = problem()
    solution = sparse(a, z, mu)
    slope = -2 * a.T @ (z - a @ solution)
    active = solution != 0
    assert 0 < active.mean() <= 1
    np.testing.assert_allclose(slope[active], -mu * np.sign(solution[active]), atol=0.02 * mu)
    assert (np.abs(slope[~active]) <= mu * 1.02).all()


@pytest.mark.parametrize("mu", [1.0, 5.0])
def test_a_slow_solver_finds_the_same_also_with_more_unknowns_than_rows(mu):
    a, z = problem(count=15, unknowns=25)
    step = 1 / (2 * np.linalg.norm(a, 2) ** 2)
    slow = np.zeros((25, 4))
    for _ in range(30_000):  # proximal gradient
        moved = slow + 2 * step * a.T @ (z - a @ slow)
        slow = np.sign(moved) * np.maximum(np.abs(moved) - step * mu, 0)
    np.testing.assert_allclose(sparse(a, z, mu), slow, atol=2e-3)

    def value(p):
        return ((z - a @ p) ** 2).sum() + mu * np.abs(p).sum()

    assert value(sparse(a, z, mu)) == pytest.approx(value(slow), rel=1e-4)


def test_without_mu_it_is_least_squares_of_least_norm():
    a, z = problem(count=15, unknowns=25)
    np.testing.assert_allclose(sparse(a, z, 0), np.linalg.pinv(a) @ z, atol=1e-9)


@pytest.mark.parametrize("form", ["DRFS-S", "DRFS-T", "DRLS"])
def test_without_mu_and_lam_what_was_seen_is_regenerated_exactly(form):
    """With fewer clips than numbers least squares has no error: features, or labels, come out as they went in."""
    train, target = clips(0, count=12), clips(1, count=9)
    fitted = dr(form, lam=0, mu=0).fit(train, target)
    seen = target.x if form == "DRFS-T" else train.x
    coordinates = seen @ fitted.basis
    wanted = np.eye(3)[train.y] if form == "DRLS" else coordinates
    np.testing.assert_allclose(coordinates @ fitted.map, wanted, atol=1e-7)


@pytest.mark.parametrize("form", ["DRFS-S", "DRFS-T", "DRLS"])
def test_a_great_lam_brings_the_regenerated_means_together(form):
    train, target = clips(0), clips(1)
    gaps = []
    for lam in (0, 1e6):
        fitted = dr(form, lam=lam, mu=1e-3).fit(train, target)
        means = [(x @ fitted.basis @ fitted.map).mean(0) for x in (train.x, target.x)]
        gaps.append(np.linalg.norm(means[0] - means[1]))
    assert gaps[1] < 0.02 * gaps[0]


@pytest.mark.parametrize("form", ["DRFS-S", "DRFS-T"])
def test_the_svm_sees_what_was_regenerated_at_the_scale_of_the_features(form):
    """Features 50 times as long have the same P, and an SVM that regularises 2500 times less."""
    train, target = clips(0), clips(1)
    fitted = dr(form).fit(train, target)
    regenerated = fitted.length * (target.x if form == "DRFS-S" else train.x) @ fitted.basis @ fitted.map
    known, asked = (train.x, regenerated) if form == "DRFS-S" else (regenerated, target.x)
    coordinates = fitted.length * fitted.basis
    known, asked = (x if x is regenerated else x @ coordinates for x in (known, asked))
    expected = SVC(C=1.0, kernel="linear").fit(known, train.y).decision_function(asked)
    np.testing.assert_allclose(fitted.decision_function(target.x), expected, atol=5e-3)
    longer = dr(form).fit(Features(50 * train.x, train.y, train.domain, train.subject), Features(50 * target.x))
    np.testing.assert_allclose(longer.map, fitted.map, atol=1e-9)


def test_drls_is_the_objective_of_its_paper_written_out():
    """Kernel blocks, the mean difference and the solution on them, with few numbers: no change of coordinates."""
    train, target = clips(0, size=8), clips(1, size=8)
    scale = np.sqrt((train.x**2).sum(1).mean())
    x = np.vstack([train.x, target.x]) / scale
    kernel = x @ x.T
    k_s, k_t = kernel[:, : len(train.x)], kernel[:, len(train.x) :]
    difference = k_s.mean(1) - k_t.mean(1)

    def value(p):
        fit = ((np.eye(3)[train.y].T - p.T @ k_s) ** 2).sum()
        return fit + 2.0 * ((p.T @ difference) ** 2).sum() + 0.5 * np.abs(p).sum()

    a = np.vstack([k_s.T, np.sqrt(2.0) * difference])
    p = sparse(a, np.vstack([np.eye(3)[train.y], np.zeros(3)]), 0.5)
    shaken = [p + 1e-3 * np.random.default_rng(n).normal(size=p.shape) for n in range(20)]
    assert all(value(p) < value(other) for other in shaken)
    fitted = dr("DRLS", lam=2.0, mu=0.5).fit(train, target)
    np.testing.assert_allclose(fitted.decision_function(target.x), k_t.T @ p, atol=1e-7)


@pytest.mark.parametrize("make", [lambda: dr("DRLS"), lambda: tgsr(blocks=1)])
def test_labels_are_regressed_and_a_class_without_a_training_clip_is_never_predicted(make):
    train, target = clips(0, count=120), clips(1)
    hits = make().fit(train, target).decision_function(target.x).argmax(1) == target.y
    assert hits.mean() > 0.5
    two = train.rows(train.y != 1)
    assert not (make().fit(two, target).decision_function(target.x).argmax(1) == 1).any()


def test_class_weights_are_clips_counted_several_times():
    """9 clips of one class against 6 and 3: weights 2/3, 1 and 2, as if each class came 18 times."""
    train, target = clips(0, count=27), clips(1)
    some = np.concatenate([np.flatnonzero(train.y == c)[:n] for c, n in enumerate((9, 6, 3))])
    few = train.rows(np.isin(np.arange(27), some))
    rows = np.concatenate([np.tile(np.flatnonzero(few.y == c), n) for c, n in enumerate((2, 3, 6))])
    weighted = dr("DRLS", mu=0.0, lam=0.0, weights="balanced").fit(few, target)
    a, z = few.x[rows] @ weighted.basis, np.eye(3)[few.y[rows]]
    error = (z - a @ weighted.map).T @ a
    np.testing.assert_allclose(error, 0, atol=1e-7)


def naive_group_sparse(x, z, kept, size):
    """The same steps with whole matrices and loops."""
    d, k = x.shape[1], z.shape[1]
    weight, multiplier, penalty = np.ones((d, k)), np.zeros((d, k)), 1e-3
    for _ in range(2000):
        system = x.T @ x + penalty / 2 * np.eye(d)
        free = np.linalg.solve(system, x.T @ z + (penalty * weight + multiplier) / 2)
        moved = free - multiplier / penalty
        norms = [np.sqrt((moved[i : i + size] ** 2).sum()) for i in range(0, d, size)]
        threshold = sorted(norms, reverse=True)[kept] if kept < len(norms) else 0
        weight = np.zeros((d, k))
        for n, norm in enumerate(norms):
            if norm > threshold:
                weight[n * size : n * size + size] = moved[n * size : n * size + size] * (norm - threshold) / norm
        if np.abs(weight - free).max() < 1e-8:
            return weight
        multiplier = multiplier + penalty * (weight - free)
        penalty *= 1.1
    raise AssertionError("no end")


@pytest.mark.parametrize("kept", [1, 3, BLOCKS])
def test_group_sparse_weights_are_those_of_a_naive_twin(kept):
    train = clips(0)
    z = np.eye(3)[train.y]
    weight = group_sparse(train.x, z, kept, SIZE)
    np.testing.assert_allclose(weight, naive_group_sparse(train.x, z, kept, SIZE), atol=1e-6)
    assert (np.abs(weight.reshape(BLOCKS, -1)).max(1) > 0).sum() == kept


@pytest.mark.parametrize("blocks, size", [(0, 7), (6, SIZE)])
def test_blocks_that_vectors_do_not_hold_are_refused(blocks, size):
    with pytest.raises(ValueError, match=r"vectors of 30 numbers hold .* such blocks. Set block_size"):
        tgsr(1.0, blocks, size).fit(clips(0), clips(1))


def logged(real_data, count):
    """Some random rows of each transfer in the authors' log."""
    with gzip.open(real_data / "cdmer" / "tgsr_log.csv.gz") as file:
        log = pd.read_csv(file)
    return [
        row for _, rows in log.groupby(["source", "target"]) for row in rows.sample(count, random_state=7).itertuples()
    ]


def disagreeing(real_data, rows):
    """The rows of the log whose accuracy or macro F1 does not come out, with what does."""
    stored = np.load(real_data / "cdmer" / "lbptop_85blocks.npz")
    wrong = []
    for row in rows:
        source, target = (stored[f"{name}_x"].astype(float) for name in (row.source, row.target))
        train = Features(source, stored[f"{row.source}_y"].astype(int) - 1)
        fitted = tgsr(row.lam, row.blocks, 177).fit(train, Features(target))
        predicted = fitted.decision_function(target).argmax(1)
        given = scores(confusion(stored[f"{row.target}_y"].astype(int) - 1, predicted))
        if not np.allclose([given["acc"], given["uf1"]], [row.accuracy, row.macro_f1], atol=1e-6, rtol=0):
            wrong.append((row, given))
    return wrong


def test_tgsr_has_its_authors_accuracy_and_macro_f1(real_data):
    """20 settings a transfer in tests/benchmarks/transductive.py."""
    rows = logged(real_data, 2)
    assert len(rows) == 12
    assert not disagreeing(real_data, rows)
