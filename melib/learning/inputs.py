"""From stored arrays to what a method sees, in batches on the device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from melib.learning.settings import RunSettings
from melib.prepare.arrays import kind_of
from melib.prepare.encode import encode, flip_flow
from melib.prepare.samples import Samples

FEATURES = ("vector", "sequence")
READY = 2**28  # bytes of inputs that are made once instead of in every batch
OF_IMAGES = {  # switches without meaning for the other kinds
    "vector": ("mirror", "normalise", "input_size"),
    "sequence": ("mirror", "normalise", "input_size"),
    "video": ("normalise", "input_size"),
}
KINDS_IN_WORDS = {"vector": "feature vectors", "sequence": "sequences of features", "video": "videos"}


class Inputs:
    """The arrays that a run names, on the device in their stored type; `batch` gives a tuple of tensors, one per array.

    Images and flow images become (B, 3, H, W) float32 in [-1, 1] and videos (B, 1, T, H, W), flow is encoded
    (`flow_encoding`), feature vectors (B, D) and sequences (B, T, D) are standardised with mean and deviation of the
    rows in `train` (N,) boolean, and of no others; `normalise` raw leaves features, images and videos as they are
    stored (images 0 to 255). `channels`, `input_size`, centring and mirroring act on images, mirroring on videos too.
    Raises ValueError for an array that is not there or that cannot be treated so.
    """

    def __init__(self, samples: Samples, settings: RunSettings, train: np.ndarray, device: torch.device):
        absent = [name for name in settings.arrays if name not in samples.arrays]
        if absent:
            raise ValueError(
                f"inputs = {settings.inputs!r}: {absent} not among these samples' arrays {sorted(samples.arrays)}; "
                "choose of them."
            )
        self.views = [View(name, samples.arrays[name], settings, train, device) for name in settings.arrays]

    def __len__(self) -> int:
        return len(self.views[0].stored)

    def batch(self, rows: Tensor, mirrored: Tensor | None = None) -> tuple[Tensor, ...]:
        """The inputs of `rows` (B,) integer; those where `mirrored` (B,) boolean is true are mirrored left to right."""
        return tuple(view.batch(rows, mirrored) for view in self.views)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of one input of each array: (C, H, W), or (D,) for features."""
        device = self.views[0].stored.device
        return [tuple(x.shape[1:]) for x in self.batch(torch.zeros(1, dtype=torch.long, device=device))]


