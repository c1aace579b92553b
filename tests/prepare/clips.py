"""Small clips of drifting texture, written to disk the way a cropped release is."""

import cv2
import numpy as np


def texture(height, width, seed=0):
    """Smooth random texture (height, width, 3) uint8 over the whole range."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))


def bump(image, pixels):
    """`image` with its middle moved to the right by `pixels`, its border still."""
    y, x = np.indices(image.shape[:2], dtype=np.float32)
    height, width = image.shape[:2]
    weight = np.exp(-((x - width / 2) ** 2 + (y - height / 2) ** 2) / (2 * (0.15 * width) ** 2))
    return cv2.remap(image, (x - pixels * weight).astype(np.float32), y, cv2.INTER_CUBIC)


def write_clip(folder, times=(0, 1, 3, 4, 2, 0), seed=0, shape=(70, 60)):
    """Frames 1..T whose middle has moved by `times` pixels."""
    folder.mkdir(parents=True)
    image = texture(*shape, seed)
    for number, pixels in enumerate(times, start=1):
        cv2.imwrite(str(folder / f"img{number}.png"), bump(image, pixels))


def row(dataset, number, **more):
    subject = f"{dataset}/s{number % 3}"
    annotated = dataset != "SMIC"
    return {
        "clip_id": f"{subject}/c{number:02d}",
        "dataset": dataset,
        "subject": subject,
        "clip": f"c{number:02d}",
        "emotion": "happiness",
        "label": "positive",
        "onset": 1,
        "apex": 3 if annotated else None,
        "offset": 6,
        "apex_source": "annotated" if annotated else None,
        "fps": 100,
        "cropped": True,
        "folder": f"{dataset}/c{number:02d}",
        "au_codes": "",
    } | more


def write_video(path, frames, fps=25.0):
    """A video file of `frames`, (H, W, 3) uint8 RGB each; H and W are even."""
    frames = iter(frames)
    first = next(frames)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, first.shape[1::-1])
    writer.write(first[..., ::-1])
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def moving_texture(times, shape=(72, 64), seed=0):
    """Frames of one texture whose middle has moved by `times` pixels."""
    image = texture(*shape, seed)
    return (bump(image, pixels) for pixels in times)
