"""Domain regeneration (DR): features, or labels, regenerated so that sources and held-out clips have one mean."""

from __future__ import annotations

import numpy as np

from melib.learning.estimators.base import NEVER, Estimator, Features
from melib.learning.estimators.lagrangian import lagrangian
from melib.learning.estimators.logreg import span
from melib.learning.estimators.svm import SVM
from melib.learning.estimators.targets import one_hot, weighted

GROWTH = 1.02  # of the penalty a step; the authors' 1.1 stops up to 1 % above the least value


class DR(Estimator):
    """Domain regeneration (Zong et al., 2018) with a linear kernel, in its three forms. Transductive.

    P minimises |Z - P' K_s|^2 + lam |P' d|^2 + mu |P|_1, K_s and K_t the kernel of all clips with the sources and with
    the held-out clips, d the difference of their means. `form` "DRFS-S" (also TSRG, 2017) regenerates the source
    features and gives P' K_t to an SVM that was trained on them; "DRFS-T" regenerates the held-out features and trains
    the SVM on P' K of the sources; "DRLS" regenerates the sources' labels.

    For P, inputs are divided by the sources' root mean squared length, so that mu means the same for any features; the
    SVM sees them at their own scale, with C (published: 1; 0: chosen on the sources, `choose_on_sources`). Features
    that have more numbers than there are clips are regenerated as coordinates in the clips' span, which is the same at
    mu = 0; the authors' mu acts on the features themselves. The forms are published; the solver is read off the
    authors' program, which starts from ones where this one starts from zeros.
    """

    def fit(self, train: Features, target: Features | None = None) -> DR:
        self.length = np.sqrt((train.x**2).sum(1).mean())
        self.basis = span(np.vstack([train.x, target.x])) / self.length
        sources = Features(train.x @ self.basis, train.y, train.domain, train.subject)
        held_out = target.x @ self.basis
        form = self.options["form"]
        if form == "DRLS":
            self.map = self._regenerate(sources.x, held_out, *weighted(sources, self.class_weights))
            self.bias = np.where(one_hot(train.y).any(0), 0, NEVER)
            return self
        seen, other = (sources.x, held_out) if form == "DRFS-S" else (held_out, sources.x)
        self.map = self._regenerate(seen, other, seen, seen)
        learned_from = sources.x if form == "DRFS-S" else sources.x @ self.map
        known = Features(self.length * learned_from, train.y, train.domain, train.subject)
        self.svm = SVM({"C": self.options["C"], "kernel": "linear"}, self.class_weights).fit(known)
        return self

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        x = x @ self.basis
        if self.options["form"] == "DRLS":
            return x @ self.map + self.bias
        return self.svm.decision_function(self.length * (x @ self.map if self.options["form"] == "DRFS-S" else x))

    def choices(self) -> dict[str, float]:
        return {} if self.options["form"] == "DRLS" else self.svm.choices()

    def arrays(self) -> dict[str, np.ndarray]:
        return {"map": self.map} | ({} if self.options["form"] == "DRLS" else self.svm.arrays())

    def _regenerate(self, seen: np.ndarray, other: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The map (D, K) from features to what is regenerated: P' k(x) is x times it.

        P is fitted to z (N, K) of the clips `x` (N, D), which are those `seen`, if weighted.
        """
        clips = np.vstack([seen, other])
        difference = clips @ (seen.mean(0) - other.mean(0))
        rows = np.vstack([x @ clips.T, np.sqrt(self.options["lam"]) * difference])
        targets = np.vstack([z, np.zeros(z.shape[1])])
        return clips.T @ sparse(rows, targets, self.options["mu"])


def sparse(a: np.ndarray, z: np.ndarray, mu: float) -> np.ndarray:
    """The P (M, K) of least |z - a P|^2 + mu |P|_1, for a (N, M) and z (N, K), by an augmented Lagrangian.

    At mu = 0 it is the P of least norm.
    """
    if mu == 0:
        return np.linalg.lstsq(a, z, rcond=1e-10)[0]
    _, singular, rows = np.linalg.svd(a, full_matrices=False)  # a has fewer rows than columns: work in their span
    values = singular[:, None] ** 2
    target = a.T @ z

    def solve(right: np.ndarray, penalty: float) -> np.ndarray:
        return 2 / penalty * (right - rows.T @ (values / (values + penalty / 2) * (rows @ right)))

    def shrink(x: np.ndarray, penalty: float) -> np.ndarray:
        return np.sign(x) * np.maximum(np.abs(x) - mu / penalty, 0)

    return lagrangian(target, solve, shrink, np.zeros_like(target), GROWTH)