class View:
    """One array as a method sees it."""

    def __init__(self, name: str, array: np.ndarray, settings: RunSettings, train: np.ndarray, device: torch.device):
        self.kind = kind_of(name)
        self.settings = settings
        self._check(name, array)
        array = np.ascontiguousarray(array)
        if self.kind in FEATURES:
            array = array if settings.normalise == "raw" else standardised(array, train)
        elif self.kind in ("image", "flow_image"):
            array = np.ascontiguousarray(array.transpose(0, 3, 1, 2))
        elif self.kind == "video":
            array = array[:, None]
        self.stored = torch.from_numpy(array if array.flags.writeable else array.copy()).to(device)
        self._made: dict[bool, Tensor] = {}  # all inputs, without and with mirroring

    def _check(self, name: str, array: np.ndarray) -> None:
        """Raise ValueError where a switch has no meaning for this array."""
        s = self.settings
        switches = {"mirror": s.mirror, "input_size": s.input_size, "normalise": s.normalise == "centred"}
        refused = [switch for switch in OF_IMAGES.get(self.kind, ()) if switches[switch]]
        if refused:
            raise ValueError(
                f"{', '.join(refused)} acts on images; {name!r} holds {KINDS_IN_WORDS[self.kind]}. Leave it out."
            )
        if s.normalise == "raw" and self.kind == "flow":
            raise ValueError(
                "normalise = 'raw' leaves stored images and features as they are; what flow becomes is `flow_encoding`."
            )
        is_flow = self.kind == "flow_image" or (self.kind == "flow" and s.flow_encoding != "wheel")
        if s.channels != "uvs" and not is_flow:
            raise ValueError(f"channels = {s.channels!r} takes u and v of flow as uvs or minmax; {name!r} has none.")
        if self.kind not in FEATURES and s.input_size > array.shape[2]:
            raise ValueError(
                f"input_size = {s.input_size} is above the {array.shape[2]} px of {name!r}: raise image_size instead."
            )

    def batch(self, rows: Tensor, mirrored: Tensor | None = None) -> Tensor:
        """The input of `rows` (B,), mirrored where `mirrored` (B,) is true."""
        if self.kind in FEATURES:
            return self.stored[rows]
        if self._is_small:
            x = self._all(False)[rows]
            if mirrored is not None:
                x = torch.where(_on(x, mirrored), self._all(True)[rows], x)
        else:
            x = self.stored[rows]
            if mirrored is not None:
                x = torch.where(_on(x, mirrored), self._mirror(x), x)
            x = self._see(x)
        return x.contiguous(memory_format=torch.preserve_format if self.kind == "video" else torch.channels_last)

    @property
    def _is_small(self) -> bool:
        pixels = self.stored[0].numel() * (3 / 2 if self.kind == "flow" else 1)  # three channels are made of two
        return 4 * pixels * len(self.stored) <= READY

    def _all(self, mirrored: bool) -> Tensor:
        """Every input, made the first time it is asked for."""
        if mirrored not in self._made:
            with torch.inference_mode(False), torch.no_grad():  # whoever asks first, training can use it
                parts = [self._see(self._mirror(x) if mirrored else x) for x in self.stored.split(64)]
                self._made[mirrored] = torch.cat(parts)
        return self._made[mirrored]

    def _mirror(self, x: Tensor) -> Tensor:
        return MIRRORS.get(self.kind, mirror_image)(x)

    def _see(self, x: Tensor) -> Tensor:
        """What the method sees of stored values (B, ...)."""
        if self.kind == "flow":
            x = encode(x.float(), self.settings.flow_encoding)
        else:
            x = x.float() if self.settings.normalise == "raw" else x.float() / 127.5 - 1
        if self.kind == "video":
            return x
        if self.settings.channels == "uv":
            x = x[:, :2]
        if self.settings.normalise == "centred":
            x = centred(x)
        if self.settings.input_size not in (0, x.shape[-1]):
            x = torch.nn.functional.interpolate(x, (self.settings.input_size,) * 2, mode="area")
        return x


def _on(x: Tensor, chosen: Tensor) -> Tensor:
    """`chosen` (B,) on the device of `x` (B, ...), to be broadcast over it."""
    return chosen.to(x.device, non_blocking=True).view(-1, *[1] * (x.ndim - 1))


def standardised(array: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Features (N, ...) with mean 0 and deviation 1 over the rows in `train` (N,) boolean, as float32."""
    known = array[train].astype(np.float64)
    spread = known.std(0)
    return ((array - known.mean(0)) / np.where(spread > 1e-12, spread, 1)).astype(np.float32)


def centred(x: Tensor) -> Tensor:
    """Each channel of each image (N, C, H, W) less its median, over its standard deviation; a constant one becomes 0.

    Most of a face does not move, so the median is the zero of motion that min-max images hide. It is a statistic of the
    clip alone: nothing is fitted.
    """
    pixels = x.flatten(2)
    spread = pixels.std(2, correction=0)
    middle = pixels.median(2).values
    scaled = (pixels - middle[..., None]) / torch.where(spread > 1e-6, spread, torch.inf)[..., None]
    return scaled.view_as(x)


def mirror_image(x: Tensor) -> Tensor:
    """Images (N, C, H, W) mirrored left to right."""
    return x.flip(-1)


def mirror_flow_image(x: Tensor) -> Tensor:
    """Min-max images of u, v and strain (N, 3, H, W) uint8 mirrored: u changes its sign, which is 255 less it."""
    mirrored = x.flip(-1)
    mirrored[:, 0] = 255 - mirrored[:, 0]
    return mirrored


MIRRORS: dict[str, Callable[[Tensor], Tensor]] = {"flow": flip_flow, "flow_image": mirror_flow_image}


@torch.inference_mode()
def in_batches(
    function: Callable[[tuple[Tensor, ...]], Tensor], inputs: Inputs, rows: Tensor, size: int, mirrored: bool = False
) -> Tensor:
    """`function` of the inputs of `rows` (N,), `size` at a time, joined: the one forward pass of the workbook."""
    device = inputs.views[0].stored.device
    parts = []
    for part in rows.to(device).split(size):
        turned = torch.ones(len(part), dtype=torch.bool, device=device) if mirrored else None
        parts.append(function(inputs.batch(part, turned)))
    return torch.cat(parts)
