"""Train RAFT on micro-motion: `python -m tests.benchmarks.micromotion weights/raft_small.safetensors`.

Photographs, drawn faces and random textures move by known smooth fields, as faces do in a micro-expression: by a few
pixels at most, with noise and a change of brightness. torchvision's `raft_small` learns the field from scratch. Nothing
that `tests.benchmarks.accuracy` measures on is seen: neither its photograph nor the demo corpus' people.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from melib.corpus.demo import actors, write_demo
from melib.corpus.index import DATASETS
from melib.corpus.scan import read_index
from melib.figures.motion import BINS
from melib.home import resolve
from melib.prepare.faces import Face, crop
from tests.benchmarks.accuracy import MARGIN, disturb, flow_accuracy, move, smooth_field, variants

HELD_OUT = "astronaut.png"  # the photograph of the accuracy table
SCENE = 224  # side of a moved picture, px
ZOOM = 2  # crops are enlarged before RAFT sees them: it matches features 8 px apart, and the motion is below 1 px
CROP = 64  # side of a training crop before it is enlarged
SCENES = 96  # kept in memory; each step renews one
UPDATES = 4  # of RAFT's estimate in training; more are made in use


def pictures(rng: np.random.Generator) -> list[np.ndarray]:
    """What moves in training, (H, W, 3) uint8: scikit-image's photographs, drawn faces, smoothed noise."""
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    files = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg") and path.name != HELD_OUT)
    found = [cv2.imread(str(path))[..., ::-1] for path in files]
    for number, dataset in enumerate(DATASETS * 5):
        canvas, _ = actors.draw_canvas(1, dataset, f"extra{number}", "demo")  # seed 1: nobody of the demo corpus
        found.append(np.uint8(255 * canvas.clip(0, 1)))
    for width in np.geomspace(0.8, 6, 12):
        noise = cv2.GaussianBlur(rng.normal(size=(600, 600, 3)), (0, 0), width)
        found.append(np.uint8((128 + 60 * noise / noise.std()).clip(0, 255)))
    return found


def scene(photos: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A moved picture: onset, apex (SCENE, SCENE, 3) uint8 and the exact flow (2, SCENE, SCENE), a random part, turn
    and contrast of a random photograph, under a smooth field and a shift of the whole."""
    photo = photos[rng.integers(len(photos))]
    side = rng.uniform(0.5, 1) * min(photo.shape[:2])
    x, y = rng.uniform(0, np.array(photo.shape[1::-1]) - side)
    whole = SCENE + 2 * MARGIN
    canvas = crop(photo, Face(x, y, side, side, rng.uniform(-20, 20), "random"), 2 * whole)
    if rng.random() < 0.5:
        canvas = canvas[:, ::-1]
    canvas = np.uint8((canvas * rng.uniform(0.6, 1.1) + rng.uniform(-20, 20)).clip(0, 255))
    field = smooth_field(whole, np.exp(rng.uniform(np.log(0.3), np.log(5))), rng, int(rng.integers(2, 10)))
    field += np.float32(rng.normal(0, 0.5, (2, 1, 1)) * (rng.random() < 0.6))
    onset, apex, flow = move(np.ascontiguousarray(canvas), field, MARGIN)
    noise = rng.uniform(0, 3)
    return disturb(onset, noise, 1, rng), disturb(apex, noise, rng.uniform(0.93, 1.07), rng), flow


def batches(size: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless batches of `size` random crops of random scenes: onsets, apexes (N, CROP, CROP, 3) uint8 and flows
    (N, 2, CROP, CROP) float32."""
    photos, scenes = pictures(rng), []
    while True:
        fresh = scene(photos, rng)
        scenes = [*scenes[len(scenes) >= SCENES :], fresh]  # in place of the oldest
        parts = []
        for number in rng.integers(len(scenes), size=size):
            top, left = rng.integers(SCENE - CROP, size=2)
            rows, columns = slice(top, top + CROP), slice(left, left + CROP)
            onset, apex, flow = scenes[number]
            parts.append((onset[rows, columns], apex[rows, columns], flow[:, rows, columns]))
        yield tuple(map(np.stack, zip(*parts, strict=True)))


def train(steps: int, batch: int, lr: float, seed: int, device: str, progress: Callable[[int, float], None]):
    """RAFT-small after `steps` of AdamW under a one-cycle rate, its loss that of the paper: the error of every
    estimate, later ones weighing more. `progress(step, epe)` gives the last estimate's mean end-point error, px."""
    import torch
    from torch.nn.functional import interpolate
    from torchvision.models.optical_flow import raft_small

    torch.manual_seed(seed)
    model = raft_small(weights=None).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=0.1, anneal_strategy="linear")
    enlarge = partial(interpolate, scale_factor=ZOOM, mode="bilinear")
    for step, parts in zip(range(1, steps + 1), batches(batch, np.random.default_rng(seed)), strict=False):
        onset, apex, flow = (torch.from_numpy(part).to(device) for part in parts)
        pair = [enlarge(image.permute(0, 3, 1, 2) / 127.5 - 1) for image in (onset, apex)]
        true = ZOOM * enlarge(flow)
        found = model(*pair, num_flow_updates=UPDATES)
        loss = sum(0.8 ** (UPDATES - 1 - number) * (flow - true).abs().mean() for number, flow in enumerate(found))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        progress(step, (found[-1] - true).norm(dim=1).mean().item() / ZOOM)
    return model.eval()


def card(table: pd.DataFrame, how: str) -> str:
    """The weights' card: how they came to be and their end-point errors (px at 224) beside the classical methods'."""
    errors = table[table["motion"].isin(BINS)].pivot(index="method", columns=["source", "motion"], values="epe")
    ours = errors.index.str.startswith("RAFT")
    wins = int((errors[ours].iloc[0] < errors[~ours].min()).sum())
    return f"""# RAFT-small for micro-motion

torchvision's `raft_small`, trained from scratch by `python -m tests.benchmarks.micromotion` on generated motion: {how}.
float16; pictures are enlarged {ZOOM} times for it. Its licence is the workbook's.

Better than every classical method in {wins} of {errors.shape[1]} kinds of motion. End-point error in px (the demo
corpus is synthetic):

```
{errors.round(3).to_string()}
```
"""


def main(argv: list[str] | None = None) -> None:
    import torch
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.micromotion", description=__doc__)
    parser.add_argument("weights", type=Path, help="the .safetensors file to write; its card is written beside it")
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tqdm(total=args.steps, desc="steps") as bar:

        def show(step: int, epe: float) -> None:
            bar.update()
            bar.set_postfix(px=f"{epe:.3f}", refresh=False)

        model = train(args.steps, args.batch, args.lr, args.seed, device, show)
    args.weights.parent.mkdir(parents=True, exist_ok=True)
    state = {name: value.half().contiguous().cpu() for name, value in model.state_dict().items()}
    save_file(state, args.weights, {"zoom": str(ZOOM)})
    root = write_demo(resolve("data/demo"))
    how = f"{args.steps} steps of {args.batch} crops of {CROP} px, rate {args.lr:g}, seed {args.seed}, on {device}"
    text = card(flow_accuracy(root, read_index(root), variants(args.weights)), how)
    args.weights.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
