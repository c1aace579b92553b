"""The paper's Tables 4 to 9, made from run records, with intervals, controls and floors beside the paper's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from melib.corpus.index import CLASSES, PRINT_NAMES
from melib.learning.metrics import METRICS, rates
from melib.learning.registry import NETWORKS
from melib.learning.selection import RULES
from melib.learning.settings import recipe_values
from melib.study.outcomes import POOLS, Outcomes
from melib.study.statistics import interval, positions

HONEST = ("source_val", "last")  # the rules that give a result, the first that a row has
ORACLE = "epoch chosen on the test set"
PRINTED = {"acc": "Acc", "uar": "UAR", "uf1": "UF1", "mean": "mean", "pooled": "pooled", **PRINT_NAMES}
NOTHING = {"method": "erm"}
SCALED = {"method": "erm", "ce_scale": 0.5}
BRL = {"method": "brl"}
PLACEBO = {"method": "brl", "groups": "placebo"}
WEIGHTED = {"method": "erm", "class_weights": "balanced"}
BACKBONES = ("cnn", "resnet18", "poolformer_s12")  # of the paper


@dataclass(frozen=True)
class Row:
    """A row of a table: what its runs are set to, and the paper's (Acc, UAR, UF1) in percent, by column."""

    label: str
    setting: Mapping[str, object]
    paper: Mapping[str, tuple] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """One table of the paper: its title, its rows, and the held-out datasets it shows (none: all, and their pools).

    `compares` names a setting in which runs must differ, or the table would compare nothing.
    """

    title: str
    rows: tuple[Row, ...]
    held_out: tuple[str, ...] = ()
    compares: str = ""

    @property
    def lines(self) -> tuple[Row, ...]:
        """Its rows, and a linear classifier on the raw input of each kind that they use."""
        kinds = dict.fromkeys(row.setting["inputs"] for row in self.rows)
        return *self.rows, *(Row(f"linear on raw {kind}", linear(kind)) for kind in kinds)


def printed(name: str) -> str:
    """A metric, a pool or a dataset as tables print it."""
    return PRINTED.get(name, name)


def cnn(inputs: str, **setting) -> dict:
    """The setting of the paper's CNN on one input."""
    return {"network": "cnn", "inputs": inputs, **setting}


def weighted(lam: float) -> dict:
    """BRL with one weight; none at all is plain cross-entropy."""
    return {**BRL, "lam": lam} if lam else NOTHING


def recommended(inputs: str) -> dict:
    """The CNN with the recommended recipe, without BRL, on one input."""
    setting = cnn(inputs, **NOTHING)
    return setting | recipe_values("recommended", setting)


def linear(inputs: str) -> dict:
    """The setting of a linear classifier on one raw input."""
    return {"method": "logreg", "inputs": inputs}


def _by_backbone(inputs: str, paper: Mapping[tuple, Mapping]) -> tuple[Row, ...]:
    rows = []
    for backbone in BACKBONES:
        name = NETWORKS[backbone].title
        common = {"network": backbone, "inputs": inputs}
        rows.append(Row(name, {**common, **NOTHING}, paper.get((backbone, "ce"), {})))
        rows.append(Row(f"{name} + BRL", {**common, **BRL}, paper.get((backbone, "brl"), {})))
    rows.append(Row("CNN, CE scaled, no BRL", cnn(inputs, **SCALED)))
    rows.append(Row("CNN + BRL on placebo groups", cnn(inputs, **PLACEBO)))
    rows.append(Row("CNN, class weights, no BRL", cnn(inputs, **WEIGHTED)))
    rows.append(Row("CNN, recommended recipe, no BRL", recommended(inputs)))
    return tuple(rows)


