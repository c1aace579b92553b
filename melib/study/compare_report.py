"""Settings side by side on paper: the table, its verdicts, and every setting that was scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from melib.corpus.index import dataset_order
from melib.learning.record import Run
from melib.study.claims import HELPS, judge
from melib.study.compare import compare
from melib.study.outcomes import POOLS, Outcomes
from melib.study.report import SYNTHETIC, markdown
from melib.study.rows import label, row_of
from melib.study.tables import printed
from melib.study.tuning import is_inner

HOW = (
    "Percent; mean ± standard deviation (ddof 1) over seeds, after the last epoch. 95 % intervals (BCa) and the paired "
    "test are over subjects within their dataset, seeds averaged; p is corrected (Holm) over all rows. The control of "
    "a loss is cross-entropy with the same batches and switches; of cross-entropy and of estimators, the same without "
    "switches. "
    "*Chosen on the test set* takes the epoch of best accuracy on the held-out labels, as the paper did: no result. "
    "`tuned` rows choose a setting for each held-out dataset by leaving out its sources in turn. tried.csv lists every "
    "setting that was scored."
)
VERDICTS = (
    "Mean UAR over the held-out datasets; the same test, p corrected over these claims. A claim holds where its "
    "interval lies above 0 and p is at most .05, does not where it lies below so, and is undecided otherwise and with "
    "fewer than three seeds."
)


def tried(outcomes: Outcomes) -> pd.DataFrame:
    """Every setting that was scored, a row each: its label, whether it served tuning alone, runs, seeds, and what it is
    set to where that differs from the profile's defaults."""
    grouped: dict[tuple, list[Run]] = {}
    for run in outcomes.runs:
        grouped.setdefault((row_of(run.settings), is_inner(run)), []).append(run)
    rows = []
    for (setting, inner), runs in grouped.items():
        seeds = sorted({run.settings.seed for run in runs})
        rows.append({
            "row": label(setting, True), "for tuning": inner, "protocol": setting.protocol, "runs": len(runs),
            "seeds": " ".join(map(str, seeds)), "setting": setting.differing(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def lay_out(rows: pd.DataFrame, metric: str = "uar") -> pd.DataFrame:
    """A comparison as printed: a line per row by the rule `last`, its gain, and its score if chosen on the test set.

    The interval and the gain are of the mean over datasets, or pooled where no row has all of them; a row that lacks
    runs has neither.
    """
    main = "mean" if (rows["column"] == "mean").any() else "pooled"
    rows = rows[rows["metric"] == metric]
    columns = [*dataset_order(set(rows["column"]) - {*POOLS}), *POOLS]
    chosen = rows[(rows["selection"] == "oracle") & (rows["column"] == main)].set_index("row")["value"]
    lines = []
    for name, part in rows[rows["selection"] == "last"].groupby("row", sort=False):
        cells = part.set_index("column").reindex(columns)
        cell = cells.loc[main]
        line = {"row": name + " (transductive)" * bool(part["transductive"].any()), "seeds": part["seeds"].max()}
        values = cells["value"].map(lambda value: "not run" if np.isnan(value) else f"{value:.1f}")
        line |= {printed(column): text for column, text in values.items() if column != main}
        line[printed(main)] = values[main] + ("" if np.isnan(cell["sd"]) else f" ± {cell['sd']:.1f}")
        line["95 %"] = "" if np.isnan(cell["low"]) else f"{cell['low']:.1f} to {cell['high']:.1f}"
        known = pd.notna(cell["gain"])
        line["gain over its control"] = (
            f"{cell['gain']:+.1f} ({cell['gain_low']:+.1f} to {cell['gain_high']:+.1f}), p {cell['p']:.3f}"
            if known
            else ""
        )
        line["chosen on the test set"] = f"{chosen[name]:.1f}" if name in chosen else ""
        lines.append(line)
    return pd.DataFrame(lines)


def lay_out_verdicts(board: pd.DataFrame) -> pd.DataFrame:
    """A board of `claims.judge` as printed."""
    gains = [f"{row.effect:+.1f} ({row.low:+.1f} to {row.high:+.1f})" for row in board.itertuples()]
    p = board["p"].map("{:.3f}".format)
    return board[["topic", "claim"]].assign(gain=gains, p=p, seeds=board["seeds"], verdict=board["verdict"])


def write_comparison(outcomes: Outcomes, folder: Path) -> list[Path]:
    """Write compare.csv (tidy), verdicts.csv, compare.md and tried.csv to `folder`; returns the paths.

    The verdicts are of `claims.HELPS`, by the last epoch as all gains here, p corrected over these claims.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = compare(outcomes)
    notes = ["# Settings side by side", *([SYNTHETIC] if outcomes.synthetic else []), HOW]
    tables = [f"## {printed(metric)}\n\n{markdown(lay_out(rows, metric))}" for metric in ("uar", "uf1")]
    whole = replace(outcomes, runs=[run for run in outcomes.runs if not is_inner(run)])
    board = judge(whole, "last", HELPS).query("verdict != 'not run'")
    if len(board):
        tables.insert(0, f"## What helps the CNN\n\n{VERDICTS}\n\n{markdown(lay_out_verdicts(board))}")
    board.to_csv(folder / "verdicts.csv", index=False, float_format="%.6g")
    rows.to_csv(folder / "compare.csv", index=False, float_format="%.6g")
    tried(outcomes).to_csv(folder / "tried.csv", index=False)
    (folder / "compare.md").write_text("\n\n".join([*notes, *tables]) + "\n")
    return [folder / name for name in ("compare.csv", "verdicts.csv", "compare.md", "tried.csv")]
