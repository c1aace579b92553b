"""A prediction in words: what speaks against it first, then the probabilities, then what they are worth."""

from __future__ import annotations

import pandas as pd

from melib.corpus.index import print_name
from melib.prepare.spot import Candidates
from melib.study.predict import CAUTION, Prediction
from melib.study.ranges import MEASURES

DOUBTED = "NOT TO BE RELIED ON:"


def in_words(result: Prediction | Candidates) -> str:
    """A prediction, or candidates for one, as text.

    Where there are doubts about a prediction they come first, and the probabilities stand in brackets.
    """
    if isinstance(result, Candidates):
        return _candidates(result)
    blocks = [_doubts(result), _clip(result), _probabilities(result), _track(result), _ranges(result), CAUTION]
    return "\n\n".join(filter(None, blocks))


def _candidates(candidates: Candidates) -> str:
    """The places of a long recording to choose from, none of them chosen."""
    begin = f"{candidates.name} is too long to be one expression"
    if candidates.table.empty:
        lines = [f"{begin}, and nowhere does the face move and come back within half a second."]
    else:
        shown = candidates.table.assign(number=range(1, len(candidates.table) + 1)).set_index("number")
        lines = [
            f"{begin}, so nothing is predicted of it as a whole. Where the face moves and comes back within half a "
            "second, most contrast first:",
            shown.round({"seconds": 2, "contrast": 2, "motion": 2}).to_string(index_names=False),
            "contrast and motion are in % of the face's width.",
            "Give onset, apex and offset of one of them, or your own.",
        ]
    return "\n".join([*lines, *candidates.notes])


def _doubts(prediction: Prediction) -> str:
    return "\n".join([DOUBTED, *(f"- {doubt}" for doubt in prediction.doubts)]) if prediction.doubts else ""


def _clip(prediction: Prediction) -> str:
    row = prediction.own.clip.row
    fps = "unknown frame rate" if pd.isna(row["fps"]) else f"{row['fps']:g} frames per second"
    lines = [
        f"{row['clip']}: onset {row['onset']}, apex {row['apex']} ({row['apex_source']}), offset {row['offset']}; {fps}"
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in prediction.own.notes)])


def _probabilities(prediction: Prediction) -> str:
    runs = len(prediction.by_run)
    title = "Calibrated probability" if prediction.by_run["temperature"].notna().all() else "Probability"
    lines = [title + (f", mean of {runs} runs" if runs > 1 else "")]
    for name, value in prediction.probability.items():
        lines.append(f"  {name:9} {f'({value:.2f})' if prediction.doubts else f'{value:.2f}'}")
    return "\n".join(lines)


def _track(prediction: Prediction) -> str:
    lines = ["How right the weights, those of the last epoch, were on clips of what they never saw"]
    for row in prediction.by_run.to_dict("records"):
        own_class = max(prediction.probability.index, key=row.get)
        lines.append(f"  {row['run']}: {print_name(row['held_out'])}, {row['clips']} clips: accuracy "
                     f"{row['acc']:.2f}, UAR {row['uar']:.2f} (chance .33)")  # fmt: skip
        lines.append(f"    of the {row['called']} that it called {own_class}, {row['right']} were")
        if row["temperature"] > 0:
            lines.append(f"    temperature {row['temperature']:.2f}: calibration error there {row['ece_before']:.3f} "
                         f"before, {row['ece_after']:.3f} after")  # fmt: skip
    return "\n".join(lines)


def _ranges(prediction: Prediction) -> str:
    table = prediction.ranges.rename(MEASURES).rename(columns={"value": "this clip", "within": "seen in training"})
    table.index.name = None
    return "Against the training clips (low and high: 99 % of them lie between)\n" + table.to_string(
        float_format=lambda value: f"{value:.3g}", na_rep="?"
    )