def _top_up(inputs: str, paper: Mapping[str, Mapping]) -> tuple[Row, ...]:
    brl = cnn(inputs, **BRL)
    return (
        Row(f"{inputs}, no top-up", brl, paper.get("none", {})),
        Row(f"{inputs}, generated, spread evenly", {**brl, "augment": "even"}, paper.get("even", {})),
        Row(f"{inputs}, generated, towards balance", {**brl, "augment": "balance"}, paper.get("balance", {})),
        Row(f"{inputs}, real clips repeated (oversampling)", {**brl, "augment": "oversample"}),
        Row(f"{inputs}, generated, classes shuffled", {**brl, "augment": "shuffled"}),
        Row(f"{inputs}, no top-up, class weights, no BRL", cnn(inputs, **WEIGHTED)),
        Row(f"{inputs}, no top-up, CE scaled, no BRL", cnn(inputs, **SCALED)),
        Row(f"{inputs}, no top-up, BRL on placebo groups", cnn(inputs, **PLACEBO)),
    )


def _controls(backbone: str, inputs: str) -> tuple[Row, ...]:
    common = {"network": backbone, "inputs": inputs}
    name = f"{NETWORKS[backbone].title} on {inputs}"
    return (
        Row(f"{name} + BRL", {**common, **BRL}),
        Row(f"{name}, CE scaled, no BRL", {**common, **SCALED}),
        Row(f"{name} + BRL on placebo groups", {**common, **PLACEBO}),
    )


# What the paper states in its prose (methods 7.1), and what follows from it by subtraction (7.2); the bodies of its
# tables were not at hand.
APEX_CE = (52.28, 40.13, 36.46)
APEX_BRL = (59.23, 46.75, 45.16)
FLOW_CE = (59.74, 49.37, 49.48)
FLOW_BRL = (63.50, 53.63, 53.07)
TOP_UP = (None, 49.10, 47.83)
ACC_CASME = (69.88, None, None)
TABLES = {
    "table4": Table(
        "The weight of BRL: CNN on apex frames, CASME II held out",
        (
            Row("λ = 0", cnn("apex", **NOTHING), {"CASME2": (48.06, 40.34, 39.19)}),
            Row("λ = 0.3", cnn("apex", **weighted(0.3))),
            Row("λ = 0.5", cnn("apex", **BRL), {"CASME2": (56.59, 43.07, 41.89)}),
            Row("λ = 0.7", cnn("apex", **weighted(0.7))),
            Row("λ = 0.9", cnn("apex", **weighted(0.9))),
            Row("λ = 0.5, CE scaled, no BRL", cnn("apex", **SCALED)),
            Row("λ = 0.5 on placebo groups", cnn("apex", **PLACEBO)),
        ),
        ("CASME2",),
    ),
    "table5": Table(
        "Apex frames: backbones without and with BRL",
        _by_backbone("apex", {("cnn", "ce"): {"mean": APEX_CE}, ("cnn", "brl"): {"mean": APEX_BRL, "CASME": ACC_CASME},
                              ("resnet18", "brl"): {"CASME": ACC_CASME}}),
    ),
    "table6": Table(
        "Optical flow: backbones without and with BRL",
        _by_backbone("flow", {("cnn", "ce"): {"mean": FLOW_CE}, ("cnn", "brl"): {"mean": FLOW_BRL}}),
    ),
    "table7": Table(
        "Top-up of the training sets: the CNN with BRL, on apex frames as in the paper and on optical flow",
        (*_top_up("apex", {"none": {"mean": APEX_BRL}, "even": {"mean": TOP_UP}, "balance": {"mean": TOP_UP}}),
         *_top_up("flow", {})),
    ),
    "table8": Table(
        "Ablation: the CNN with one part after the other",
        (
            Row("apex", cnn("apex", **NOTHING), {"mean": APEX_CE}),
            Row("apex + BRL", cnn("apex", **BRL), {"mean": APEX_BRL}),
            Row("apex + BRL + top-up", cnn("apex", **BRL, augment="even"), {"mean": TOP_UP}),
            Row("flow", cnn("flow", **NOTHING), {"mean": FLOW_CE}),
            Row("flow + BRL", cnn("flow", **BRL), {"mean": FLOW_BRL}),
            Row("apex, CE scaled, no BRL", cnn("apex", **SCALED)),
            Row("flow, CE scaled, no BRL", cnn("flow", **SCALED)),
            Row("apex + BRL on placebo groups", cnn("apex", **PLACEBO)),
            Row("flow + BRL on placebo groups", cnn("flow", **PLACEBO)),
        ),
    ),
    "variants": Table(
        "BRL's weights, controls and variants: CNN on optical flow, CASME II held out",
        (
            *(Row(f"λ = {lam:g}", cnn("flow", **weighted(lam))) for lam in (0.0, 0.3, 0.5, 0.7, 0.9)),
            Row("λ = 0.5, CE scaled, no BRL", cnn("flow", **SCALED)),
            Row("λ = 0.5 on placebo groups", cnn("flow", **PLACEBO)),
            Row("λ = 0.5, feature means matched instead", cnn("flow", method="feature_means")),
            Row("λ = 0.5, W frozen", cnn("flow", **BRL, attention_weights="frozen")),
            Row("λ = 0.5, W gradient-reversed", cnn("flow", **BRL, attention_weights="reversed")),
            Row("λ = 0.5, attention on the logits (SCN)", cnn("flow", **BRL, weighting="logit")),
        ),
        ("CASME2",),
    ),
    "backbone_controls": Table(
        "BRL and its controls in the larger backbones: CASME II held out",
        (
            *(row for inputs in ("apex", "flow") for backbone in BACKBONES[1:] for row in _controls(backbone, inputs)),
            *(Row(f"{NETWORKS[backbone].title} on apex + BRL + {kind}",
                  {"network": backbone, "inputs": "apex", **BRL, "augment": augment})
              for backbone in BACKBONES[1:]
              for kind, augment in (("top-up", "even"), ("oversampling", "oversample"))),
        ),
        ("CASME2",),
        compares="network",
    ),
    "smic_apex": Table(
        "SMIC's apex by the paper's 4.1 (greatest motion) and by its 4.5 (middle frame): CNN on optical flow",
        (
            Row("greatest motion", cnn("flow", **NOTHING)),
            Row("middle frame", cnn("flow", **NOTHING, apex_rule="midpoint")),
        ),
        compares="apex_rule",
    ),
}  # fmt: skip


