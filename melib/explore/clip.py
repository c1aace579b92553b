"""What there is to see of one clip: its frames, magnified along their motion, its flow, and its motion over time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from melib.figures.datasets import flow_colours
from melib.figures.style import SERIES_COLOURS
from melib.prepare.apex import SPOT_SIZE, motion_curve
from melib.prepare.clip import Clip
from melib.prepare.flow import lk, optical_strain, remove_head_motion
from melib.prepare.pipeline import OF_A_CLIP
from melib.prepare.samples import Samples

SIZE = 224  # px, the side of a face picture
CURVE_FRAMES = 16  # at most, of the motion curve: those between are not measured
AUS_SHOWN = 4  # curves, those that change most


class ClipPictures:
    """Pictures of sample number `row`: from its frames under `root`, where there are some, else from its arrays.

    `numbers` are those of the frames that can be shown, empty where there is none; `note` says what is lacking. `aus`
    are the clip's rows of an AU table (`melib.aus.table`). Pictures are RGB uint8.
    """

    def __init__(self, samples: Samples, row: int, root: str | Path | None = None, aus: pd.DataFrame | None = None):
        self.samples = samples
        self.row = row
        self.facts = samples.index.iloc[row]
        self.clip, self.note = _open_clip(root, self.facts)
        self.numbers = self._find_numbers()
        if not self.numbers:
            self.note = "These samples hold no frames: what their arrays show is shown. " + self.note
        self.aus = aus
        self._crops: dict[int, np.ndarray] = {}
        self._flows: dict[tuple[int, bool], np.ndarray] = {}

    def _find_numbers(self) -> list[int]:
        arrays = self.samples.arrays
        if self.clip:
            return list(self.clip.numbers)
        if "frames" in arrays:
            return list(range(arrays["frames"].shape[1]))
        if {"onset", "apex"} <= set(arrays):
            known = [self.facts.get(name) for name in ("onset", "apex")]
            return [0, 1] if any(map(pd.isna, known)) else [int(number) for number in known]
        return []

    @property
    def apex(self) -> int:
        """The number of the apex among `numbers`."""
        apex = self.facts.get("apex")
        if self.clip and not pd.isna(apex):
            return min(self.numbers, key=lambda number: abs(number - apex))
        return self.numbers[-1] if "frames" not in self.samples.arrays else self.numbers[len(self.numbers) // 2]

    def crop(self, number: int) -> np.ndarray:
        """The face at frame `number`, (SIZE, SIZE, 3)."""
        if number not in self._crops:
            if self.clip:
                face = next(self.clip.crops(SIZE, [number]))
            else:
                place = self.numbers.index(number)
                arrays = self.samples.arrays
                grey = "frames" in arrays
                face = np.asarray(arrays["frames"][self.row, place] if grey
                                  else arrays[("onset", "apex")[place]][self.row])  # fmt: skip
                face = cv2.resize(np.dstack([face] * 3) if grey else face, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
            self._crops[number] = face
        return self._crops[number]

    def moved(self, number: int, still_head: bool = True) -> np.ndarray:
        """The flow (2, SIZE, SIZE) from the first frame to `number`, px, without the head's motion if `still_head`."""
        key = (number, still_head)
        if key not in self._flows:
            half = SIZE // 2
            pair = (cv2.resize(self.crop(n), (half, half), interpolation=cv2.INTER_AREA)
                    for n in (self.numbers[0], number))  # fmt: skip
            flow = lk(*pair)
            flow = remove_head_motion(flow) if still_head else flow
            self._flows[key] = np.stack([2 * cv2.resize(part, (SIZE, SIZE)) for part in flow])
        return self._flows[key]

    def face(self, number: int, times: float = 1, still_head: bool = True) -> np.ndarray:
        """The face at frame `number`, its motion since the first frame times `times`; at 1 the frame as it is."""
        if times == 1 or number == self.numbers[0]:
            return self.crop(number)
        return warp_along(self.crop(self.numbers[0]), self.moved(number, still_head), times)

    def flow(self, still_head: bool = False) -> tuple[np.ndarray, np.ndarray] | None:
        """Direction (hue) and optical strain of the onset-to-apex flow, two pictures; of a flow image, it alone.

        As a method sees it, or without the head's motion if `still_head`.
        """
        arrays = self.samples.arrays
        if "flow" in arrays:
            flow = np.asarray(arrays["flow"][self.row], np.float32)
            flow = remove_head_motion(flow) if still_head else flow
            longest = np.percentile(np.linalg.norm(flow, axis=0), 99.5) + 1e-6
            strain = optical_strain(flow)
            strain = np.clip(255 * strain / (np.percentile(strain, 99.5) + 1e-6), 0, 255).astype(np.uint8)
            direction = np.uint8(255 * np.clip(flow_colours(flow[None] / longest)[0], 0, 1))
            return enlarged(direction), enlarged(cv2.applyColorMap(strain, cv2.COLORMAP_MAGMA)[..., ::-1])
        if "flow_image" in arrays:
            image = enlarged(np.asarray(arrays["flow_image"][self.row]))
            return image, image
        return None

    def curve(self) -> tuple[list[int], np.ndarray]:
        """Motion since the first frame, in % of face width, the head's taken out, at no more than CURVE_FRAMES frames.

        Returns the frames' numbers and the values.
        """
        steps = np.linspace(0, len(self.numbers) - 1, min(CURVE_FRAMES, len(self.numbers))).round().astype(int)
        numbers = sorted({self.numbers[step] for step in steps} | {self.apex})
        crops = self.clip.crops(SPOT_SIZE, numbers) if self.clip else map(_small, map(self.crop, numbers))
        return numbers, 100 * motion_curve(np.stack(list(crops))) / SPOT_SIZE


