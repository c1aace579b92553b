"""The study's tables and claims on paper: CSV for the figures, Markdown and LaTeX for the reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from melib.corpus.index import CLASSES, print_name
from melib.corpus.scan import triple
from melib.learning.registry import METHODS, NETWORKS
from melib.prepare.topup import composites, plan_table
from melib.study.claims import effects, honest_rule, judge
from melib.study.outcomes import Outcomes, matches
from melib.study.standing import LARGER_BACKBONES
from melib.study.table9 import layout9, reported9, table9
from melib.study.tables import (
    BACKBONES,
    BRL,
    NOTHING,
    TABLES,
    Table,
    cnn,
    layout,
    not_run,
    paper_values,
    partly_run,
    printed,
    tidy,
)

SYNTHETIC = (
    "Made on the **synthetic demo corpus**: the numbers show that the chain runs and what its controls are for, "
    "nothing about faces."
)
COSTLY = tuple(NETWORKS[name].title for name in BACKBONES if name != "cnn")
COSTLY_RUNS = f"melib run {LARGER_BACKBONES} --launcher plain"
HOW = (
    "Percent, mean ± standard deviation (ddof 1) over seeds; 95 % intervals (BCa) and the paired test are over "
    "subjects within their dataset, seeds averaged. Shown is UAR, with the epoch chosen on training subjects "
    "(`source_val`, or `last` where none were kept): a result. One column shows the mean where the epoch is chosen on "
    "the held-out labels, as the paper did: optimistic, and no result. tables.csv has all metrics and rules. A claim's "
    "verdict takes at least three seeds, whose spread is beside each cell and not in the intervals. Top-up fills each "
    "dataset before its validation subjects are set aside, and none of theirs is trained on."
)


def result_tables(outcomes: Outcomes) -> dict[str, pd.DataFrame]:
    """Tables 3 to 9, claims, effects, confusions and, of runs with a diagnosis, its epochs, by the name of their CSV.

    `tables` holds 4 to 8 as tidy rows: those that some run is of, or all where none is.
    """
    shown = [name for name, table in TABLES.items() if has_runs(outcomes, table)]
    return {
        "tables": pd.concat([tidy(outcomes, name) for name in shown or TABLES], ignore_index=True),
        "table9": table9(outcomes),
        "claims": judge(outcomes),
        "effects": effects(outcomes),
        "confusions": confusions(outcomes),
        **({"table3": training_sets(outcomes)} if outcomes.complete else {}),
        **diagnoses(outcomes),
    }


def stored_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """`result_tables` and `main_job` as they lie in a folder of CSVs; those that are not there are left out."""
    names = ("main_job", "tables", "table9", "claims", "effects", "confusions", "brl_epochs", "brl_attention")
    return {name: pd.read_csv(folder / f"{name}.csv") for name in names if (folder / f"{name}.csv").is_file()}


def write_report(outcomes: Outcomes, folder: Path) -> list[Path]:
    """Write the tables 3 to 9 and the claims to `folder`; returns the paths.

    Figures are drawn from `result_tables` as CSVs. tables.md and tables.tex hold what a reader wants first: UAR under
    the rule that is a result, and one oracle column.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = result_tables(outcomes)
    for name, table in files.items():
        table.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
    ours = printed_blocks(files)
    theirs = published_blocks()
    text = ["# The study's tables", *_notes(outcomes, files["tables"])]
    text += [f"## {title}\n\n{markdown(block)}" for title, block in [*ours, *theirs]]
    (folder / "tables.md").write_text("\n\n".join(text) + "\n")
    floats = [latex(title, block, outcomes.synthetic) for title, block in ours]
    floats += [latex(title, block, synthetic=False) for title, block in theirs]
    (folder / "tables.tex").write_text("\n".join(floats))
    return [*(folder / f"{name}.csv" for name in files), folder / "tables.md", folder / "tables.tex"]


