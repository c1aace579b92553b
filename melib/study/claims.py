"""Claims as data, the paper's and of what else may help: each with the comparison that tests it, and its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from melib.corpus.index import DATASETS
from melib.learning.metrics import METRICS
from melib.learning.registry import METHODS
from melib.learning.settings import RECIPES
from melib.study.outcomes import Outcomes
from melib.study.statistics import flip_test, holm, interval
from melib.study.tables import BRL, NOTHING, PLACEBO, SCALED, WEIGHTED, cnn, printed, weighted

VERDICTS = ("holds", "does not", "undecided", "by construction", "not run")
LEVEL = 0.05
SEEDS = 3  # that a verdict takes: an interval over subjects does not know how much a training varies


@dataclass(frozen=True)
class Term:
    """One figure in a comparison: a setting's metric on a held-out dataset or "mean", times `sign`.

    The metric "dataset" is the balanced accuracy of predicting a training clip's dataset from the features.
    """

    sign: int
    setting: Mapping[str, object]
    metric: str = "uar"
    column: str = "mean"
    rule: str = ""  # "" stands for the rule that the verdict is given under


@dataclass(frozen=True)
class Claim:
    """A statement, the effect in points that the paper states ("" where it has none), and the terms whose sum must lie
    above 0 if it holds.

    `margin`: not the sum, but the first term minus each of the others. `also`: terms whose sum must lie above 0 too. Of
    several sums the least is the effect, and their least bounds are its bounds. `built_in`: the demo corpus was made
    so, and there the answer says nothing.
    """

    text: str
    paper: str
    terms: tuple[Term, ...]
    margin: bool = False
    also: tuple[Term, ...] = ()
    built_in: bool = False


def _gain(
    better: Mapping, worse: Mapping, metric: str = "uar", column: str = "mean", rule: str = ""
) -> tuple[Term, ...]:
    return Term(1, better, metric, column, rule), Term(-1, worse, metric, column, rule)


def _weight(lam: float) -> Term:
    return Term(1, cnn("apex", **weighted(lam)), column="CASME2")


def _selected(better: Mapping, worse: Mapping) -> tuple[Term, ...]:
    return (*_gain(better, worse, rule="oracle_per_metric"), *_gain(worse, better))


def _top_up(kind: str, paper: str) -> tuple[Claim, ...]:
    """What is said of the training sets' top-up on one input, and of its rivals that take no generator."""
    brl = cnn(kind, **BRL)
    even = {**brl, "augment": "even"}
    return (
        Claim("Top-up lifts UAR", paper, _gain(even, brl)),
        Claim("... more when the epoch is chosen on the test set", "only this choice reported", _selected(even, brl)),
        Claim("... more than repeating real clips", "no control", _gain(even, {**brl, "augment": "oversample"})),
        Claim("... more than with shuffled classes", "no control", _gain(even, {**brl, "augment": "shuffled"})),
        Claim("... more than class weights without BRL", "no control", _gain(even, cnn(kind, **WEIGHTED))),
    )


def _brl(kind: str, paper: str) -> tuple[Claim, ...]:
    """What is said of BRL on one input."""
    brl, plain = cnn(kind, **BRL), cnn(kind, **NOTHING)
    return (
        Claim("BRL helps", paper, _gain(brl, plain)),
        Claim("... more than scaling CE alone does", "no control", _gain(brl, cnn(kind, **SCALED))),
        Claim("... more than on placebo groups", "no control", _gain(brl, cnn(kind, **PLACEBO))),
        Claim("... more when the epoch is chosen on the test set", "only this choice reported", _selected(brl, plain)),
        Claim("Features carry less of the dataset", "evens out attention", _gain(plain, brl, "dataset")),
    )