def tidy(outcomes: Outcomes, name: str) -> pd.DataFrame:
    """One table as tidy rows: table, row, selection, column, metric, value, sd, seeds, low, high, paper, synthetic.

    Values in percent. sd is over seeds (ddof 1); low and high bound the 95 % interval over subjects (BCa), seeds
    averaged. A row without runs has no value, and is there. Floors follow the rows: always negative, guessing by the
    training datasets' class shares, and a linear classifier on the raw input of each kind that the table shows. The
    paper's means are of five datasets, and stand beside none of fewer.
    """
    table = TABLES[name]
    cells = []
    columns = outcomes.columns
    shown = list(table.held_out) or columns
    for row in table.lines:
        stated = {column: values for column, values in row.paper.items() if column not in POOLS or outcomes.as_in_paper}
        for rule in RULES:
            seeds = outcomes.values(outcomes.predicted(row.setting, rule))[0]
            values = outcomes.resampled(row.setting, rule)
            low, high = interval(values)
            for c, column in enumerate(columns):
                for m, metric in enumerate(METRICS):
                    seed_values = seeds[:, c, m][~np.isnan(seeds[:, c, m])]
                    cells.append({
                        "row": row.label, "selection": rule, "column": column, "metric": metric,
                        "value": values[0, c, m], "sd": seed_values.std(ddof=1) if len(seed_values) > 1 else np.nan,
                        "seeds": len(seed_values), "low": low[c, m], "high": high[c, m],
                        "paper": (stated.get(column) or (None,) * 3)[m],
                    })  # fmt: skip
    for label, counts in floors(outcomes.clips, outcomes.complete).items():
        values = np.concatenate([rates(counts), rates(counts).mean(0)[None], rates(counts.sum(0))[None]])
        for c, m in np.ndindex(values.shape):
            cell = {"column": columns[c], "metric": METRICS[m], "value": values[c, m], "seeds": 0}
            cells.append({"row": label, "selection": "no training", **cell})
    rows = pd.DataFrame(cells)
    rows = rows[rows["column"].isin(shown)].copy()
    numbers = ["value", "sd", "low", "high"]
    rows[numbers] = 100 * rows[numbers].astype(float)
    rows["paper"] = rows["paper"].astype(float)
    return rows.assign(table=name, synthetic=outcomes.synthetic).reset_index(drop=True)


