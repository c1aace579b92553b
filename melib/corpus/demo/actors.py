"""The cameras of the five demo datasets, the people before them, and what those people do in a clip."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import cv2
import numpy as np

from melib.corpus.demo import face, motion

BOX = (-0.57, -0.45, 1.14, 1.14)  # the face box in face coordinates: left, top, width, height


@dataclass(frozen=True)
class Camera:
    """How one dataset is recorded; sizes are (height, width) in pixels."""

    nominal_size: tuple
    nominal_frames: str
    size: tuple
    face_px: float  # width of a face in the drawn frame
    frames: tuple  # shortest and longest clip, in drawn frames
    tones: tuple  # the two ends of the skin colours, RGB
    fair: float
    glasses: float
    light: tuple
    wall: tuple
    tint: tuple  # colour balance
    contrast: float
    noise: float  # grey levels, standard deviation
    flicker: float  # relative, standard deviation
    blur: float  # pixels
    quality: int | None  # of the JPEG; None writes BMP
    centre: tuple = (0.5, 0.47)  # of the face in the frame, as shares of width and height
    grey: bool = False
    strength: float = 1.0  # of the expressions, relative to the other datasets


PALE, ASIAN, BROWN = (0.92, 0.74, 0.64), (0.86, 0.67, 0.54), (0.5, 0.33, 0.25)
CAMERAS = {
    "SMIC": Camera(
        (480, 640), "11-58", (168, 216), 118, (9, 11), tones=(PALE, (0.8, 0.6, 0.47)), fair=0.4, glasses=0.3,
        light=(-0.5, -0.5, 1), wall=(0.46, 0.45, 0.43), tint=(1.06, 1.0, 0.9), contrast=1.08, noise=3.2, flicker=0.012,
        blur=0.7, quality=None),
    "CASME": Camera(
        (480, 640), "10-60", (180, 240), 122, (9, 13), tones=(ASIAN, (0.78, 0.58, 0.44)), fair=0, glasses=0.2,
        light=(0.6, -0.4, 1), wall=(0.62, 0.66, 0.7), tint=(0.93, 1.0, 1.1), contrast=0.92, noise=2.6, flicker=0.008,
        blur=0.8, quality=92),
    "CASME2": Camera(
        (480, 640), "24-141", (192, 256), 124, (10, 16), tones=(ASIAN, (0.8, 0.61, 0.48)), fair=0, glasses=0.25,
        light=(0, -0.6, 1), wall=(0.72, 0.71, 0.66), tint=(1.0, 1.0, 0.95), contrast=1.0, noise=1.8, flicker=0.004,
        blur=0.6, quality=95),
    "SAMM": Camera(
        (650, 960), "30-101", (182, 268), 122, (10, 16), tones=(PALE, BROWN), fair=0.35, glasses=0.15,
        light=(0.15, -0.7, 1), wall=(0.3, 0.3, 0.3), tint=(1, 1, 1), contrast=1.12, noise=2.2, flicker=0.004,
        blur=0.7, quality=95, grey=True),
    "MMEW": Camera(
        (231, 231), "11-90", (152, 152), 134, (9, 14), tones=(ASIAN, (0.76, 0.55, 0.42)), fair=0, glasses=0.25,
        light=(-0.2, -0.6, 1), wall=(0.36, 0.42, 0.5), tint=(1.03, 0.98, 0.94), contrast=1.04, noise=2.0, flicker=0.006,
        blur=0.5, quality=93, centre=(0.5, 0.36)),
}  # fmt: skip
TINY_SCALE, TINY_FRAMES = 0.7, (7, 9)


def camera_of(dataset: str, size: str) -> Camera:
    """The dataset's camera; 'tiny' has smaller frames and shorter clips."""
    camera = CAMERAS[dataset]
    if size == "demo":
        return camera
    small = tuple(round(side * TINY_SCALE / 2) * 2 for side in camera.size)
    return replace(camera, size=small, face_px=camera.face_px * TINY_SCALE, frames=TINY_FRAMES)


