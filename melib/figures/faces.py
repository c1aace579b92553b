"""Where faces were found: the boxes on the frames, to look at before anything is trained."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Affine2D

from melib.corpus.index import dataset_order, print_name
from melib.figures.datasets import bare
from melib.prepare.clip import Clip

METHOD_COLOURS = {"yunet": "#56B4E9", "haar": "#E69F00", "haar_lenient": "#D55E00", "whole": "#CC79A7"}
OTHER = "#CCCCCC"  # boxes of the user's own, and frames that their owners cropped


def box_sheet(root: str | Path, located: pd.DataFrame, each: int = 8) -> Figure:
    """Onset frames with the box that preparation cuts out, a line per dataset, at most `each` clips of it.

    Doubtful boxes come first: of Haar's second pass, and frames taken whole; then subjects in turn. `located` is the
    index of prepared samples.
    """
    names = dataset_order(located["dataset"])
    figure, axes = plt.subplots(
        len(names), each, figsize=(1.5 * each, 1.5 * len(names) + 0.5), squeeze=False, layout="constrained"
    )
    for line, name in zip(axes, names, strict=True):
        clips = to_look_at(located[located["dataset"] == name], each)
        for ax, clip in zip(line, clips.to_dict("records"), strict=False):
            bare(ax, Clip(root, clip).first)
            draw_box(ax, clip, METHOD_COLOURS.get(clip["face_method"], OTHER))
        for ax in line[len(clips) :]:
            bare(ax, None)
        line[0].set_ylabel(print_name(name), fontweight="bold")
    shown = {method: colour for method, colour in METHOD_COLOURS.items() if method in set(located["face_method"])}
    handles = [plt.Line2D([], [], color=colour, linewidth=3, label=method) for method, colour in shown.items()]
    handles.append(plt.Line2D([], [], color=OTHER, linewidth=3, label="as given"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def to_look_at(clips: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` clips of one dataset: those whose boxes are in doubt first, then one of each subject in turn."""
    doubtful = clips["face_method"].isin(("haar_lenient", "whole"))
    turn = clips.groupby("subject").cumcount()
    order = pd.DataFrame({"certain": ~doubtful, "turn": turn}).sort_values(["certain", "turn"], kind="stable")
    return clips.loc[order.index[:count]]


def draw_box(ax: Axes, clip: dict | pd.Series, colour: str) -> None:
    """Draw a clip's face box, turned by its angle, over its frame."""
    x, y, w, h = (clip[f"face_{name}"] for name in ("x", "y", "w", "h"))
    turn = Affine2D().rotate_deg_around(x + w / 2, y + h / 2, clip["face_angle"]) + ax.transData
    ax.add_patch(plt.Rectangle((x, y), w, h, fill=False, edgecolor=colour, linewidth=2, transform=turn))
