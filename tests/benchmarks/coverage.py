"""How often the intervals hold the truth, on simulated studies: `python -m tests.benchmarks.coverage`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
from tqdm import tqdm

from melib.corpus.index import CLASSES, TABLE1
from melib.learning.metrics import METRICS
from melib.study.statistics import LEVEL, evaluate, interval, over_seeds, resamples

SUBJECTS = {"SMIC": 16, "CASME": 19, "CASME2": 24, "SAMM": 28, "MMEW": 30}


def simulate(rng: np.random.Generator, spread: float = 0.8, seeds: int = 3) -> tuple[pd.DataFrame, Callable]:
    """Clips of the five datasets' sizes, and a function that draws predictions (seeds, N) of one setting for them.

    Each subject of a dataset has a difficulty, normal with deviation `spread` in log odds, which shifts the chance of a
    hit (HIT_LOG_ODDS a class); each setting adds a fresh deviation of half that size. A miss falls on one of the other
    classes at random.
    """
    parts = []
    for dataset, subjects in SUBJECTS.items():
        true = np.repeat(np.arange(len(CLASSES)), TABLE1[dataset])
        parts.append(pd.DataFrame({"dataset": dataset, "true": true, "who": rng.integers(0, subjects, len(true))}))
    clips = pd.concat(parts, ignore_index=True)
    clips["subject"] = clips["dataset"] + "/" + clips["who"].astype(str)
    people, of = np.unique(clips["subject"].to_numpy(dtype=str), return_inverse=True)
    difficulty, base = rng.normal(0, spread, len(people)), np.array(HIT_LOG_ODDS)[clips["true"]]

    def draw() -> np.ndarray:
        odds = base + (difficulty + rng.normal(0, spread / 2, len(people)))[of]
        hit = rng.random((seeds, len(clips))) < 1 / (1 + np.exp(-odds))
        miss = (clips["true"].to_numpy() + rng.integers(1, len(CLASSES), hit.shape)) % len(CLASSES)
        return np.where(hit, clips["true"].to_numpy(), miss)

    return clips, draw


HIT_LOG_ODDS = (0.2, 1.2, 0.6)


def coverage(simulations: int = 400, draws: int = 600, spread: float = 0.8, seed: int = 0) -> pd.DataFrame:
    """How often the interval of UAR holds the truth, by dataset and for their mean, on `simulate`d settings.

    Columns dataset, coverage, percentile (that of plain percentiles) and simulations; nominal is .95.
    """
    rng = np.random.default_rng(seed)
    total = spread * np.sqrt(1.25)
    truth = np.mean(1 / (1 + np.exp(-(np.array(HIT_LOG_ODDS)[:, None] + rng.normal(0, total, 200_000)))))
    uar, held, plain = METRICS.index("uar"), [], []
    for _ in tqdm(range(simulations), desc="simulated studies", mininterval=1):
        clips, draw = simulate(rng, spread)
        values = over_seeds(evaluate(draw(), clips, resamples(clips, draws, int(rng.integers(2**31)))))[:, :-1, uar]
        low, high = interval(values, draws)
        held.append((low <= truth) & (truth <= high))
        low, high = np.quantile(values[1 : 1 + draws], ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
        plain.append((low <= truth) & (truth <= high))
    names = [*SUBJECTS, "mean"]
    return pd.DataFrame(
        {"dataset": names, "coverage": np.mean(held, 0), "percentile": np.mean(plain, 0), "simulations": simulations}
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.coverage", description=__doc__)
    parser.add_argument("--simulations", type=int, default=400)
    print(coverage(parser.parse_args(argv).simulations).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
