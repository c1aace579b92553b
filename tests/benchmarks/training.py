"""Training speed against the textbook loop, in images per second: `python -m tests.benchmarks.training`.

The textbook loop is what one writes first: float32 tensors in the usual memory order, a `DataLoader` with two workers
over in-memory arrays, normalised sample by sample. Both train the same network on the same images; they alternate, and
medians count. Each epoch is timed but the first of a turn, so that neither starting workers nor warming up is counted.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from melib.compute import computed_in, pick_device
from melib.corpus.index import CLASSES
from melib.learning.fit import fit
from melib.learning.networks.build import build
from melib.learning.networks.convolution import Conv2d
from melib.learning.settings import RunSettings
from melib.prepare.samples import Samples
from melib.study.tables import BACKBONES

BATCH = 32
COLUMNS = ["backbone", "size", "textbook images/s", "melib images/s", "ratio"]


def noise(images: int, size: int) -> Samples:
    """Training images of two datasets, and three of a third one to hold out."""
    rng = np.random.default_rng(0)
    datasets = np.array(["SMIC", "CASME"] * images)[:images].tolist() + ["SAMM"] * 3
    rows = [(f"{d}/{i}", d, f"{d}/s{i % 9}", CLASSES[i // 2 % 3]) for i, d in enumerate(datasets)]
    index = pd.DataFrame(rows, columns=["clip_id", "dataset", "subject", "label"])
    return Samples(index, {"flow_image": rng.integers(0, 256, (len(index), size, size, 3), dtype=np.uint8)})


def settings(backbone: str, size: int, **changes) -> RunSettings:
    base = dict(profile="paper", held_out="SAMM", inputs="flow_image", lam=0.5, image_size=size, batch_size=BATCH)
    return RunSettings.from_parameters(base | {"network": backbone, "epochs": 3, "brl_start": 2} | changes)


def ours(samples: Samples, run: RunSettings) -> float:
    """Images per second of `fit`, its evaluation of the held-out clips included."""
    moments = []
    fit(samples, run, lambda *_: moments.append(time.perf_counter()))
    images = int((samples.index["dataset"] != run.held_out).sum())
    return images / float(np.median(np.diff(moments)))


class Textbook(Dataset):
    def __init__(self, samples: Samples):
        chosen = (samples.index["dataset"] != "SAMM").to_numpy()
        self.images = samples.arrays["flow_image"][chosen]
        self.labels = samples.index["label"][chosen].map(CLASSES.index).to_numpy()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(self.images[i]).permute(2, 0, 1).float() / 127.5 - 1, int(self.labels[i])


def textbook(samples: Samples, run: RunSettings, device: str) -> float:
    """Images per second of the textbook loop."""
    data, size = Textbook(samples), samples.arrays["flow_image"].shape[1]
    model = build(run.network, [(3, size, size)], seed=0).to(device)
    for layer in model.modules():
        if isinstance(layer, Conv2d):
            layer.__class__ = torch.nn.Conv2d
    optimizer = torch.optim.Adam(model.parameters(), lr=run.lr, weight_decay=run.weight_decay)
    loader = DataLoader(data, BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    moments = []
    for _ in range(run.epochs):
        model.train()
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(images.to(device))[0], labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss.item()
        moments.append(time.perf_counter())
    return len(data) / float(np.median(np.diff(moments)))


def compare(backbone: str, size: int, images: int, repeats: int, **changes) -> dict:
    """One row of the table: medians over `repeats` alternated turns."""
    samples, run = noise(images, size), settings(backbone, size, **changes)
    torch.set_num_threads(run.threads)
    device = "cuda" if run.device == "auto" and torch.cuda.is_available() else "cpu"
    turns = [(textbook(samples, run, device), ours(samples, run)) for _ in range(repeats)]
    plain, fast = np.median(turns, axis=0)
    return dict(zip(COLUMNS, (backbone, size, round(plain, 1), round(fast, 1), round(fast / plain, 2)), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbones", nargs="*", default=BACKBONES)
    parser.add_argument("--sizes", nargs="*", type=int, default=[64, 112, 224])
    parser.add_argument("--images", type=int, default=128, help="per epoch (default: 128)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", default="bf16")
    args = parser.parse_args()
    precision = computed_in(args.precision, pick_device("auto"))
    print(f"torch {torch.__version__}, {args.threads} threads, melib at {precision}")
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS))
    for backbone in args.backbones:
        for size in args.sizes:
            row = compare(backbone, size, args.images, args.repeats, threads=args.threads, precision=args.precision)
            print("| " + " | ".join(map(str, row.values())) + " |", flush=True)


if __name__ == "__main__":
    main()