APEX = cnn("apex", **BRL)
FLOW = cnn("flow", **BRL)
APEX_CE = cnn("apex", **NOTHING)
FLOW_CE = cnn("flow", **NOTHING)
EVEN = cnn("apex", **BRL, augment="even")
TOPICS = {
    "BRL on apex frames": (
        *_brl("apex", "+6.62 UAR"),
        Claim("λ = 0.5 is the best weight (CASME II)", "best of five",
              (_weight(0.5), *(_weight(lam) for lam in (0.0, 0.3, 0.7, 0.9))), margin=True),
        Claim("λ = 0.9 is worse than no BRL (CASME II)", "below λ = 0",
              (_weight(0.0), Term(-1, cnn("apex", **weighted(0.9)), column="CASME2"))),
    ),
    "BRL on optical flow": _brl("flow", "+4.26 UAR"),
    "Top-up of apex frames (CNN + BRL)": (
        *_top_up("apex", "+2.35 UAR"),
        Claim("... UAR, and by more than Acc (smaller of the two)", "UAR over Acc",
              (*_gain(EVEN, APEX), *_gain(APEX, EVEN, "acc")), also=_gain(EVEN, APEX)),
        Claim("... UF1, and by more than Acc (smaller of the two)", "UF1 over Acc",
              (*_gain(EVEN, APEX, "uf1"), *_gain(APEX, EVEN, "acc")), also=_gain(EVEN, APEX, "uf1")),
    ),
    "Top-up of optical flow (CNN + BRL)": _top_up("flow", "not tried"),
    "Optical flow over apex frames": (
        Claim("Flow beats apex frames without BRL", "+9.24 UAR", _gain(FLOW_CE, APEX_CE), built_in=True),
        Claim("Flow beats apex frames with BRL", "+6.88 UAR", _gain(FLOW, APEX), built_in=True),
        Claim("... more when the epoch is chosen on the test set", "only this choice reported", _selected(FLOW, APEX)),
    ),
    "Datasets and networks (with BRL)": (
        Claim("SMIC is the hardest by accuracy (apex)", "always lowest",
              tuple(Term(-1, APEX, "acc", name) for name in DATASETS), margin=True),
        Claim("The CNN beats ResNet-18 (flow)", "CNN + BRL best", _gain(FLOW, {**FLOW, "network": "resnet18"})),
        Claim("The CNN beats PoolFormer-S12 (flow)", "CNN + BRL best",
              _gain(FLOW, {**FLOW, "network": "poolformer_s12"})),
    ),
}  # fmt: skip

# What the paper does not try: each switch of the recommended recipe, and losses made for generalisation, whose baseline
# is cross-entropy on the same batches, which hold every source equally.
RECIPE = RECIPES["recommended"]
EQUAL = {"sampling": "balanced"}
LOSSES = ("dann", "cdann", "coral", "mmd", "group_dro", "vrex", "irm", "mixup")


def _switch(words: str, *names: str) -> Claim:
    return Claim(words, "", _gain({**FLOW_CE, **{name: RECIPE[name] for name in names}}, FLOW_CE))


def _losses(**beside: object) -> tuple[Claim, ...]:
    common = cnn("flow", **EQUAL, **beside)
    plain = {**common, **NOTHING}
    return tuple(Claim(f"{METHODS[name].title} helps", "", _gain({**common, "method": name}, plain)) for name in LOSSES)


HELPS = {
    "Switches": (
        _switch("Class weights help", "class_weights"),
        _switch("Mirroring helps", "mirror"),
        _switch("Centring helps", "normalise"),
        _switch("Leaving strain out helps", "channels"),
        _switch("Dropout and label smoothing help", "dropout", "label_smoothing"),
        _switch("The recipe of all of these helps", *RECIPE),
    ),
    "BRL": (
        Claim("BRL helps", "+4.26 UAR", _gain(FLOW, FLOW_CE)),
        Claim("BRL helps beside the recipe", "", _gain({**FLOW, **RECIPE}, {**FLOW_CE, **RECIPE})),
    ),
    "Losses": _losses(),
    "Losses beside the recipe": _losses(**RECIPE),
}


def judge(
    outcomes: Outcomes, rule: str | None = None, topics: Mapping[str, tuple[Claim, ...]] = TOPICS
) -> pd.DataFrame:
    """The board of claims by topic: topic, claim, paper, effect, low, high, p, seeds, verdict, selection and synthetic.

    Effects in points with 95 % intervals over subjects (BCa), under one selection rule: `source_val`, or `last` where
    runs kept no subjects. p is of the paired test over the same seeds and subjects where two settings are compared,
    corrected by Holm over the board. A claim holds where its interval lies above 0 and p, if there is one, is at most
    .05; it does not where the interval lies below 0 so; it is undecided otherwise, and with fewer than three seeds.
    """
    rule = rule or honest_rule(outcomes)
    claims = [claim for part in topics.values() for claim in part]
    verdicts = [_measure(outcomes, claim, rule) | {"p": _p(outcomes, claim, rule)} for claim in claims]
    board = pd.DataFrame([{"claim": c.text, "paper": c.paper, **f} for c, f in zip(claims, verdicts, strict=True)])
    board.insert(0, "topic", [topic for topic, part in topics.items() for _ in part])
    if not outcomes.as_in_paper:
        board.loc[board["paper"].str.startswith("+"), "paper"] = "of other datasets"
    board["p"] = holm(board["p"].to_numpy())
    built_in = np.array([claim.built_in for claim in claims]) & outcomes.synthetic
    sure = ~(board["p"] > LEVEL) & (board["seeds"] >= SEEDS)
    board["verdict"] = np.select(
        [board["effect"].isna(), built_in, (board["low"] > 0) & sure, (board["high"] < 0) & sure],
        ["not run", "by construction", "holds", "does not"],
        "undecided",
    )
    return board.assign(selection=rule, synthetic=outcomes.synthetic)


