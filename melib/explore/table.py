"""A table that can be clicked, and the few HTML pieces that the panels share."""

from __future__ import annotations

import html
from collections.abc import Sequence

import anywidget
import numpy as np
import pandas as pd
import traitlets

from melib.corpus.index import CLASSES
from melib.figures.style import SYNTHETIC


class ClickTable(anywidget.AnyWidget):
    """HTML whose elements with an attribute `data-key` can be clicked; `clicked` is the key of the last one.

    >>> ClickTable(html="<td data-key='a'>A</td>")  # doctest: +SKIP
    """

    _esm = """
    function render({ model, el }) {
      const draw = () => { el.innerHTML = model.get("html"); };
      el.addEventListener("click", (event) => {
        const cell = event.target.closest("[data-key]");
        if (cell) { model.set("clicked", cell.dataset.key); model.save_changes(); }
      });
      model.on("change:html", draw);
      draw();
    }
    export default { render };
    """
    _css = "[data-key] { cursor: pointer; } [data-key]:hover { outline: 2px solid #E69F00; }"
    html = traitlets.Unicode("").tag(sync=True)
    clicked = traitlets.Unicode("").tag(sync=True)


def rows_table(header: Sequence[str], rows: Sequence[Sequence[object]], keys: Sequence[str] = ()) -> str:
    """An HTML table; row i carries `keys[i]` for a click. Text is escaped."""
    head = "".join(f"<th style='text-align:left;padding:0 .8em 0 0'>{html.escape(name)}</th>" for name in header)
    body = []
    for place, row in enumerate(rows):
        key = f" data-key='{html.escape(keys[place], quote=True)}'" if keys else ""
        cells = "".join(f"<td style='padding:0 .8em 0 0'>{html.escape(str(value))}</td>" for value in row)
        body.append(f"<tr{key}>{cells}</tr>")
    return f"<table style='line-height:1.4'><tr>{head}</tr>{''.join(body)}</table>"


def distinguishing(words: pd.DataFrame, first: Sequence[str] = ()) -> list[str]:
    """The columns that tell rows apart: `first`, then each that splits rows which those before it leave together.

    An option that follows from the method, say, is none of them.

    >>> distinguishing(pd.DataFrame({"method": ["erm", "brl", "brl"], "spread": ["", "range", "range"],
    ...                              "lam": ["", "0.3", "0.5"]}))
    ['method', 'lam']
    """
    kept, groups = list(first), len(words[list(first)].drop_duplicates()) if first else 1
    for name in words.columns.difference(kept, sort=False):
        split = len(words[[*kept, name]].drop_duplicates())
        if split > groups:
            kept, groups = [*kept, name], split
    return kept


def confusion_table(counts: np.ndarray, title: str, marked: tuple[str, str] = ("", ""), signed: bool = False) -> str:
    """Counts (3, 3), true classes in rows, as clickable HTML; the key of a cell is "true|predicted".

    Colour is the share of the true class; `signed` colours a difference of counts, red where it is above 0 off the
    diagonal. `marked` names the cell that is open.
    """
    heads = "".join(f"<th style='padding:2px 6px'>{name}</th>" for name in CLASSES)
    rows = [f"<tr><th></th>{heads}</tr>"]
    for true, line in zip(CLASSES, counts, strict=True):
        cells = "".join(_cell(true, name, line, place, (true, name) == marked, signed)
                        for place, name in enumerate(CLASSES))  # fmt: skip
        rows.append(f"<tr><th style='text-align:right;padding-right:6px'>{true}</th>{cells}</tr>")
    caption = f"<div><b>{html.escape(title)}</b> (true in rows, predicted in columns)</div>"
    return f"{caption}<table style='border-spacing:2px;border-collapse:separate'>{''.join(rows)}</table>"


def _cell(true: str, predicted: str, line: np.ndarray, place: int, marked: bool, signed: bool) -> str:
    count = int(line[place])
    if signed:
        good = (count > 0) == (true == predicted)
        colour = "#FFFFFF" if count == 0 else "#0072B255" if good else "#D55E0055"
        text = f"{count:+d}" if count else "0"
    else:
        share = count / max(1, line.sum())
        colour = f"rgba(0, 114, 178, {0.75 * share:.2f})"
        text = f"{count} <small>({share:.0%})</small>"
    border = "outline:2px solid #E69F00;" if marked else ""
    style = f"{border}background:{colour};padding:4px 8px;text-align:center;color:black"
    return f"<td data-key='{true}|{predicted}' style='{style}'>{text}</td>"


def mark(synthetic: bool) -> str:
    """The line that says that what is shown is synthetic; empty for real data."""
    return f"<i style='color:#B00020'>{SYNTHETIC}</i>" if synthetic else ""


def sentence(text: str) -> str:
    """A message of a panel that has nothing, or not all, to show."""
    return f"<div style='color:#8A4B00'>{html.escape(text, quote=False)}</div>" if text else ""