def floors(clips: pd.DataFrame, complete: bool = True) -> dict[str, np.ndarray]:
    """Confusion counts (G, 3, 3), by held-out dataset, of what needs no training.

    The class shares of the training datasets are known where `clips` are all there are.
    """
    k = len(CLASSES)
    truth = clips["true"].to_numpy()
    true = np.stack([np.bincount(truth[rows], minlength=k) for rows in positions(clips["dataset"]).values()])
    others = true.sum(0) - true
    shares = others / np.maximum(others.sum(1, keepdims=True), 1)
    counts = {"always negative": true[:, :, None] * np.eye(k)[CLASSES.index("negative")]}
    return counts | ({"guessing by class shares": true[:, :, None] * shares[:, None, :]} if complete else {})


def layout(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One metric of a tidy table as printed: a row per setting that was run, "value ± sd" by column, the interval.

    Values are of the rule that is a result (source_val, or last where no subject was kept for it); what choosing the
    epoch on the test set gives, as the paper did, is one column beside them. The other rules are in the CSV. Interval
    and oracle are of the mean, or of the one dataset shown. Nothing run leaves it empty.
    """
    rows = rows[(rows["metric"] == metric) & rows["value"].notna()]
    if rows["low"].isna().all():
        return pd.DataFrame()
    columns = list(dict.fromkeys(rows["column"]))
    main = "mean" if "mean" in columns else columns[0]
    oracle = rows[(rows["selection"] == "oracle") & (rows["column"] == main)].set_index("row")["value"]
    lines = []
    for label, part in rows.groupby("row", sort=False):
        rule = next(name for name in (*HONEST, "no training") if name in set(part["selection"]))
        cells = part[part["selection"] == rule].set_index("column").reindex(columns)
        line = {"setting": label, "seeds": int(cells["seeds"].max())}
        line |= {printed(column): _cell(cells.loc[column]) for column in columns}
        low, high = cells.loc[main, ["low", "high"]]
        line["95 %"] = "" if np.isnan(low) else f"{low:.1f} to {high:.1f}"
        line[ORACLE] = f"{oracle[label]:.1f}" if label in oracle.index else ""
        lines.append(line)
    return pd.DataFrame(lines)


def not_run(rows: pd.DataFrame) -> list[str]:
    """The settings of a tidy table that have no value in any column."""
    absent = rows["value"].isna().groupby(rows["row"], sort=False).all()
    return list(absent.index[absent])


def partly_run(rows: pd.DataFrame) -> list[str]:
    """The settings of a tidy table that have a value in some columns alone."""
    absent = rows["value"].isna().groupby(rows["row"], sort=False)
    partly = absent.any() & ~absent.all()
    return list(partly.index[partly])


def _cell(row: pd.Series) -> str:
    if np.isnan(row["value"]):
        return ""
    return f"{row['value']:.1f}" + ("" if np.isnan(row["sd"]) else f" ± {row['sd']:.1f}")


def paper_values() -> pd.DataFrame:
    """What the paper reports of its own runs on real clips, in percent: table, setting, of, Acc, UAR, UF1."""
    lines = []
    for name, table in TABLES.items():
        for row in table.rows:
            for column, values in row.paper.items():
                scores = {printed(m): "" if v is None else f"{v:.2f}" for m, v in zip(METRICS, values, strict=True)}
                where = "mean of five" if column == "mean" else printed(column)
                lines.append({"table": name[5:], "setting": row.label, "of": where, **scores})
    return pd.DataFrame(lines)
