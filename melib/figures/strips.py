"""What happens in the demo corpus, as pictures: a film strip per emotion, and what each AU does to a face."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from melib.aus.face import DrawnFace
from melib.aus.table import AUS, MEANING
from melib.corpus.demo import expressions, shading
from melib.corpus.demo.write import TRUTH
from melib.figures.aus import STRONGEST, skin_arrows
from melib.figures.datasets import bare
from melib.figures.style import mark_synthetic

EMOTIONS = ("happiness", "surprise", "disgust", "anger", "fear", "sadness")
MAGNIFIED = 4


def strip_clips(root: str | Path, clip_ids: Collection[str] | None = None) -> pd.DataFrame:
    """For each of six emotions the clip of a demo corpus that shows what is typical of it strongest, without a blink.

    Rows of the truth with `aus`, the AUs at the apex in words, and `typical`, their sum weighted by their chances.
    """
    folder = Path(root) / TRUTH
    clips = pd.read_parquet(folder / "clips.parquet")
    clips = clips[clips["has_frames"] & (clips["blink"] == 0) & (clips["dataset"] != "SAMM")]
    if clip_ids is not None:
        clips = clips[clips["clip_id"].isin(clip_ids)]
    apex = pd.read_parquet(folder / "aus.parquet").merge(clips[["clip_id", "apex"]], on="clip_id")
    apex = apex[apex["frame"] == apex["apex"]].set_index("clip_id").filter(like="AU").drop(columns="AU45")
    rows = []
    for emotion in EMOTIONS:
        typical = pd.Series({f"AU{au:02d}": chance for au, chance in expressions.EMOTIONS[emotion].items()})
        shown = clips[clips["acted"] == emotion].set_index("clip_id", drop=False)
        if shown.empty:  # a tiny corpus does not hold every emotion
            continue
        strength = apex.loc[shown.index, typical.index] @ typical
        clip = shown.loc[strength.idxmax()]
        aus = apex.loc[clip["clip_id"]]
        words = ", ".join(f"AU{int(name[2:])} {value:.1f}" for name, value in aus[aus > 0].items())
        rows.append({**clip, "aus": words, "typical": strength.max()})
    return pd.DataFrame(rows)


def plain_clip(root: str | Path, clip_ids: Iterable[str]) -> pd.Series | None:
    """The clip among `clip_ids` that is plainest to see: `strip_clips` of those with whole frames, the strongest.

    None where each of them has a blink, or is a crop.
    """
    clips = strip_clips(root, {clip_id for clip_id in clip_ids if not clip_id.startswith("MMEW/")})
    return None if clips.empty else clips.loc[clips["typical"].idxmax()]


def film_strips(root: str | Path, clips: pd.DataFrame, frames: int = 6) -> Figure:
    """A line per clip of `strip_clips`: frames from onset to offset, and the change at the apex, magnified."""
    figure, axes = plt.subplots(len(clips), frames + 1, figsize=(1.05 * (frames + 1) + 1.1, 1.15 * len(clips)),
                                squeeze=False, layout="constrained")  # fmt: skip
    for line, clip in zip(axes, clips.to_dict("records"), strict=True):
        numbers = np.linspace(clip["onset"], clip["offset"], frames).round().astype(int)
        numbers[np.abs(numbers - clip["apex"]).argmin()] = clip["apex"]
        for ax, number in zip(line, numbers, strict=False):
            bare(ax, _face(root, clip, number))
            role = {clip["onset"]: "onset", clip["apex"]: "apex", clip["offset"]: "offset"}.get(number, "")
            since = number - clip["onset"]
            ax.set_title(role or f"+{since}", fontsize=8, fontweight="bold" if role else "normal")
        change = _face(root, clip, clip["apex"]).astype(float) - _face(root, clip, clip["onset"])
        bare(line[-1], np.clip(128 + MAGNIFIED * change, 0, 255).astype(np.uint8))
        line[0].set_ylabel(f"{clip['acted']}\n" + clip["aus"].replace(", ", "\n"), rotation=0, ha="right", va="center",
                           fontsize=8)  # fmt: skip
    axes[0, -1].set_title(f"apex − onset, × {MAGNIFIED}", fontsize=8, fontweight="normal")
    figure.suptitle("The strongest clip of each emotion", fontsize=12, fontweight="bold")
    figure.supxlabel("frames since the onset; AU intensities at the apex, of at most 5", fontsize=9, color="#666666")
    return figure


def au_effects() -> Figure:
    """A drawn face at rest, then with each AU of the demo corpus at the highest intensity: how its skin moves
    (magnified, arrows) and where it darkens or brightens."""
    face = DrawnFace(200)
    figure, axes = plt.subplots(3, 6, figsize=(11, 6.4), layout="constrained")
    bare(axes.flat[0], face.draw(np.zeros(len(AUS))))
    axes.flat[0].set_title("at rest", fontsize=9)
    for ax, au, vector in zip(axes.flat[1:], AUS, STRONGEST * np.eye(len(AUS)), strict=True):
        shade = shading.brightness(STRONGEST * shading.shade_field(au, *face.points))
        bare(ax, np.clip(face.draw(vector, 2) * shade[..., None], 0, 255).astype(np.uint8))
        skin_arrows(face.moves(vector, 2), ax)
        ax.set_title(f"AU{au}: {MEANING[au]}", fontsize=9)
    figure.suptitle("What each action unit of the demo corpus does to a face", fontsize=13, fontweight="bold")
    words = f"intensity {STRONGEST} of {STRONGEST}, motion × 2; arrows: how the skin moves"
    figure.supxlabel(words, fontsize=9, color="#666666")
    mark_synthetic(figure)
    return figure


def _face(root: str | Path, clip: dict, number: int) -> np.ndarray:
    """The face of one frame, (160, 160, 3) RGB."""
    frame = cv2.imread(str(Path(root) / clip["folder"] / clip["pattern"].format(number)))[..., ::-1]
    x, y, w, h = (round(clip[f"face_{part}"]) for part in "xywh")
    left, top = max(x, 0), max(y, 0)
    return cv2.resize(frame[top : y + h, left : x + w], (160, 160), interpolation=cv2.INTER_AREA)
