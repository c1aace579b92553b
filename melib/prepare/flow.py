"""Optical flow between the onset and the apex crop of a clip."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path
from pickle import UnpicklingError

import cv2
import numpy as np

from melib.errors import InputError


class FlowError(InputError):
    """The flow method cannot run; the message says what is missing and what to do."""


def lk(onset: np.ndarray, apex: np.ndarray, window: float = 6, ridge: float = 0.005) -> np.ndarray:
    """Dense Lucas-Kanade flow: from coarse to fine, the apex is warped back and what still differs is solved for.

    At each pixel the least squares of Lucas and Kanade (1981, with the gradient of both frames) run over a Gaussian
    `window` (standard deviation in px): skin moves smoothly, so a wide window costs little and calms noise. `ridge`
    keeps the step small where there is no texture. Pixels that leave the frame have weight 0. Gradients are by a
    five-tap stencil, whose error is of fourth order: it is what makes tenths of a pixel come out right.
    """
    flow = np.zeros((2, 1, 1), np.float32)
    for size in sorted({max(16, round(len(onset) / step)) for step in (1, 2, 4)}):
        small = (cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in (onset, apex))
        first, second = map(_even_light, small)
        flow = np.stack([cv2.resize(part, (size, size)) for part in flow]) * (size / flow.shape[1])
        y, x = np.indices((size, size), dtype=np.float32)
        gradient = _gradient(first)
        for _ in range(3):
            target_x = x + flow[0]
            target_y = y + flow[1]
            warped = cv2.remap(second, target_x, target_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            gx, gy = (gradient + _gradient(warped)) / 2
            inside = np.float32([(place >= 1) & (place <= size - 2) for place in (x, y, target_x, target_y)]).min(
                axis=0
            )
            change = (warped - first) * inside
            products = (gx * gx * inside, gx * gy * inside, gy * gy * inside, gx * change, gy * change)
            xx, xy, yy, xt, yt = (
                cv2.GaussianBlur(product, (0, 0), window, borderType=cv2.BORDER_CONSTANT) for product in products
            )
            xx = xx + ridge
            yy = yy + ridge
            step = np.stack([xy * yt - yy * xt, xy * xt - xx * yt]) / (xx * yy - xy * xy)
            flow = flow + step.clip(-1, 1)
    return flow


def farneback(onset: np.ndarray, apex: np.ndarray, window: int = 21) -> np.ndarray:
    """Farneback's polynomial expansion flow (Farnebäck 2003; OpenCV), its `window` (px) wide enough to calm noise."""
    pair = (_as_bytes(_even_light(image)) for image in (onset, apex))
    return _channels_first(cv2.calcOpticalFlowFarneback(*pair, None, 0.5, 3, window, 5, 5, 1.1, 0))


def dis(onset: np.ndarray, apex: np.ndarray, finest: int = 0) -> np.ndarray:
    """Dense inverse search (Kroeger et al. 2016; OpenCV), down to the `finest` scale (0: pixels), patches of 12 px."""
    solver = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    solver.setFinestScale(finest)
    solver.setPatchSize(12)
    solver.setPatchStride(4)
    return _channels_first(solver.calc(*(_as_bytes(_even_light(image)) for image in (onset, apex)), None))


def tvl1(onset: np.ndarray, apex: np.ndarray, even: bool = True) -> np.ndarray:
    """TV-L1 flow (Zach et al. 2007; scikit-image, to be installed); it trusts brightness, so that is made `even`."""
    try:
        from skimage.registration import optical_flow_tvl1
    except ImportError as error:
        raise FlowError("flow_method 'tvl1' needs scikit-image: pip install scikit-image, or choose 'lk'.") from error
    plain = lambda image: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) / np.float32(255)  # noqa: E731
    flow = optical_flow_tvl1(*(_even_light(image) / 4 if even else plain(image) for image in (onset, apex)))
    return np.ascontiguousarray(flow[::-1], dtype=np.float32)  # it gives rows first


FLOWS = {"lk": lk, "farneback": farneback, "dis": dis, "tvl1": tvl1}
BATCHED = ("raft_small", "raft_large")  # RAFT (Teed and Deng 2020; torchvision): many pairs at once


