"""Draw a face: a height map lit by one soft light, painted with skin, brows, eyes, lips and hair.

Face coordinates are used throughout the demo corpus: the unit is the width of the face at the cheekbones, the origin
lies midway between the eyes, x points right and y down in the picture. Nothing here knows about emotions or datasets.
"""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np

CANVAS = (-1.15, -0.75, 1.15, 1.1)  # left, top, right, bottom of what is drawn, in face widths

HAIR = np.array([[22, 18, 17], [38, 27, 22], [66, 43, 29], [112, 78, 46], [150, 146, 142]]) / 255
IRIS = np.array([[52, 34, 22], [78, 52, 30], [92, 110, 96], [88, 116, 142]]) / 255
STYLES = ("short", "parted", "fringe", "long", "long fringe", "receding", "bald")


def new_look(rng: np.random.Generator, tones: list, fair: float = 0.2, glasses: float = 0.15) -> SimpleNamespace:
    """Draw one person's looks at random.

    `tones` holds the two ends of the skin colours (RGB, 0-1), `fair` is the share of fair hair and light eyes,
    `glasses` the share of people who wear them.
    """
    woman, age = rng.random() < 0.5, rng.beta(1.5, 3)
    share = [0.05, 0.15, 0.1, 0.45, 0.25, 0, 0] if woman else [0.38, 0.3, 0.14, 0.04, 0, 0.08, 0.06]
    is_fair = rng.random() < fair
    near = lambda mean, spread: mean * (1 + spread * float(np.clip(rng.normal(), -2, 2)))  # noqa: E731
    return SimpleNamespace(
        seed=int(rng.integers(2**31)),
        woman=woman,
        age=age,
        skin=np.array(tones[0]) + rng.random() * (np.array(tones[1]) - tones[0]) + rng.normal(0, 0.015, 3),
        hair=HAIR[rng.choice(5, p=[0, 0.1, 0.25, 0.55, 0.1] if is_fair else [0.5, 0.35, 0.1, 0, 0.05])],
        iris=IRIS[rng.integers(2, 4) if is_fair else rng.integers(0, 2)],
        style=STYLES[rng.choice(7, p=share)],
        jaw=near(2.02 if woman else 2.3, 0.07),
        chin=near(0.8, 0.025),
        hairline=near(-0.43, 0.08),
        part=rng.uniform(-0.25, 0.25),
        eye_x=near(0.222, 0.035),
        eye_half=near(0.107, 0.05),
        eye_open=near(0.048, 0.11),
        eye_tilt=rng.normal(0.012, 0.008),
        crease=rng.uniform(0.2, 1),
        brow_y=near(-0.135, 0.07),
        brow_arch=near(0.03, 0.35),
        brow_thick=near(0.017 if woman else 0.025, 0.15),
        brow_tilt=rng.normal(0, 0.012),
        nose_len=near(0.335, 0.04),
        nose_wide=near(1.0 if woman else 1.1, 0.09),
        nose_high=near(1, 0.15),
        mouth_y=near(0.525, 0.02),
        mouth_half=near(0.178, 0.07),
        mouth_curve=rng.normal(0.002, 0.005),
        lip_up=near(0.046, 0.18),
        lip_low=near(0.058, 0.18),
        lip_red=rng.uniform(0.3, 1) if woman else rng.uniform(0, 0.4),
        cheek=near(1, 0.3),
        stubble=0 if woman else max(0.0, rng.normal(0.35, 0.4)),
        freckles=max(0.0, rng.normal(0, 0.5)),
        glasses=rng.random() < glasses,
        shirt=rng.uniform(0.12, 0.8) * np.array([1, 1, 1]) + rng.uniform(-0.1, 0.1, 3),
    )


def grid(px: float) -> tuple[np.ndarray, np.ndarray]:
    """Face coordinates x, y (H, W) float32 of the canvas' pixel centres at `px` pixels a face width."""
    left, top, right, bottom = CANVAS
    x = (np.arange(round((right - left) * px), dtype=np.float32) + 0.5) / px + left
    y = (np.arange(round((bottom - top) * px), dtype=np.float32) + 0.5) / px + top
    return np.meshgrid(x, y)