CONTRASTS = {"over CE": NOTHING, "over CE scaled": SCALED, "over placebo groups": PLACEBO}


def effects(outcomes: Outcomes, rule: str | None = None) -> pd.DataFrame:
    """What BRL adds to the CNN's UAR on each held-out dataset: over CE, over scaled CE and over placebo groups.

    In points, with 95 % intervals over subjects (BCa), over the seeds that both settings have. Columns inputs,
    contrast, name (dataset, mean or pooled), effect, low, high, n (seeds), selection, synthetic.
    """
    rule = rule or honest_rule(outcomes)
    rows = []
    columns = outcomes.columns
    for inputs in ("apex", "flow"):
        for contrast, other in CONTRASTS.items():
            for column in columns:
                claim = Claim("", "", _gain(cnn(inputs, **BRL), cnn(inputs, **other), column=column))
                row = _measure(outcomes, claim, rule)
                rows.append({"inputs": inputs, "contrast": contrast, "name": printed(column), **row})
    table = pd.DataFrame(rows).rename(columns={"seeds": "n"})
    return table.assign(selection=rule, synthetic=outcomes.synthetic)


def honest_rule(outcomes: Outcomes) -> str:
    """The selection rule of a result: source_val, or last where runs kept no subjects for it."""
    return "source_val" if any(run.history["source_val_uar"].notna().any() for run in outcomes.runs) else "last"


def _measure(outcomes: Outcomes, claim: Claim, rule: str) -> dict[str, float]:
    """Effect, interval and number of seeds of one claim; missing where a run is."""
    columns = outcomes.columns
    shared = _shared(outcomes, claim)
    if not shared or any(term.column not in columns for term in claim.terms):
        return dict.fromkeys(("effect", "low", "high"), np.nan) | {"seeds": 0}

    def values_of(term: Term) -> np.ndarray:
        setting = {**term.setting, "seed": shared}
        if term.metric == "dataset":
            values = outcomes.probed(setting)
        else:
            scores = outcomes.resampled(setting, term.rule or rule)
            values = scores[:, columns.index(term.column), METRICS.index(term.metric)]
        return 100 * term.sign * values

    first, *others = parts = [values_of(term) for term in claim.terms]
    sums = [first - other for other in others] if claim.margin else [sum(parts)]
    sums += [sum(values_of(term) for term in claim.also)] if claim.also else []
    # Several sums must lie above 0: the bounds of each hold for the least of them (intersection-union), while an
    # interval of the least itself would be too narrow.
    bounds = [interval(values) for values in sums]
    low, high = (float(min(bound[side] for bound in bounds)) for side in (0, 1))
    return {"effect": min(values[0] for values in sums), "low": low, "high": high, "seeds": len(shared)}


def _shared(outcomes: Outcomes, claim: Claim) -> tuple[int, ...]:
    """The seeds that all settings of a claim have where it looks: a comparison of the same draws.

    For a mean over datasets that is all of them.
    """
    runs = [(term.column, outcomes.seeds(term.setting)) for term in claim.terms]
    all_of_them = set(outcomes.datasets)
    shared = []
    for seed in sorted(set.intersection(*(set(seeds) for _, seeds in runs))):
        held_out = [(column, outcomes.tested(seeds[seed])) for column, seeds in runs]
        if all(column in names if column in all_of_them else names == all_of_them for column, names in held_out):
            shared.append(seed)
    return tuple(shared)


def _p(outcomes: Outcomes, claim: Claim, rule: str) -> float:
    """The paired test of a claim that compares two settings in one figure; missing for any other.

    Of a claim with `also` it is that part's: the whole is no surer than one of its parts.
    """
    pair = claim.also or claim.terms
    term = pair[0]
    shared = _shared(outcomes, claim)
    columns = outcomes.columns
    if len(pair) != 2 or claim.margin or term.metric == "dataset" or not shared or term.column not in columns:
        return np.nan
    first, second = (outcomes.predicted({**one.setting, "seed": shared}, one.rule or rule)[one.metric] for one in pair)
    return float(flip_test(first, second, outcomes.clips)[columns.index(term.column), METRICS.index(term.metric)])