@dataclass
class Clip:
    """One clip as it is written: who, where, which frames, and everything that moves in it."""

    dataset: str
    subject: str  # name of the subject's folder, or what stands for it
    clip: str
    emotion: str  # as annotated
    acted: str  # the emotion whose AUs are shown
    label: str | None
    folder: str  # below the corpus' root
    pattern: str  # of the frames' names
    onset: int
    apex: int
    offset: int
    in_sheet: bool = True
    has_frames: bool = True
    ambiguous: bool = False
    peak: dict = field(default_factory=dict)  # AU intensities of the expression at the apex
    drift: tuple = (0.0, 0.0, 0.0, 0.0)  # shift x, y (face widths), turn (radians), growth, all reached at the offset
    blink_frame: float = 0.0
    blink: float = 0.0  # AU45 at the height of the blink
    pose: tuple = (0.0, 0.0, 1.0, 0.0)  # of the head in the frame: centre x, y (px), face width (px), roll (radians)
    lamp: tuple = (1.0, 0.0)  # brightness of the clip, its fall-off across the frame
    noise_seed: int = 0

    @property
    def clip_id(self) -> str:
        return f"{self.dataset}/{self.subject}/{self.clip}"


def generator(seed: int, *key: str) -> np.random.Generator:
    """A random generator of its own for each key: nothing depends on the order in which things are drawn."""
    return np.random.default_rng([seed, *(byte for part in key for byte in f"{part}/".encode())])


@functools.lru_cache(maxsize=4)
def actor(seed: int, dataset: str, subject: str) -> SimpleNamespace:
    """One person: `look`, `muscles` (AU fields), `rest` (AUs of the resting face), `seat` (own shift and size)."""
    rng, camera = generator(seed, dataset, subject), CAMERAS[dataset]
    look = face.new_look(rng, camera.tones, camera.fair, camera.glasses)
    rest = {au: float(np.clip(rng.normal(0, motion.RESTING), -1.2, 1.2)) for au in motion.OPENFACE_AUS if au != 45}
    return SimpleNamespace(look=look, muscles=motion.new_muscles(rng), rest=rest, seat=rng.normal(0, 0.012, 3))


def rehearse(clip: Clip, seed: int, size: str) -> Clip:
    """Fill in what happens in a clip: AUs of its emotion, drift, blink, pose, light."""
    rng, camera = generator(seed, clip.clip_id), camera_of(clip.dataset, size)
    spread = lambda sd: float(np.exp(rng.normal(0, sd)))  # noqa: E731
    strength = motion.STRENGTH * camera.strength * spread(motion.STRENGTH_SPREAD)
    clip.ambiguous = bool(rng.random() < motion.AMBIGUOUS_SHARE)
    shown = {clip.acted: 1.0}
    if clip.ambiguous:
        others = {"positive": "happiness", "negative": "disgust", "surprise": "surprise"}
        others.pop(clip.label, None)
        weak, other = rng.random() < 0.5, str(rng.choice(list(others.values())))
        shown = {clip.acted: motion.WEAK} if weak else {clip.acted: motion.CROWDED, other: motion.MIXED}
    for emotion, share in shown.items():
        silent = {au for au in motion.EMOTIONS[emotion] if rng.random() < motion.DROPOUT}
        for au in motion.EMOTIONS[emotion]:
            if au not in silent or len(silent) == len(motion.EMOTIONS[emotion]):
                intensity = min(5.0, strength * share * spread(motion.AU_SPREAD))
                clip.peak[au] = max(clip.peak.get(au, 0.0), intensity)
    shift, turn, growth = motion.DRIFT
    clip.drift = tuple(float(v) for v in rng.normal(0, (shift, shift, turn, growth)))
    if rng.random() < motion.BLINK_SHARE:
        clip.blink, clip.blink_frame = float(rng.uniform(2, 5)), float(rng.uniform(clip.onset + 2, clip.offset))
    seat, jitter = actor(seed, clip.dataset, clip.subject).seat, rng.normal(0, 0.008, 3)
    height, width = camera.size
    face_px = camera.face_px * (1 + seat[2] * 2 + jitter[2])
    centre = np.array(camera.centre) * (width, height) + (seat + jitter)[:2] * camera.face_px
    # The camera aims at the middle of the face, the face's origin lies between the eyes.
    clip.pose = (float(centre[0]), float(centre[1] - 0.14 * face_px), float(face_px), float(rng.normal(0, 0.015)))
    clip.lamp = (spread(0.03), float(rng.normal(0, 0.03)))
    clip.noise_seed = int(rng.integers(2**31))
    return clip


