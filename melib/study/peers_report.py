"""The peers' tables on paper: results, what choosing on the test set is worth, and printed figures, set apart."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from melib.home import resolve
from melib.study.outcomes import POOLS, read_outcomes
from melib.study.peers import (
    OF_PAPER,
    PEER_TABLES,
    PeerTable,
    joined,
    lacking,
    measure,
    needs_frames,
    row_names,
    title_of,
)
from melib.study.plan import finished, read_grid, read_plan, was_read
from melib.study.report import SYNTHETIC, markdown
from melib.study.tables import printed

log = logging.getLogger(__name__)

METRICS_SHOWN = ("uf1", "uar")
HOW = (
    "Percent; mean ± standard deviation (ddof 1) over seeds. Results are those of the last epoch: nothing is chosen "
    "by the held-out labels. 95 % intervals (BCa) and the paired test are over subjects within their dataset, with "
    "seeds averaged; p is corrected (Holm) over the rows of a table, and a verdict needs three seeds. *Chosen on the "
    "test set* uses the epoch of best accuracy on the held-out labels, for each subject separately where one subject "
    "is held out. It is not a result; its price is its distance above the last epoch. Published figures are on their "
    "own terms. Seconds and memory (of the whole process, PyTorch included) are as each run recorded them, on "
    "machines that had other work too: read them as orders of magnitude."
)
KINDS = {"result": "Results", "transductive": "Transductive: saw the held-out clips' inputs", "floor": "No training"}


def tables_of_runs(folder: str | Path) -> pd.DataFrame:
    """`measure` of every table whose grid has finished runs.

    Where `folder` holds rows of a table that were not run here, its rows stay, and those that it lacks are added.
    Raises ValueError where there is neither a run nor a stored table.
    """
    nothing = pd.DataFrame(columns=["table", "row", "kind", "selection", "column"])
    stored = read_peers(folder) if (resolve(folder) / "peers.csv").is_file() else nothing
    parts = []
    for name, table in PEER_TABLES.items():
        read = was_read(read_grid(table.grid)[0])
        folders = finished(read_plan(table.grid)) if read else []
        rows = measure(read_outcomes(folders, alike=False), name) if folders else nothing
        kept = stored[stored["table"] == name]
        only_kept = lacking(rows, name).keys() - lacking(kept, name).keys()
        if only_kept:
            rows = joined(kept, rows)
            added = len(lacking(kept, name)) - len(lacking(rows, name))
            log.warning("Table %s stays as %s holds it (not run here: %d of its rows); added: %d.",
                        table.title[:3], folder, len(only_kept), added)  # fmt: skip
        if len(rows):
            parts.append(rows)
    if not parts:
        grids = ", ".join(table.grid for table in PEER_TABLES.values())
        raise ValueError(f"No finished run of a peer. `melib run` one of their grids: {grids}.")
    return pd.concat(parts, ignore_index=True)


def read_peers(folder: str | Path) -> pd.DataFrame:
    """The rows that `melib peers` wrote to `folder`. Raises FileNotFoundError where there are none."""
    path = resolve(folder) / "peers.csv"
    if not path.is_file():
        raise FileNotFoundError(f"No {path}: `melib run` one of the peers' grids, then `melib peers --to {folder}`.")
    return pd.read_csv(path)


def standing(rows: pd.DataFrame, name: str) -> str:
    """What of a table was run, what was not and the command that does, and what its clips do not allow, as Markdown."""
    table = PEER_TABLES[name]
    part = rows[rows["table"] == name]
    if part.empty:
        return f"Table {table.title}: **not run.** `melib run {table.grid}`, then `melib peers`."
    missing = lacking(part, name)
    count = len(row_names(name)) - len(missing)
    lines = [f"Table {table.title}: {count} of {count + len(missing)} rows were run."]
    if part["synthetic"].any():
        lines.append(SYNTHETIC)
    else:
        lines.append(f"Needs frames, which these clips lack: {', '.join(needs_frames())}.")
    if missing:
        counts = Counter(title_of(row) for row in missing)
        named = "; ".join(text + (f" ({count} rows)" if count > 1 else "") for text, count in counts.items())
        lines.append(f"Planned and **not run**: {named}. `melib run {table.grid}` continues.")
    return "\n\n".join(lines)


def conclusion(rows: pd.DataFrame, name: str) -> str:
    """A table in words: the best method, CNN + BRL among the others, the price of the test set, printed figures."""
    table = PEER_TABLES[name]
    cells = rows[(rows["table"] == name) & (rows["column"] == table.main) & (rows["metric"] == table.metric)]
    honest = cells[(cells["selection"] == "last") & (cells["kind"] == "result")].set_index("row")
    if honest.empty:
        return f"{table.title[:3]} No row was run whole."
    metric = printed(table.metric)
    best = honest["value"].idxmax()
    sentences = [f"{table.title[:3]} Best of {len(honest)} by {metric}: {best}, {honest['value'].max():.1f}."]
    of_paper = honest.index.intersection([OF_PAPER, f"{OF_PAPER}, on flow"])
    if len(of_paper):
        verdicts = honest["verdict"].value_counts()
        sentences.append(
            f"CNN + BRL reaches {honest.loc[of_paper[0], 'value']:.1f}: surely above {verdicts.get('holds', 0)} of "
            f"{verdicts.sum()} other rows, surely below {verdicts.get('does not', 0)}."
        )
    chosen = cells[cells["selection"] == "oracle"].set_index("row")["value"]
    price = (chosen - honest["value"]).dropna()
    if len(price):
        sentences.append(
            f"Choosing the epoch on the test set adds {price.median():+.1f} at the median of {len(price)} networks "
            f"({price.min():+.1f} to {price.max():+.1f})."
        )
    given = cells[(cells["kind"] == "printed") & cells["drawn"].astype(bool)]  # of the same clips and sources
    first = given.drop_duplicates("key").set_index("key")["value"]
    gap = (honest["key"].map(first) - honest["value"]).dropna()
    for row, points in gap.items():
        sentences.append(f"{row} was printed with {points + honest.loc[row, 'value']:.1f}, {points:+.1f} from here.")
    return " ".join(sentences)


def results(rows: pd.DataFrame, metric: str, kind: str = "result") -> pd.DataFrame:
    """One metric of one kind of rows of a table, after the last epoch, a line per method; empty where there is none."""
    table = _table_of(rows)
    rows_of_metric = rows[(rows["metric"] == metric) & rows["selection"].isin(["last", "no training"])]
    figures = _first_printed(rows, metric, table.main)
    lines = []
    for name, part in rows_of_metric[rows_of_metric["kind"] == kind].groupby("row", sort=False):
        cells = part.set_index("column").reindex(_columns(rows))
        line = {"method": name} | _cells(cells, table.main) | {"printed": figures.get(part["key"].iloc[0], "")}
        lines.append(line | _lead(cells.loc[table.main]) | _cost(part.iloc[0]))
    return pd.DataFrame(lines)


def oracles(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One metric where the epoch, or the setting, is chosen on the held-out labels, and what that adds."""
    table = _table_of(rows)
    part = rows[(rows["metric"] == metric) & rows["kind"].isin(["result", "transductive"])]
    last = part[(part["selection"] == "last") & (part["column"] == table.main)].set_index("row")["value"]
    lines = []
    for name, chosen in part[part["selection"] == "oracle"].groupby("row", sort=False):
        cells = chosen.set_index("column").reindex(_columns(rows))
        price = cells.loc[table.main, "value"] - last.get(name, np.nan)
        text = "" if np.isnan(price) else f"{price:+.1f}"
        lines.append({"method": name} | _cells(cells, table.main) | {"price": text})
    return pd.DataFrame(lines)