class Easel:
    """What a face is painted on: the canvas' coordinates, and the random draws of one person in their order."""

    def __init__(self, px: float, seed: int):
        self.px = px
        self.rng = np.random.default_rng(seed)
        self.x, self.y = grid(px)
        self.ax = np.abs(self.x)

    def noise(self, size: float, stretch: float = 1.0) -> np.ndarray:
        """Smooth noise of unit variance with blobs of `size` face widths, drawn out along y by `stretch`."""
        px, (height, width) = self.px, self.x.shape
        step = max(1.0, size * px / 2)  # coarse noise is made small and enlarged: the same statistics, far cheaper
        small = self.rng.standard_normal((round(height / step) + 1, round(width / step) + 1), dtype=np.float32)
        small = cv2.GaussianBlur(small, (0, 0), size * px / step, sigmaY=size * px / step * stretch)
        return cv2.resize(small / small.std(), (width, height), interpolation=cv2.INTER_CUBIC)

    def blob(self, cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
        """A Gaussian bump of height 1; off the midline there is one on either side."""
        across = self.ax if cx else self.x
        return np.exp(-((across - cx) ** 2) / (2 * sx**2) - (self.y - cy) ** 2 / (2 * sy**2))


def inside(distance: np.ndarray, soft: float = 0.008) -> np.ndarray:
    """Coverage 0-1 of the region where `distance` (face widths) is negative, with a soft edge."""
    return np.clip(0.5 - distance / (2 * soft), 0, 1)


def paint(canvas: np.ndarray, colour, mask: np.ndarray) -> None:
    """Lay a colour over a canvas where the mask (0-1) covers it."""
    canvas += (np.asarray(colour, np.float32) - canvas) * mask[..., None]


def draw_face(look: SimpleNamespace, px: float, light: tuple, background: tuple) -> np.ndarray:
    """Paint the person at rest on a canvas of `px` pixels a face width, (H, W, 3) float32 RGB in 0-1.

    `light` points from the face to the lamp (x, y, z), `background` is the wall's colour (RGB, 0-1).
    """
    easel = Easel(px, look.seed)
    x, y = easel.x, easel.y
    head = _head(look, x, y)
    texture = 0.4 * easel.noise(0.006) + 0.5 * easel.noise(0.012) + 0.4 * easel.noise(0.024) + 0.3 * easel.noise(0.05)
    skin = _skin(look, easel, texture)
    lamp = np.float32(light) / np.float32(np.linalg.norm(light))
    diffuse, lit = _light(_relief(look, easel, head), texture, skin, lamp, px)

    canvas = np.ones_like(skin) * np.float32(background) * (1 - 0.1 * y + 0.06 * x * lamp[0])[..., None]
    canvas *= 1 + 0.012 * easel.noise(0.16)[..., None]
    strands = _strands(easel)
    hair_light = (0.75 + 0.34 * strands + 0.5 * np.exp(-((y + 0.52 + 0.25 * x * x) ** 2) / 0.012))[..., None]
    hair = look.hair.astype(np.float32) * np.clip(hair_light, 0.25, 2.2) * (0.8 + 0.3 * diffuse[..., None])

    # From back to front: hair behind, neck, shirt, ears, head, features, hair in front.
    if look.style != "bald":
        paint(canvas, hair * 0.75, _hair_behind(look, x, y, strands))
    _neck(look, easel, canvas, skin, lamp)
    paint(canvas, lit, inside((head - 0.985) * 0.42, 0.008))
    _nose(look, easel, canvas)
    _lines(look, easel, canvas)
    _eyes(look, easel, canvas)
    if look.glasses:
        _glasses(look, easel, canvas)
    if look.style != "bald":
        paint(canvas, hair, _front_hair(look, x, y, strands, head))
    return np.clip(canvas, 0, 1).astype(np.float32)


def _skin(look, easel, texture):
    """The skin's colour before any light falls on it."""
    blob, noise = easel.blob, easel.noise
    bottom = look.nose_len
    skin = np.ones((*easel.x.shape, 3), np.float32) * look.skin.astype(np.float32)
    red = 0.8 * blob(0.29, 0.22, 0.11, 0.09) + 0.6 * blob(0, bottom - 0.05, 0.07, 0.06) + 0.3 * blob(0, 0.72, 0.1, 0.06)
    skin *= 1 + (red * 0.5 + 0.12 * noise(0.09))[..., None] * np.float32([0.02, -0.09, -0.08])
    skin *= 1 - (0.14 * (0.6 + look.age) * blob(look.eye_x, 0.065, 0.09, 0.025))[..., None] * np.float32([0.8, 1, 0.9])
    skin *= 1 - (0.16 * blob(look.eye_x - 0.02, -0.015, 0.09, 0.04))[..., None]
    spots = np.clip(noise(0.009) - 1.7, 0, 1) * (blob(0.2, 0.2, 0.2, 0.1) * look.freckles + 0.12)
    skin *= 1 - spots[..., None] * np.float32([0.25, 0.4, 0.45])
    beard = look.stubble * np.clip(0.8 * blob(0, 0.68, 0.3, 0.13) + blob(0, look.mouth_y - 0.1, 0.15, 0.03), 0, 1)
    skin *= 1 - (beard * np.clip(0.22 + 0.16 * noise(0.007), 0, 1))[..., None] * np.float32([1, 0.9, 0.8])
    skin *= 1 + 0.06 * texture[..., None] * np.float32([0.9, 1, 1.05])
    _lips(look, skin, easel.x, easel.y)
    return skin


def _light(relief, texture, skin, lamp, px):
    """How much light falls on each point, and the skin in it.

    By the height map's normals, wrapped round so that no side of the face falls into the dark.
    """
    height = relief + 0.0009 * texture
    slope_y, slope_x = np.gradient(height, 1 / px)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    diffuse = np.clip((normal @ lamp + 0.45) / 1.45, 0, 1)
    half = lamp + np.float32([0, 0, 1])
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 28
    hollow = np.clip((relief - cv2.GaussianBlur(relief, (0, 0), 0.05 * px)) * 6, -0.35, 0.1)
    return diffuse, skin * (0.2 + 0.92 * diffuse + hollow)[..., None] + 0.085 * shine[..., None]


def _hair_behind(look, x, y, strands):
    """Coverage of the hair behind the head."""
    low = (1.05 if "long" in look.style else 0.0) + 0.05 * strands
    wide = 0.6 + (0.07 * np.clip(y, 0, 1) if "long" in look.style else 0) + 0.01 * strands * np.clip(y + 0.1, 0, 1)
    behind = np.hypot(x / wide, np.clip(y + 0.1, None, 0) / 0.66) * 0.6 - 0.6
    return inside(np.maximum(behind, y - low), 0.02)


def _neck(look, easel, canvas, skin, lamp):
    """Neck, shirt and ears."""
    x, y, ax = easel.x, easel.y, easel.ax
    neck = inside(ax - 0.29 - 0.25 * np.clip(y - 0.9, 0, 1), 0.015) * inside(0.45 - y)
    under = 0.45 + 0.4 * np.clip((y - look.chin) / 0.3, 0, 1) + 0.12 * x * lamp[0]
    paint(canvas, skin * (under - 0.9 * x * x)[..., None], neck)
    slope = 1.02 + 0.22 * np.clip(ax - 0.3, 0, 2) + 0.1 * np.exp(-((ax / 0.3) ** 4))
    folds = 0.85 + 0.05 * easel.noise(0.03, 3) - 0.15 * np.exp(-(((y - slope - 0.02) / 0.02) ** 2)) + 0.1 * x * lamp[0]
    paint(canvas, look.shirt.astype(np.float32) * folds[..., None], inside(slope - y, 0.01))
    ear = np.hypot((ax - 0.515) / 0.055, (y - 0.07 + 0.3 * (ax - 0.5)) / 0.135)
    ear_light = (0.72 - 0.25 * np.exp(-(((ear - 0.55) / 0.25) ** 2)) + 0.15 * ear)[..., None]
    paint(canvas, skin * ear_light * np.float32([1.03, 0.97, 0.97]), inside((ear - 1) * 0.06))


def _nose(look, easel, canvas):
    """Nostrils, and the shadows below the nose and beside its wings."""
    ax, y, bottom, wide = easel.ax, easel.y, look.nose_len, look.nose_wide
    nostril = np.hypot((ax - 0.045 * wide) / (0.025 * wide), (y - bottom - 0.004) / 0.012)
    paint(canvas, look.skin * 0.22, 0.8 * inside((nostril - 1) * 0.014, 0.009))
    canvas *= 1 - (0.16 * easel.blob(0, bottom + 0.03, 0.06 * wide, 0.02))[..., None]
    wing = np.hypot((ax - 0.083 * wide) / 0.04, (y - bottom + 0.032) / 0.045)
    canvas *= 1 - (0.2 * np.exp(-(((wing - 1) / 0.16) ** 2)) * inside(0.1 * wide - ax, 0.02))[..., None]


def _eyes(look, easel, canvas):
    """Eyes and brows. They are small: each side is painted in a window of its own."""
    x, y = easel.x, easel.y
    speckle, hairs = easel.noise(0.006), easel.noise(0.006, 1.8)
    for side in (-1, 1):
        rows, columns = np.flatnonzero(np.abs(y[:, 0] + 0.1) < 0.25), np.flatnonzero(np.abs(x[0] * side - 0.23) < 0.19)
        there = np.ix_(rows, columns)
        part, across, downwards = canvas[there], x[there], y[there]
        _eye(look, part, across * side, downwards, speckle[there])
        _brow(look, part, across * side, downwards, hairs[there])
        glint = np.hypot(across - side * look.eye_x + 0.014, downwards + 0.019)
        paint(part, (0.95, 0.95, 0.95), 0.85 * inside(glint - 0.009, 0.005))
        canvas[there] = part


def _glasses(look, easel, canvas):
    """A frame of two rims, a bridge and the temples."""
    ax, y = easel.ax, easel.y
    lens = (((ax - look.eye_x) / 0.165) ** 4 + ((y - 0.015) / 0.105) ** 4) ** 0.25
    frame = np.maximum(inside(np.abs(lens - 1) * 0.11 - 0.006), inside(np.abs(y + 0.03) - 0.007) * (ax < 0.065))
    frame = np.maximum(frame, inside(np.abs(y + 0.03) - 0.008) * inside(look.eye_x + 0.16 - ax) * (ax < 0.5))
    paint(canvas, (0.1, 0.09, 0.09), 0.85 * frame)


def _head(look, x, y):
    """Implicit outline of the head without ears: below 1 inside, 1 on the outline."""
    up, down = np.clip(0.05 - y, 0, None) / 0.8, np.clip(y - 0.05, 0, None) / (look.chin - 0.05)
    narrow = np.abs(x) / (0.5 - 0.035 * np.clip(-y / 0.5, 0, 1) ** 2)
    power = np.where(y < 0.05, 2.3, look.jaw)
    return (narrow**power + (up + down) ** power) ** (1 / power)


def _relief(look, easel, head):
    """Height (face widths) of the face towards the camera."""
    x, y, blob = easel.x, easel.y, easel.blob
    mouth, bottom, wide = look.mouth_y, look.nose_len, look.nose_wide
    z = 0.4 * np.sqrt(np.clip(1 - head**2.6, 0.015, 1))
    rise = np.clip((y + 0.12) / (bottom + 0.1), 0, 1)
    fall = 0.5 - 0.5 * np.tanh((y - bottom + 0.012) / 0.028)
    width = (0.04 + 0.03 * rise**2) * wide
    root = np.clip((y + 0.3) / 0.2, 0, 1)
    z += look.nose_high * (0.014 * root + 0.095 * rise**1.3) * np.exp(-((x / width) ** 2) / 2) * fall
    z += 0.036 * blob(0, bottom - 0.05, 0.048 * wide, 0.04) + 0.034 * blob(0.078 * wide, bottom - 0.032, 0.028, 0.028)
    z += 0.024 * blob(0.2, look.brow_y + 0.01, 0.14, 0.035) - 0.056 * blob(look.eye_x - 0.02, 0.0, 0.1, 0.055)
    z += 0.03 * blob(look.eye_x, 0.0, 0.07, 0.04) - 0.012 * blob(look.eye_x, 0.075, 0.09, 0.02)
    z += 0.03 * look.cheek * blob(0.29, 0.2, 0.11, 0.09) - 0.015 * blob(0.33, 0.42, 0.1, 0.1)
    z += 0.026 * blob(0, mouth - 0.01, 0.15, 0.1) - 0.008 * blob(0, mouth - 0.1, 0.016, 0.04)
    z += 0.014 * blob(0, mouth - 0.022, 0.09, 0.014) + 0.02 * blob(0, mouth + 0.03, 0.08, 0.018)
    z -= 0.014 * blob(0, mouth + 0.004, 0.085, 0.008) + 0.009 * blob(look.mouth_half + 0.014, mouth, 0.02, 0.02)
    return z - 0.018 * blob(0, mouth + 0.1, 0.09, 0.022) + 0.03 * blob(0, look.chin - 0.1, 0.08, 0.055)


def _lips(look, skin, x, y):
    """Lips on the unlit skin, so that the light models them too."""
    t = np.clip(np.abs(x) / look.mouth_half, 0, 1)
    line = look.mouth_y + 0.005 * np.cos(t * 5) - look.mouth_curve * t * t
    top = line - look.lip_up * (1 - t**1.7) * (1 - 0.3 * np.exp(-((x / 0.028) ** 2)))
    base = line + look.lip_low * (1 - t**2.2)
    tint = np.float32([0.9, 0.72, 0.71]) * (1 - look.lip_red) + np.float32([0.88, 0.56, 0.58]) * look.lip_red
    for edge, shade in (((top - y, y - line), 0.9), ((line - y, y - base), 1.02)):
        paint(skin, skin * tint * shade, inside(np.maximum(*edge), 0.007) * (t < 1))
    gap = np.exp(-(((y - line) / 0.0065) ** 2)) * np.clip((1.04 - np.abs(x) / look.mouth_half) / 0.1, 0, 1)
    paint(skin, look.skin * np.float32([0.3, 0.16, 0.15]), 0.85 * gap)


def _lines(look, easel, canvas):
    """Age: folds from nose to mouth, lines on the forehead, crow's feet."""
    x, y, blob = easel.x, easel.y, easel.blob
    fold = np.abs(x) - (0.1 * look.nose_wide + 0.55 * np.clip(y - look.nose_len + 0.03, 0, 1) ** 0.85)
    shade = (0.04 + 0.16 * look.age) * np.exp(-((fold / 0.016) ** 2)) * blob(0.17, look.nose_len + 0.08, 0.2, 0.06)
    waves = np.clip(np.cos((y + 0.05 * x * x) * 2 * np.pi / 0.052), 0, 1) ** 6 * blob(0, -0.3, 0.2, 0.05)
    shade += 0.13 * max(0.0, look.age - 0.25) * (waves + waves * blob(0.36, -0.0, 0.04, 0.05))
    canvas *= 1 - shade[..., None]


def _eye(look, canvas, x, y, speckle):
    """One eye; x grows outwards."""
    dx = x - look.eye_x
    t = np.clip(dx / look.eye_half, -1.15, 1.15)
    arch = np.clip(1 - t * t, 0, None)
    upper = -look.eye_tilt * t - look.eye_open * arch**0.62 * (1 - 0.1 * t)
    lower = -look.eye_tilt * t + 0.62 * look.eye_open * arch**0.75 * (1 + 0.12 * t)
    depth, radius = np.clip(y - upper, 0, None), np.hypot(dx + 0.004, y + 0.006)
    ball = np.ones((*x.shape, 3), np.float32) * np.float32([0.86, 0.83, 0.81])
    ball *= np.clip(1.03 - 0.25 * t * t - 0.45 * np.exp(-depth / 0.012), 0.25, 1.1)[..., None]
    iris = 0.85 + 0.9 * np.clip(radius / 0.05, 0, 1) ** 2 + 0.12 * speckle
    paint(ball, look.iris.astype(np.float32) * iris[..., None], inside(radius - 0.049, 0.006))
    paint(ball, look.iris * 0.25, 0.7 * np.exp(-(((radius - 0.049) / 0.006) ** 2)))
    paint(ball, (0.02, 0.02, 0.02), inside(radius - 0.021, 0.005))
    ball *= np.clip(1 - 0.5 * np.exp(-depth / 0.01), 0.2, 1)[..., None]
    lid = np.exp(-(((y - upper + 0.02) / 0.017) ** 2)) * np.clip(1.1 - t * t, 0, 1)
    canvas *= 1 - 0.16 * lid[..., None]
    paint(canvas, ball, inside(np.maximum(upper - y, y - lower), 0.005) * (np.abs(t) < 1))
    reach = np.clip((1.12 - np.abs(t)) / 0.2, 0, 1)
    lash = inside(np.abs(y - upper + 0.002) - (0.0045 + 0.004 * np.clip(t + 0.4, 0, 1) + 0.002 * look.woman), 0.005)
    paint(canvas, look.hair * 0.4, 0.85 * lash * reach)
    canvas *= 1 - (0.22 * np.exp(-(((y - lower - 0.003) / 0.006) ** 2)) * reach)[..., None]
    fold = np.exp(-(((y - upper + 0.024 + 0.01 * arch) / 0.007) ** 2))
    canvas *= 1 - (0.42 * look.crease * fold * reach)[..., None]
    canvas *= 1 - (0.25 * np.exp(-((dx + look.eye_half) ** 2 + y * y) / 0.0004))[..., None] * np.float32([0.6, 1, 1])


def _brow(look, canvas, x, y, hairs):
    """One brow; x grows outwards."""
    t = (x - 0.085) / 0.265
    along = np.clip(t, 0, 1)
    path = look.brow_y - 1.1 * look.brow_arch * np.sin(np.pi * along**1.3) + 0.02 * along**3
    path += look.brow_tilt * (along - 0.5)
    thick = look.brow_thick * np.clip(1.15 - 0.75 * along**1.6, 0, 1) * np.clip((t + 0.03) / 0.12, 0, 1) ** 0.5
    body = inside(np.abs(y - path + 0.003 * hairs) - thick, 0.012) * inside(np.abs(t - 0.5) - 0.5, 0.05)
    paint(canvas, look.hair * 0.85 + 0.02, np.clip(body * (0.78 + 0.16 * hairs), 0, 0.92))


def _strands(easel):
    """Hair texture of unit variance: strands that fan out from the crown."""
    x, y = easel.x, easel.y
    table = cv2.GaussianBlur(easel.rng.standard_normal((1, 2048)).astype(np.float32), (0, 0), 2.2)
    fan = np.arctan2(x, y + 1.1 + 0.3 * x * x) + 0.03 * easel.noise(0.12)
    turn = (fan + np.pi) / (2 * np.pi) * 2047
    return cv2.remap(table / table.std(), turn.astype(np.float32), np.zeros_like(turn, np.float32), cv2.INTER_LINEAR)


def _front_hair(look, x, y, strands, head):
    """Coverage of the hair that lies on the forehead and round the face."""
    edge = look.hairline + 0.02 * strands * (0.6 if look.style == "receding" else 1)
    if look.style == "receding":
        edge = edge - 0.1 - 0.22 * np.exp(-(((np.abs(x) - 0.22) / 0.12) ** 2))
    elif "fringe" in look.style:
        edge = edge + 0.17 + 0.03 * strands + 0.3 * x * look.part
    elif look.style in ("parted", "long"):
        edge = edge + 0.25 * np.clip(np.abs(x - look.part), 0, 0.5) ** 1.3 * 1.6 - 0.03
    else:
        edge = edge + 0.5 * x * x
    top = inside(y - edge, 0.012)
    cap = inside(np.hypot(x / 0.585, np.clip(y + 0.1, None, 0) / 0.66) * 0.585 - 0.59 - 0.06 * np.clip(y, 0, 1), 0.02)
    if "long" in look.style:
        sides = inside(0.425 + 0.015 * strands - 0.06 * np.clip(0.2 - y, 0, 0.5) - np.abs(x), 0.015)
    else:
        sides = inside(0.905 - 0.02 * strands - head, 0.02) * inside(y - 0.02 - 0.03 * strands, 0.03)
    if look.style == "receding":
        sides = sides * (y > -0.3)
    return np.maximum(top, sides) * cap