def printed_blocks(results: Mapping[str, pd.DataFrame], metric: str = "uar") -> list[tuple[str, pd.DataFrame]]:
    """Titles and tables of texts of what `result_tables` or `stored_tables` hold: the claims, then the tables."""
    blocks = []
    if "claims" in results:
        blocks.append(("Claims of the paper, and what these runs say", printed_claims(results["claims"])))
    for name, spec in TABLES.items() if "tables" in results else ():
        block = layout(results["tables"][results["tables"]["table"] == name], metric)
        heading = f"Table {name[5:]}: {spec.title}" if name.startswith("table") else spec.title
        blocks.append((f"{heading} ({printed(metric)})", block))
    if "table9" in results:
        blocks.append(("Table 9: ours", layout9(results["table9"])))
    if "table3" in results:
        blocks.append(("Table 3: the training sets after top-up, under both schemes", _printed(results["table3"])))
    return [(title, block) for title, block in blocks if len(block)]


def published_blocks() -> list[tuple[str, pd.DataFrame]]:
    """Titles and tables of texts of what was published: never beside synthetic results."""
    peers = _printed(reported9().drop(columns="selection"))
    return [
        ("Published, on real clips: the paper's own runs", paper_values()),
        ("Published, on real clips: peers of Table 9, each on its own terms", peers),
    ]


def printed_claims(board: pd.DataFrame) -> pd.DataFrame:
    """The claims that were tested, as texts: the effect in points with its interval in one column."""
    board = board.dropna(subset=["effect"])
    intervals = [f"{row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f})" for row in board.itertuples()]
    texts = _printed(board.drop(columns=["effect", "low", "high", "selection"]))
    texts.insert(3, "here (95 %)", intervals)
    return texts


def _notes(outcomes: Outcomes, rows: pd.DataFrame) -> list[str]:
    """What has to be known of the tables: how they are made, of which clips, and what is not there."""
    notes = [HOW, made_of(outcomes)]
    if outcomes.synthetic:
        notes.insert(0, SYNTHETIC)
    if absent := [spec.title for name, spec in TABLES.items() if name not in set(rows["table"])]:
        notes.append(f"Left out, as no run here is of theirs: {'; '.join(absent)}.")
    costly = [label for label in not_run(rows) if label.startswith(COSTLY)]
    if costly:
        notes.append(f"Not planned in the study, for their cost: {'; '.join(costly)}. `{COSTLY_RUNS}` runs them.")
    if partly := partly_run(rows):
        more = f" `{COSTLY_RUNS}` goes on." if any(label.startswith(COSTLY) for label in partly) else ""
        notes.append(f"Run on some inputs or held-out datasets alone: {'; '.join(partly)}.{more}")
    if others := [label for label in not_run(rows) if label not in costly]:
        notes.append(f"Not run, and without a value in tables.csv: {'; '.join(others)}.")
    lines = [(line.setting, spec.held_out or outcomes.datasets) for spec in TABLES.values() for line in spec.lines]
    in_table = lambda run: any(run.settings.held_out in held and matches(run, line) for line, held in lines)  # noqa: E731
    if unused := sum(not in_table(run) for run in outcomes.runs):
        notes.append(f"{unused} finished runs are of settings that no table shows.")
    if outcomes.skipped:
        notes.append(f"Preparation left out {outcomes.skipped} clips: `melib prepare` lists them with reasons.")
    return notes


def has_runs(outcomes: Outcomes, table: Table) -> bool:
    """Whether some run is of a row of the table and holds out what it shows."""
    held_out = table.held_out or outcomes.datasets
    runs = [run for run in outcomes.runs if run.settings.held_out in held_out
            and any(matches(run, row.setting) for row in table.rows)]  # fmt: skip
    if table.compares:
        return len({getattr(run.settings, table.compares) for run in runs}) > 1
    return bool(runs)


