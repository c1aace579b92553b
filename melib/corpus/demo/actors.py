"""The cameras of the five demo datasets, the people before them, and what those people do in a clip."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import cv2
import numpy as np

from melib.corpus.demo import expressions, face, motion, shading

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
    sway: float = 1.0  # head motion, relative to the other datasets
    strong: dict = field(default_factory=dict)  # strength of an emotion's expressions, relative to 1


PALE, ASIAN, BROWN = (0.92, 0.74, 0.64), (0.86, 0.67, 0.54), (0.5, 0.33, 0.25)
CAMERAS = {
    "SMIC": Camera(
        (480, 640), "11-58", (168, 216), 118, (9, 11), tones=(PALE, (0.8, 0.6, 0.47)), fair=0.4, glasses=0.3,
        light=(-0.5, -0.5, 1), wall=(0.46, 0.45, 0.43), tint=(1.06, 1.0, 0.9), contrast=1.08, noise=5.8, flicker=0.012,
        blur=0.7, quality=None, sway=1.3, strong={"happiness": 0.9}),
    "CASME": Camera(
        (480, 640), "10-60", (180, 240), 122, (9, 13), tones=(ASIAN, (0.78, 0.58, 0.44)), fair=0, glasses=0.2,
        light=(0.6, -0.4, 1), wall=(0.62, 0.66, 0.7), tint=(0.93, 1.0, 1.1), contrast=0.92, noise=4.7, flicker=0.008,
        blur=0.8, quality=92, sway=1.2, strong={"disgust": 1.15}),
    "CASME2": Camera(
        (480, 640), "24-141", (192, 256), 124, (10, 16), tones=(ASIAN, (0.8, 0.61, 0.48)), fair=0, glasses=0.25,
        light=(0, -0.6, 1), wall=(0.72, 0.71, 0.66), tint=(1.0, 1.0, 0.95), contrast=1.0, noise=3.2, flicker=0.004,
        blur=0.6, quality=95, sway=0.8, strong={"disgust": 1.2, "surprise": 0.9}),
    "SAMM": Camera(
        (650, 960), "30-101", (182, 268), 122, (10, 16), tones=(PALE, BROWN), fair=0.35, glasses=0.15,
        light=(0.15, -0.7, 1), wall=(0.3, 0.3, 0.3), tint=(1, 1, 1), contrast=1.12, noise=4.0, flicker=0.004,
        blur=0.7, quality=95, grey=True, sway=0.8, strong={"anger": 0.8, "happiness": 1.15}),
    "MMEW": Camera(
        (231, 231), "11-90", (152, 152), 128, (9, 14), tones=(ASIAN, (0.76, 0.55, 0.42)), fair=0, glasses=0.25,
        light=(-0.2, -0.6, 1), wall=(0.36, 0.42, 0.5), tint=(1.03, 0.98, 0.94), contrast=1.04, noise=3.6, flicker=0.006,
        blur=0.5, quality=93, centre=(0.5, 0.44), sway=1.2, strong={"surprise": 1.1, "fear": 0.8}),
}  # fmt: skip
# A few clips and steps must show something: 'tiny' is plainer to see than 'demo'.
TINY_SCALE, TINY_FRAMES, TINY_STRENGTH, TINY_NOISE = 0.7, (7, 9), 3.0, 0.55


def camera_of(dataset: str, size: str) -> Camera:
    """The dataset's camera; 'tiny' has smaller frames with less noise, shorter clips and stronger expressions."""
    camera = CAMERAS[dataset]
    if size == "demo":
        return camera
    small = tuple(round(side * TINY_SCALE / 2) * 2 for side in camera.size)
    strong = {emotion: TINY_STRENGTH * camera.strong.get(emotion, 1.0) for emotion in expressions.EMOTIONS}
    return replace(camera, size=small, face_px=camera.face_px * TINY_SCALE, frames=TINY_FRAMES, strong=strong,
                   noise=camera.noise * TINY_NOISE)  # fmt: skip


