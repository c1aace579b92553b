"""How many samples top up each dataset and class (the paper's Tables 2 and 3), and topping up without a generator."""

from __future__ import annotations

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES, dataset_order
from melib.errors import InputError
from melib.prepare.samples import Samples


class TopUpError(InputError):
    """A plan that cannot be made or filled."""


def top_up(index: pd.DataFrame, scheme: str = "balance", target: int = 0) -> pd.DataFrame:
    """Samples to add: a row per dataset of `index`, a column per class, so that each dataset reaches `target` in all.

    `scheme` interprets the paper's words: "even" gives each class the same share, remainders to the smallest
    classes; "balance" always fills the smallest class, so that all end as equal as they can. `target` 0 stands for the
    largest dataset of the index (MMEW's 234 in the paper), held out or not: of it only its size is used. Rows that
    are synthetic or have no label do not count. Raises TopUpError for a target below a dataset's present count.
    """
    if scheme not in SCHEMES:
        raise TopUpError(f"scheme is {scheme!r}; expected one of {list(SCHEMES)}.")
    real = index[~synthetic(index)]
    counts = pd.crosstab(real["dataset"], real["label"]).reindex(columns=CLASSES, fill_value=0)
    counts = counts.loc[dataset_order(counts.index)]
    target = target or int(counts.sum(axis=1).max())
    above = counts.sum(axis=1)[counts.sum(axis=1) > target]
    if len(above):
        raise TopUpError(
            f"target = {target} is below what {above.to_dict()} hold already; give at least {above.max()}."
        )
    added = {name: SCHEMES[scheme](row.to_numpy(), target) - row.to_numpy() for name, row in counts.iterrows()}
    return pd.DataFrame(added, index=CLASSES).T.rename_axis(index="dataset", columns="label")


def _even(counts: np.ndarray, target: int) -> np.ndarray:
    each, left = divmod(target - counts.sum(), len(counts))
    return counts + each + (counts.argsort(kind="stable").argsort() < left)


def _balance(counts: np.ndarray, target: int) -> np.ndarray:
    filled = counts.copy()
    for _ in range(target - counts.sum()):
        filled[filled.argmin()] += 1
    return filled


SCHEMES = {"even": _even, "balance": _balance}


def plan_table(index: pd.DataFrame, target: int = 0) -> pd.DataFrame:
    """Table 2 under both schemes: scheme, dataset, label, present, added; for all datasets of `index`."""
    present = pd.crosstab(index["dataset"], index["label"]).reindex(columns=CLASSES, fill_value=0).stack()
    parts = [top_up(index, name, target).stack().rename("added").to_frame().assign(scheme=name) for name in SCHEMES]
    table = pd.concat(parts).join(present.rename("present")).reset_index()
    return table[["scheme", "dataset", "label", "present", "added"]]


def composites(plan: pd.DataFrame) -> pd.DataFrame:
    """Table 3: the training sets that a `plan_table` makes; columns scheme, held_out, the classes and all."""
    total = plan.assign(total=plan["present"] + plan["added"])
    parts = [
        total[total["dataset"] != name].pivot_table("total", "scheme", "label", "sum").assign(held_out=name)
        for name in total["dataset"].unique()
    ]
    table = pd.concat(parts).reset_index()[["scheme", "held_out", *CLASSES]]
    return table.assign(all=table[list(CLASSES)].sum(axis=1)).sort_values("scheme", kind="stable", ignore_index=True)


def oversample(samples: Samples, plan: pd.DataFrame, seed: int) -> Samples:
    """Copies of the samples as `plan` (`top_up`) counts them, all `synthetic`; see `oversampled_rows`."""
    rows = oversampled_rows(samples.index, plan, seed)
    copies = samples.index.iloc[rows].reset_index(drop=True).assign(synthetic=True)
    copies["clip_id"] = copies["clip_id"] + "~" + copies.groupby("clip_id").cumcount().add(1).astype(str)
    return Samples(copies, {name: np.asarray(array[rows]) for name, array in samples.arrays.items()})


def oversampled_rows(index: pd.DataFrame, plan: pd.DataFrame, seed: int) -> np.ndarray:
    """The rows of `index` to copy so that `plan` is filled, drawn in turn within dataset and class.

    Raises TopUpError where a class to fill has no sample to repeat.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for (dataset, label), count in plan.stack().items():
        candidates = np.flatnonzero((index["dataset"] == dataset) & (index["label"] == label) & ~synthetic(index))
        if count and not len(candidates):
            raise TopUpError(f"{dataset} has no sample of class {label!r} to repeat; choose another `augment`.")
        rows.append(np.resize(rng.permutation(candidates), count))
    return np.concatenate(rows).astype(int)


def join(samples: Samples, more: Samples) -> Samples:
    """`samples` with the synthetic samples `more` behind them, and the arrays that both have."""
    index = pd.concat([samples.index.assign(synthetic=synthetic(samples.index)), more.index], ignore_index=True)
    names = [name for name in samples.arrays if name in more.arrays]
    return Samples(index, {name: np.concatenate([samples.arrays[name], more.arrays[name]]) for name in names})


def synthetic(index: pd.DataFrame) -> np.ndarray:
    """Which rows are generated samples, (N,) boolean; none where the column is absent."""
    return index["synthetic"].to_numpy(dtype=bool) if "synthetic" in index else np.zeros(len(index), dtype=bool)