class Curves:
    """The motion curve of a clip beside its AUs, where there are some, with a line at the current frame.

    The axes are laid out once: `open` draws a clip's curves anew, `at` adds the line to that picture.
    """

    def __init__(self, with_aus: bool):
        self.figure = Figure((9, 1.9), dpi=100)
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = list(self.figure.subplots(1, 1 + with_aus, squeeze=False)[0])
        self.figure.subplots_adjust(left=0.05, right=0.99, top=0.88, bottom=0.22, wspace=0.1)
        for ax in self.axes:
            ax.tick_params(labelsize=8)
            ax.set_xlabel("frame", fontsize=8)
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            ax.ticklabel_format(axis="x", useOffset=False, style="plain")

    def open(self, pictures: ClipPictures) -> None:
        """Draw the curves of a clip."""
        for ax, draw in zip(self.axes, (_draw_motion, _draw_aus), strict=False):
            for artist in (*ax.lines, *ax.texts):  # not ax.clear(): making the ticks anew takes longest
                artist.remove()
            draw(ax, pictures)
            ax.set_xlim(pictures.numbers[0] - 0.5, pictures.numbers[-1] + 0.5)
        self.canvas.draw()
        self.image = np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def at(self, number: int) -> np.ndarray:
        """The curves with a line at frame `number`, RGB uint8."""
        image = self.image.copy()
        for ax in self.axes:
            low, high = ax.get_ylim()
            column, top = ax.transData.transform((number, high))
            bottom = ax.transData.transform((number, low))[1]
            rows = slice(int(len(image) - top), int(len(image) - bottom))
            image[rows, int(column) : int(column) + 2] = (213, 94, 0)
        return image


def warp_along(image: np.ndarray, flow: np.ndarray, times: float) -> np.ndarray:
    """`image` (S, S, 3) with each point moved by `times` its `flow` (2, S, S), px, x first.

    The point that comes to lie at q is where p + times flow(p) = q: found by fixed-point steps from q.
    """
    y, x = np.indices(flow.shape[1:], dtype=np.float32)
    move = np.float32(times) * flow.astype(np.float32)
    from_x, from_y = x, y
    for _ in range(8):
        u, v = (cv2.remap(part, from_x, from_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for part in move)
        from_x, from_y = x - u, y - v
    return cv2.remap(image, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def enlarged(image: np.ndarray, size: int = SIZE) -> np.ndarray:
    """`image` (H, W, 3) uint8 at `size` pixels a side."""
    return cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=cv2.INTER_CUBIC)


def png(image: np.ndarray) -> bytes:
    """An RGB picture as PNG."""
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def figure_png(figure: Figure) -> bytes:
    """A matplotlib figure without pyplot as PNG, at its own resolution."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return png(np.asarray(canvas.buffer_rgba())[..., :3])


def blinking(first: np.ndarray, second: np.ndarray, milliseconds: int = 500) -> bytes:
    """Two RGB pictures in turn, as an animated PNG."""
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    images = [Image.fromarray(image) for image in (first, second)]
    images[0].save(buffer, "PNG", save_all=True, append_images=images[1:], duration=milliseconds, loop=0,
                   compress_level=1)  # fmt: skip
    return buffer.getvalue()


def _open_clip(root: str | Path | None, facts: pd.Series) -> tuple[Clip | None, str]:
    """The clip's frames under `root`, and why there are none."""
    if root is None or pd.isna(facts.get("face_x")):
        return None, ""
    try:
        return Clip(root, facts), ""
    except (*OF_A_CLIP, OSError) as error:
        return None, f"Its frames cannot be read: {error}"


def _small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (SPOT_SIZE, SPOT_SIZE), interpolation=cv2.INTER_AREA)


def _draw_motion(ax: Axes, pictures: ClipPictures) -> None:
    numbers, values = pictures.curve()
    ax.plot(numbers, values, "o-", color="#444444", markersize=3)
    ax.set_ylim(0, 1.25 * values.max() + 1e-3)
    for name, style in (("onset", ":"), ("apex", "--"), ("offset", "-.")):
        number = pictures.facts.get(name)
        if pictures.clip and not pd.isna(number):
            ax.axvline(int(number), color="#999999", linestyle=style, linewidth=1)
            side = "right" if name == "offset" else "left"
            ax.text(int(number), 1.15 * values.max(), f" {name} ", fontsize=8, color="#666666", ha=side)
    ax.set_title("motion since the onset, without the head's (% of face width)", fontsize=8)


def _draw_aus(ax: Axes, pictures: ClipPictures) -> None:
    if ax.get_legend():
        ax.get_legend().remove()
    if pictures.aus is None or pictures.aus.empty:
        ax.set_title("no AUs were read for this clip", fontsize=8)
        return
    rows = pictures.aus[pictures.aus["kind"] == "intensity"]
    curves = rows.pivot(index="frame", columns="au", values="value")
    change = (curves.max() - curves.min()).sort_values(ascending=False).index[:AUS_SHOWN]
    for colour, au in zip(SERIES_COLOURS, change, strict=False):
        ax.plot(curves.index, curves[au], color=colour, linewidth=1.5, label=f"AU{au}")
    ax.legend(fontsize=7, loc="upper left", ncols=2)
    ax.set_ylim(0, 1.3 * curves[change].to_numpy().max() + 0.1)
    ax.set_title(f"the {len(change)} AUs that change most (intensity 0 to 5)", fontsize=8)