def flow_solver(name: str, weights: str | Path | None = None, device: str = "cpu") -> Callable:
    """A function (onsets, apexes) -> flows from (N, S, S, 3) uint8 twice to (N, 2, S, S) float32, pixels, x first.

    RAFT takes its weights from the file `weights` (.pth, .pt or .safetensors), else from torch's cache or hub; those of
    `tests.benchmarks.micromotion` say by which factor (`zoom`) pictures are enlarged for them. Raises FlowError where
    weights are not to be had or do not fit.
    """
    if name not in BATCHED:
        return lambda onsets, apexes: np.stack([FLOWS[name](*pair) for pair in zip(onsets, apexes, strict=True)])
    import torch
    from torch.nn.functional import interpolate

    model, zoom = _raft_model(name, weights)
    model = model.to(device).eval()

    @torch.inference_mode()
    def solve(onsets, apexes):
        size = onsets.shape[1]
        inside = max(128, 8 * ceil(zoom * size / 8))  # what RAFT's pyramid needs: at least 128, a multiple of 8
        pair = [torch.from_numpy(np.ascontiguousarray(x)).to(device).permute(0, 3, 1, 2) for x in (onsets, apexes)]
        pair = [interpolate(x / 127.5 - 1, (inside, inside), mode="bilinear", antialias=True) for x in pair]
        flow = model(*pair, num_flow_updates=20)[-1] * (size / inside)
        return interpolate(flow, (size, size), mode="bilinear").float().cpu().numpy()

    return solve


def _raft_model(name: str, path: str | Path | None):
    """torchvision's RAFT `name` with its weights, and the factor by which its pictures are enlarged."""
    import torch
    from safetensors import SafetensorError, safe_open
    from torchvision.models import get_model, get_model_weights

    model = get_model(name, weights=None)
    zoom = 1
    try:
        if path is None:
            state = get_model_weights(name).DEFAULT.get_state_dict(progress=False, check_hash=True)
        elif Path(path).suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
                zoom = int((file.metadata() or {}).get("zoom", 1))
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state)
    except OSError as error:
        url = get_model_weights(name).DEFAULT.url
        raise FlowError(
            f"No weights for {name}: {error}. Download {url} on a connected machine and name the file as "
            "flow_weights, or choose flow_method 'lk', which needs none."
        ) from error
    except (RuntimeError, TypeError, SafetensorError, UnpicklingError) as error:
        raise FlowError(f"The weights in {path} are not those of torchvision's {name}: {str(error)[:200]}") from error
    return model, zoom


def remove_head_motion(flow: np.ndarray) -> np.ndarray:
    """`flow` (2, S, S) less the similarity (shift, turn, scale) that most of the face follows.

    The fit is robust: least squares again and again with Cauchy weights, so the small part of the face that acts does
    not bend it.
    """
    size = flow.shape[1]
    y, x = np.indices((size, size)).reshape(2, -1) / size - 0.5
    one = np.ones_like(x)
    zero = np.zeros_like(x)
    # u = a + c x - d y, v = b + d x + c y, four unknowns over all pixels
    design = np.stack([np.stack([one, zero, x, -y], 1), np.stack([zero, one, y, x], 1)])
    observed = flow.reshape(2, -1).astype(np.float64)
    weight = one
    for _ in range(10):
        normal = np.einsum("cpi,p,cpj->ij", design, weight, design, optimize=True)
        fit = np.linalg.solve(normal, np.einsum("cpi,p,cp->i", design, weight, observed, optimize=True))
        rest = observed - design @ fit
        length = np.hypot(*rest)
        weight = 1 / (1 + (length / (1.5 * np.median(length) + 1e-6)) ** 2)
    return rest.reshape(flow.shape).astype(np.float32)


def shrink_flow(flow: np.ndarray, size: int) -> np.ndarray:
    """`flow` (2, S, S) averaged down to (2, size, size), its motion in pixels of that size."""
    parts = [cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA) for part in flow]
    return np.stack(parts) * (size / flow.shape[1])


def optical_strain(flow: np.ndarray) -> np.ndarray:
    """Optical strain sqrt(ux^2 + vy^2 + (uy + vx)^2 / 2) of `flow` (2, S, S), shape (S, S), without unit."""
    uy, ux = np.gradient(flow[0])
    vy, vx = np.gradient(flow[1])
    return np.sqrt(ux**2 + vy**2 + (uy + vx) ** 2 / 2)


def _even_light(image: np.ndarray) -> np.ndarray:
    """Grey of `image` (S, S, 3) uint8 with its local mean at 0 and its local contrast near 1, (S, S) float32.

    Flow by brightness constancy takes a change of light for motion; what is left here does not change with it.
    """
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32)
    gray = cv2.GaussianBlur(gray, (0, 0), 0.5)
    mean = cv2.GaussianBlur(gray, (0, 0), 12)
    spread = np.sqrt(np.maximum(cv2.GaussianBlur(gray * gray, (0, 0), 12) - mean * mean, 0))
    return (gray - mean) / (spread + 4)  # 4 grey levels: in flat regions the noise stays small


def _as_bytes(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image * 40 + 128), 0, 255).astype(np.uint8)


def _gradient(image: np.ndarray) -> np.ndarray:
    """Gradient (2, S, S), x first, of `image` (S, S) float32."""
    stencil = np.float32([[1, -8, 0, 8, -1]]) / 12
    return np.stack([cv2.filter2D(image, -1, stencil), cv2.filter2D(image, -1, stencil.T)])


def _channels_first(flow: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(flow.transpose(2, 0, 1), dtype=np.float32)