def made_of(outcomes: Outcomes) -> str:
    """The held-out clips by dataset and class, and how emotions became classes."""
    counts = outcomes.clips.groupby(["dataset", "true"]).size().unstack(fill_value=0)
    counts = counts.reindex(index=outcomes.datasets, columns=range(len(CLASSES)), fill_value=0)
    clips = ", ".join(f"{print_name(name)} {triple(row)}" for name, row in counts.iterrows())
    mappings = " and ".join(sorted({run.settings.label_mapping for run in outcomes.runs}))
    return (
        f"Clips ({'/'.join(CLASSES)}): {clips}. Emotions became classes by `{mappings}`, unless samples came labelled."
    )


def training_sets(outcomes: Outcomes) -> pd.DataFrame:
    """Table 3 (`composites`) from the held-out clips, which are all clips where `outcomes.complete`."""
    names = dict(enumerate(CLASSES))
    table = composites(plan_table(outcomes.clips.assign(label=outcomes.clips["true"].map(names))))
    return table.assign(held_out=table["held_out"].map(print_name), synthetic=outcomes.synthetic)


def confusions(outcomes: Outcomes) -> pd.DataFrame:
    """Clips by true and predicted class of the CNN on flow with BRL, or without where that was not run; all seeds.

    Columns setting, selection, held_out, label, predicted, count, synthetic.
    """
    rule = honest_rule(outcomes)
    counts = []
    setting = next((s for s in (cnn("flow", **BRL), cnn("flow", **NOTHING)) if outcomes.seeds(s)), None)
    for guess in outcomes.predicted(setting, rule)["uar"] if setting else ():
        table = outcomes.clips.assign(predicted=guess)[guess >= 0]
        counts.append(table.groupby(["dataset", "true", "predicted"]).size().rename("count").reset_index())
    table = pd.concat(counts) if counts else pd.DataFrame(columns=["dataset", "true", "predicted", "count"])
    table = table.groupby(["dataset", "true", "predicted"], sort=False)["count"].sum().reset_index()
    names = dict(enumerate(CLASSES))
    table = table.assign(label=table.pop("true").map(names), predicted=table["predicted"].map(names))
    label = "" if setting is None else f"CNN on flow, {METHODS[setting['method']].title}"
    more = {"setting": label, "selection": rule, "synthetic": outcomes.synthetic}
    return table.rename(columns={"dataset": "held_out"}).assign(**more)


def diagnoses(outcomes: Outcomes) -> dict[str, pd.DataFrame]:
    """What runs with a diagnosis kept of every epoch: tables brl_epochs and brl_attention, none where there is none."""
    runs = [run for run in outcomes.runs if run.settings.diagnose]
    tables = {"brl_epochs": [], "brl_attention": []}
    for run in runs:
        s = run.settings
        more = {"held_out": s.held_out, "inputs": s.inputs, "lam": s.option("lam"), "seed": s.seed}
        more["brl_start"] = s.brl_start
        for name, table in zip(tables, run.diagnosis, strict=True):
            tables[name].append(table.assign(**more, synthetic=outcomes.synthetic))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items() if parts}


def _printed(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its numbers as text, missing ones empty, without what the heading says."""
    table = table.drop(columns="synthetic").astype(object)
    for name in table:
        digits = 3 if name == "p" else 1
        text = table[name].map(lambda v, digits=digits: f"{v:.{digits}f}" if isinstance(v, float) else str(v))
        table[name] = text.where(table[name].notna(), "")
    return table


def markdown(table: pd.DataFrame) -> str:
    """A table of texts in Markdown."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def latex(title: str, table: pd.DataFrame, synthetic: bool) -> str:
    """A table of texts as a LaTeX table float (booktabs)."""
    caption = title.replace("%", r"\%") + (" (synthetic demo corpus)" if synthetic else "")
    style = table.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis="columns")
    text = style.to_latex(hrules=True, caption=caption, column_format="l" * table.shape[1])
    return text.replace("±", r"$\pm$").replace("λ", r"$\lambda$")
