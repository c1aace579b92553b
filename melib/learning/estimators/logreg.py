"""Regularised multinomial logistic regression: what every network has to beat."""

from __future__ import annotations

import numpy as np

from melib.corpus.index import CLASSES
from melib.learning.estimators.base import NEVER, Estimator, Features
from melib.learning.estimators.choice import choose_on_sources

STRENGTHS = tuple(float(c) for c in np.logspace(-4, 0, 9).round(6))  # of C, from strong to weak regularisation


class LogReg(Estimator):
    """Softmax regression with an L2 penalty (scikit-learn), C = 0 standing for a choice on the sources alone.

    C is then the first of STRENGTHS with the best mean UAR when each source dataset is left out in turn; with a single
    source, over folds of its subjects.
    """

    def fit(self, train: Features, target: Features | None = None) -> LogReg:
        basis = span(train.x)
        reduced = Features(train.x @ basis, train.y, train.domain, train.subject)
        self.C = self.options["C"] or self._choose(reduced)
        model = self._model(self.C).fit(reduced.x, reduced.y)
        self.weight = np.zeros((len(CLASSES), train.x.shape[1]))
        self.bias = np.full(len(CLASSES), NEVER)
        coefficients = model.coef_
        intercepts = model.intercept_
        if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
            coefficients = np.vstack([-coefficients, coefficients]) / 2
            intercepts = np.r_[-intercepts, intercepts] / 2
        self.weight[model.classes_] = coefficients @ basis.T
        self.bias[model.classes_] = intercepts
        return self

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weight.T + self.bias

    def arrays(self) -> dict[str, np.ndarray]:
        return {"weight": self.weight, "bias": self.bias}

    def choices(self) -> dict[str, float]:
        return {"C": self.C}

    def _model(self, strength: float):
        from sklearn.linear_model import LogisticRegression

        weight = "balanced" if self.class_weights == "balanced" else None
        return LogisticRegression(C=strength, class_weight=weight, max_iter=5000)

    def _choose(self, train: Features) -> float:
        def predict(rest: np.ndarray, strength: float) -> np.ndarray:
            return self._model(strength).fit(train.x[rest], train.y[rest]).predict(train.x[~rest])

        return choose_on_sources(train, STRENGTHS, predict)


def span(x: np.ndarray) -> np.ndarray:
    """An orthonormal basis (D, R) of the rows of `x` (N, D), R at most N.

    An L2 penalty keeps the weights in that span, so a fit to the R coordinates is the fit to all D numbers.
    """
    if x.shape[1] <= len(x):
        return np.eye(x.shape[1])
    values, vectors = np.linalg.eigh(x @ x.T)
    kept = values > values[-1] * 1e-12
    return x.T @ (vectors[:, kept] / np.sqrt(values[kept]))