@dataclass
class Clip:
    """One clip as it is written: who, where, which frames, and everything that moves in it."""

    dataset: str
    subject: str  # name of the subject's folder, or what stands for it
    clip: str
    emotion: str  # as annotated
    acted: str  # the emotion whose AUs are shown; where annotators doubted, not the annotated one
    label: str | None
    folder: str  # below the corpus' root
    pattern: str  # of the frames' names
    onset: int
    apex: int  # the true one
    offset: int
    annotated_apex: int = 0  # what the sheet says where it is not wrong
    in_sheet: bool = True
    has_frames: bool = True
    peak: dict = field(default_factory=dict)  # AU intensities of the expression at the apex
    lean: float = 0.0  # how much further the face moves on its right in the picture, relative to even
    drift: tuple = (0.0, 0.0, 0.0, 0.0)  # shift x, y (face widths), turn (radians), growth, all reached at the offset
    cue: str = ""  # the class that the head's motion goes with, in a corpus with a shift
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
    """One person: `look`, `muscles` (AU fields), `rest` (AUs of the resting face), `seat` (own shift and size), `habit`
    (the AU that comes along in their expressions)."""
    rng, camera = generator(seed, dataset, subject), CAMERAS[dataset]
    look = face.new_look(rng, camera.tones, camera.fair, camera.glasses)
    rest = {au: float(np.clip(rng.normal(0, motion.RESTING), -1.2, 1.2)) for au in motion.OPENFACE_AUS if au != 45}
    muscles, seat = motion.new_muscles(rng), rng.normal(0, 0.012, 3)
    habit = int(rng.choice(expressions.HABITS))
    return SimpleNamespace(look=look, muscles=muscles, rest=rest, seat=seat, habit=habit)


def rehearse(clip: Clip, seed: int, size: str) -> Clip:
    """Fill in what happens in a clip: AUs of its emotion, drift, blink, annotated apex, pose, light."""
    rng, camera = generator(seed, clip.clip_id), camera_of(clip.dataset, size)
    person = actor(seed, clip.dataset, clip.subject)
    clip.acted = expressions.doubted(rng, clip.label, clip.acted)
    clip.peak = expressions.draw_aus(rng, clip.acted, person.habit, camera.strong.get(clip.acted, 1.0))
    clip.lean = float(np.clip(rng.normal(0, expressions.LEAN), -1, 1))
    clip.drift = tuple(camera.sway * float(v) for v in rng.normal(0, expressions.DRIFT_SPREAD))
    if rng.random() < expressions.BLINK_SHARE:
        clip.blink, clip.blink_frame = float(rng.uniform(2, 5)), float(rng.uniform(clip.onset + 2, clip.offset))
    error = round(rng.normal(0, expressions.APEX_ERROR))
    clip.annotated_apex = int(np.clip(clip.apex + error, clip.onset + 2, clip.offset - 1))
    seat, jitter = person.seat, rng.normal(0, 0.008, 3)
    height, width = camera.size
    face_px = camera.face_px * (1 + seat[2] * 2 + jitter[2])
    centre = np.array(camera.centre) * (width, height) + (seat + jitter)[:2] * camera.face_px
    # The camera aims at the middle of the face, the face's origin lies between the eyes.
    clip.pose = (float(centre[0]), float(centre[1] - 0.14 * face_px), float(face_px), float(rng.normal(0, 0.015)))
    clip.lamp = (expressions.spread(rng, 0.03), float(rng.normal(0, 0.03)))
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


class Scene:
    """A clip before light and sensor touch it; `canvas` and `px` as `draw_canvas` gives them, `size` (H, W)."""

    def __init__(self, clip: Clip, seed: int, size: tuple, canvas: np.ndarray, px: float):
        self.clip, self.canvas, self.px = clip, canvas, px
        person = actor(seed, clip.dataset, clip.subject)
        muscles = motion.lean(person.muscles, clip.lean)
        self.points = motion.Pose(*clip.pose).frame_points(*size).astype(np.float32)
        self.rest = self.points + motion.displacement(muscles, person.rest, (0.0,) * 4, *self.points)
        self.course = intensities(clip)
        shown = [au for au in self.course if self.course[au].any()]
        self.fields = {au: motion.au_field(muscles, au, *self.points) for au in shown}
        self.shades = {au: shading.shade_field(au, *self.points) for au in shown}

    def moved(self, number: int) -> np.ndarray:
        """Frame `number` (H, W, 3) float32 RGB 0-1 with the skin moved, as the exact flow has it."""
        seen = self.rest + motion.drift_field(drift_at(self.clip, number), *self.points)
        for au, movement in self.fields.items():
            seen += np.float32(self.course[au][number - self.clip.onset]) * movement
        return sample_canvas(self.canvas, self.px, seen)

    def draw(self, number: int) -> np.ndarray:
        """The same with furrows, lids, cheeks and mouth shaded."""
        darkening = sum(self.course[au][number - self.clip.onset] * shade for au, shade in self.shades.items())
        return self.moved(number) * shading.brightness(darkening)[..., None]


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