def intensities(clip: Clip) -> dict[int, np.ndarray]:
    """Per AU of OpenFace the intensity in each frame onset..offset; 0 at the onset, `peak` at the apex."""
    frames = np.arange(clip.onset, clip.offset + 1)
    rise = np.clip((frames - clip.onset) / max(1, clip.apex - clip.onset), 0, 1)
    fall = np.clip((clip.offset - frames) / max(1, clip.offset - clip.apex), 0, 1)
    course = (1 - np.cos(np.pi * rise)) / 2 * (0.1 + 0.9 * (1 - np.cos(np.pi * fall)) / 2)
    lid = clip.blink * np.exp(-(((frames - clip.blink_frame) / 1.1) ** 2)) * (frames > clip.onset)
    return {au: lid if au == 45 else clip.peak.get(au, 0.0) * course for au in motion.OPENFACE_AUS}


def drift_at(clip: Clip, frame: int) -> tuple:
    """The head drift of one frame: nothing at the onset, the clip's whole drift at the offset."""
    return tuple(v * (frame - clip.onset) / max(1, clip.offset - clip.onset) for v in clip.drift)


def face_box(clip: Clip) -> np.ndarray:
    """The face box x, y, w, h of the onset frame in pixels."""
    left, top, wide, high = BOX
    middle = motion.Pose(*clip.pose).to_frame(np.array([left + wide / 2, top + high / 2]))
    w, h = wide * clip.pose[2], high * clip.pose[2]
    return np.array([middle[0] - w / 2, middle[1] - h / 2, w, h])


def draw_canvas(seed: int, dataset: str, subject: str, size: str) -> tuple[np.ndarray, float]:
    """The canvas that all frames of a person are warped from (float32 RGB), and its scale in pixels a face width."""
    camera = camera_of(dataset, size)
    px = 1.5 * camera.face_px
    canvas = face.draw_face(actor(seed, dataset, subject).look, px, camera.light, camera.wall)
    return cv2.GaussianBlur(canvas, (0, 0), 0.75), px


def clean_frames(clip: Clip, seed: int, size: tuple, canvas: np.ndarray, px: float) -> Iterator[np.ndarray]:
    """Yield the clip's frames (H, W, 3) float32 RGB 0-1 as light and sensor have not yet touched them."""
    person = actor(seed, clip.dataset, clip.subject)
    here = motion.Pose(*clip.pose).frame_points(*size).astype(np.float32)
    still = (0.0,) * 4
    rest = here + motion.displacement(person.muscles, person.rest, still, *here)
    course = intensities(clip)
    fields = {au: motion.au_field(person.muscles, au, *here) for au in course if course[au].any()}
    for k, frame in enumerate(range(clip.onset, clip.offset + 1)):
        seen = rest + motion.drift_field(drift_at(clip, frame), *here)
        for au, basis in fields.items():
            seen += np.float32(course[au][k]) * basis
        yield sample_canvas(canvas, px, seen)


def sample_canvas(canvas: np.ndarray, px: float, seen: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) of a `canvas` with `px` pixels a face width; `seen` (2, H, W) are its pixels' face points."""
    u, v = (seen - np.float32(face.CANVAS[:2])[:, None, None]).astype(np.float32) * np.float32(px) - np.float32(0.5)
    return cv2.remap(canvas, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def expose(frame: np.ndarray, clip: Clip, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """What the dataset's camera makes of a clean frame: uint8, (H, W, 3) RGB or (H, W) grey."""
    across = 1 + clip.lamp[1] * np.linspace(-1, 1, frame.shape[1], dtype=np.float32)
    level = clip.lamp[0] * (1 + camera.flicker * rng.standard_normal())
    image = frame * (across[:, None] * (np.float32(camera.tint) * np.float32(level)))
    image = (image - 0.5) * camera.contrast + 0.5
    if camera.grey:
        image = image @ np.float32([0.299, 0.587, 0.114])
    image = cv2.GaussianBlur(image, (0, 0), camera.blur) * 255
    image += camera.noise * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image + 0.5, 0, 255).astype(np.uint8)