def printed_figures(rows: pd.DataFrame) -> pd.DataFrame:
    """The printed figures of a table as they stand, with their terms, and whether the method was re-run here."""
    own = set(rows.loc[rows["kind"] != "printed", "key"].dropna())
    lines = []
    for keys, part in rows[rows["kind"] == "printed"].groupby(
        ["row", "key", "metric", "selection", "terms", "source"], sort=False
    ):
        name, key, metric, selection, terms, source = keys
        values = part.set_index("column")["value"]
        line = {"method": name, "metric": printed(metric)}
        line |= {printed(c): f"{values[c]:.1f}" if c in values else "" for c in ("SMIC", "CASME2", "SAMM", *POOLS)}
        line |= {"epoch or setting": selection, "terms": terms, "source": source}
        lines.append(line | {"re-run here": "yes" if key in own else "no"})
    return pd.DataFrame(lines)


def write_peers(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """Write peers.csv (tidy) and peers.md to `folder`; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = rows.assign(parameters=rows["parameters"].astype("Int64"))
    whole.to_csv(folder / "peers.csv", index=False, float_format="%.9g")
    blocks = ["# Peers under one protocol, beside their printed figures", HOW]
    for name in PEER_TABLES:
        blocks += section(rows, name)
    (folder / "peers.md").write_text("\n\n".join(blocks) + "\n")
    return [folder / name for name in ("peers.csv", "peers.md")]


def section(rows: pd.DataFrame, name: str) -> list[str]:
    """One table as blocks of Markdown; one line where it was not run."""
    table = PEER_TABLES[name]
    blocks = [f"## {table.title}", standing(rows, name)]
    rows = rows[rows["table"] == name]
    if rows.empty:
        return blocks
    blocks.append(conclusion(rows, name))
    for metric in METRICS_SHOWN:
        for kind, title in KINDS.items():
            lines = results(rows, metric, kind)
            if len(lines):
                blocks += [f"### {printed(metric)}. {title}", markdown(lines)]
        lines = oracles(rows, metric)
        if len(lines):
            blocks += [f"### {printed(metric)}. Chosen on the test set: no results", markdown(lines)]
    return [*blocks, "### As printed", markdown(printed_figures(rows))]


def _table_of(rows: pd.DataFrame) -> PeerTable:
    return PEER_TABLES[rows["table"].iloc[0]]


def _columns(rows: pd.DataFrame) -> list[str]:
    """The columns of a table: its held-out datasets and their pools."""
    return list(rows.loc[rows["kind"] != "printed", "column"].unique())


def _cells(cells: pd.DataFrame, main: str) -> dict[str, object]:
    """The scores of a line, a column per dataset and pool, with seeds and the interval of the main column."""
    line = {"seeds": int(cells["seeds"].max())}
    for column, cell in cells.iterrows():
        text = f"{cell['value']:.1f}" + (f" ± {cell['sd']:.1f}" if cell["sd"] > 0 else "")
        line[printed(column)] = "not run" if np.isnan(cell["value"]) else text
    low, high = cells.loc[main, ["low", "high"]]
    return line | {f"95 % ({printed(main)})": f"{low:.1f} to {high:.1f}" if pd.notna(low) else ""}


def _first_printed(rows: pd.DataFrame, metric: str, main: str) -> Mapping[str, str]:
    """The first figure of each method printed for the same clips and sources, in the main column, with who chose its
    epoch."""
    part = rows[
        (rows["kind"] == "printed") & rows["drawn"].astype(bool) & (rows["metric"] == metric) & (rows["column"] == main)
    ]
    first = part.drop_duplicates("key")
    return {row.key: f"{row.value:.1f} ({row.selection})" for row in first.itertuples()}


def _lead(cell: pd.Series) -> dict[str, str]:
    """How far CNN + BRL lies above a line, and the verdict."""
    known = pd.notna(cell.get("gain"))
    points = "{gain:+.1f} ({gain_low:+.1f} to {gain_high:+.1f}), p {p:.3f}: {verdict}"
    return {"CNN + BRL over it": points.format(**cell) if known else ""}


def _cost(cell: pd.Series) -> dict[str, str]:
    names = {"parameters": "parameters", "seconds": "s per run", "memory": "MB"}
    return {text: f"{cell[name]:,.0f}" if cell[name] > 0 else "" for name, text in names.items()}
