"""Transfer group sparse regression: labels regressed on face blocks that sources and held-out clips share."""

from __future__ import annotations

import numpy as np

from melib.corpus.index import CLASSES
from melib.learning.estimators.base import NEVER, Estimator, Features
from melib.learning.estimators.lagrangian import lagrangian
from melib.learning.estimators.targets import one_hot, weighted

GROWTH = 1.1  # of the augmented Lagrangian's penalty a step


class TGSR(Estimator):
    """TGSR (Jiang et al., 2022): min |[L, 0] - C' [X, sqrt(lam) d]|^2 with C zero but in `blocks` blocks.

    L are the sources' labels, X (D, N) their features, d the difference of the mean features of sources and held-out
    clips: transductive. A block is `block_size` numbers in a row; 0 for `blocks` keeps all. Published is the successor
    of RSTR, whose text could not be had. That exactly so many blocks are kept, and the solver, are read off its
    authors' repository; its figures equal their log.
    """

    def fit(self, train: Features, target: Features | None = None) -> TGSR:
        difference = train.x.mean(0) - target.x.mean(0)
        x, labels = weighted(train, self.class_weights)
        x = np.vstack([x, np.sqrt(self.options["lam"]) * difference])
        labels = np.vstack([labels, np.zeros(len(CLASSES))])
        self.weight = group_sparse(x, labels, self.options["blocks"], self.options["block_size"])
        self.bias = np.where(one_hot(train.y).any(0), 0, NEVER)
        return self

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weight + self.bias

    def arrays(self) -> dict[str, np.ndarray]:
        return {"weight": self.weight}


def group_sparse(x: np.ndarray, z: np.ndarray, kept: int, size: int) -> np.ndarray:
    """Weights (D, K) that regress z (N, K) on x (N, D), zero in all but `kept` of the blocks of `size` numbers.

    The authors' inexact augmented Lagrangian: in each step the norm of the largest block that is not kept is taken off
    the norm of every block. D is never squared: the step's linear system is solved in the N samples. Raises ValueError
    where D is not a multiple of `size` or holds fewer than `kept` blocks.
    """
    groups, rest = divmod(x.shape[1], size)
    if rest or kept > groups:
        raise ValueError(
            f"block_size = {size}, blocks = {kept}: vectors of {x.shape[1]} numbers hold {x.shape[1] / size:.6g} such "
            "blocks. Set block_size to the length of a block, and blocks to at most their number (0: all)."
        )
    values, vectors = np.linalg.eigh(x @ x.T)
    target = x.T @ z

    def solve(right: np.ndarray, penalty: float) -> np.ndarray:
        in_samples = vectors @ ((vectors.T @ (x @ right)) / (values + penalty / 2)[:, None])
        return 2 / penalty * (right - x.T @ in_samples)

    def shrink(weight: np.ndarray, _penalty: float) -> np.ndarray:
        return _shrink_blocks(weight, kept or groups, groups)

    return lagrangian(target, solve, shrink, np.ones_like(target), GROWTH)


def _shrink_blocks(weight: np.ndarray, kept: int, groups: int) -> np.ndarray:
    """Soft thresholding of the blocks' norms at that of the largest block which is not among the `kept`."""
    blocks = weight.reshape(groups, -1)
    norms = np.linalg.norm(blocks, axis=1)
    threshold = np.sort(norms)[::-1][kept] if kept < groups else 0
    factors = np.maximum(1 - threshold / np.where(norms > 0, norms, 1), 0)
    return (blocks * factors[:, None]).reshape(weight.shape)
