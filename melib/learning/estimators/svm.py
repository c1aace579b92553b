"""Support vector machines: the classifier of the hand-crafted features."""

from __future__ import annotations

import numpy as np

from melib.corpus.index import CLASSES
from melib.learning.estimators.base import NEVER, Estimator, Features
from melib.learning.estimators.choice import choose_on_sources

# Of C times the kernel's mean with itself, so that they mean the same for any features; from strong to weak.
STRENGTHS = tuple(float(c) for c in np.logspace(-2, 2, 9).round(6))


class SVM(Estimator):
    """Support vector machine, one against one as in libsvm, with a linear or a chi-square kernel.

    The chi-square kernel exp(-d(x, y) / A), d = sum (x - y)^2 / (x + y), compares histograms; A is the mean of d over
    the training clips (Zhang et al., 2007). C = 0 stands for a choice on the sources alone (`choose_on_sources`), of
    STRENGTHS over the mean of k(x, x). Raises ValueError where the chi-square kernel is given negative numbers.
    """

    def fit(self, train: Features, target: Features | None = None) -> SVM:
        self.train = train.x
        self.scale = 1.0
        if self.options["kernel"] == "chi2":
            self.scale = float(_chi_square(train.x, train.x).mean()) or 1.0
        gram = self._kernel(train.x)
        self.C = self.options["C"] or self._choose(gram, train)
        self.model = self._model(self.C).fit(gram, train.y)
        return self

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        values = self.model.decision_function(self._kernel(x))
        scores = np.full((len(x), len(CLASSES)), NEVER)
        scores[:, self.model.classes_] = np.c_[-values, values] if values.ndim == 1 else values
        return scores

    def arrays(self) -> dict[str, np.ndarray]:
        """Dual coefficients of the support vectors, which are rows `support` of the training clips, and intercepts."""
        return {
            "dual": self.model.dual_coef_, "support": self.model.support_, "intercepts": self.model.intercept_
        }  # fmt: skip

    def choices(self) -> dict[str, float]:
        return {"C": self.C}

    def _kernel(self, x: np.ndarray) -> np.ndarray:
        """The kernel (N, M) of vectors (N, D) with the training clips."""
        if self.options["kernel"] == "linear":
            return x @ self.train.T
        return np.exp(-_chi_square(x, self.train) / self.scale)

    def _model(self, strength: float):
        from sklearn.svm import SVC

        weight = "balanced" if self.class_weights == "balanced" else None
        return SVC(C=strength, kernel="precomputed", class_weight=weight)

    def _choose(self, gram: np.ndarray, train: Features) -> float:
        def predict(rest: np.ndarray, strength: float) -> np.ndarray:
            model = self._model(strength).fit(gram[np.ix_(rest, rest)], train.y[rest])
            return model.predict(gram[np.ix_(~rest, rest)])

        return choose_on_sources(train, [strength / np.diag(gram).mean() for strength in STRENGTHS], predict)


def _chi_square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The chi-square distances (N, M) of histograms (N, D) and (M, D)."""
    from sklearn.metrics.pairwise import additive_chi2_kernel

    if min(x.min(), y.min()) < 0:
        raise ValueError(
            "The chi-square kernel compares histograms, and some numbers are negative: give it histograms as they are "
            "(normalise raw), or take the linear kernel."
        )
    return -additive_chi2_kernel(x, y)
