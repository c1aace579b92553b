"""STSTNet's folds one by one, and many at once as grouped convolutions: `python -m tests.benchmarks.side_by_side`.

Microseconds of one core a training image (28 px, a step of Adam), medians of alternated turns.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

from melib.learning.networks.build import build

BATCH = 256
SHAPE = (3, 28, 28)


class Grouped(nn.Module):
    """`count` STSTNets side by side: every layer of all of them at once, images (B, 3 count, 28, 28)."""

    def __init__(self, count: int):
        super().__init__()
        self.count = count
        self.body = nn.Sequential(
            nn.Conv2d(3 * count, 16 * count, 3, padding=2, groups=count), nn.ReLU(inplace=True),
            nn.BatchNorm2d(16 * count), nn.MaxPool2d(3, 3, 1), nn.Dropout(0.5), nn.AvgPool2d(2),
        )  # fmt: skip
        self.head = nn.Parameter(0.05 * torch.randn(count, 400, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.body(x).unflatten(1, (self.count, 16)).flatten(2).transpose(0, 1)
        return torch.bmm(features, self.head).flatten(0, 1)


class Single(nn.Module):
    """The workbook's own network."""

    def __init__(self):
        super().__init__()
        self.network = build("ststnet", [SHAPE], 0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x)[0]


def microseconds(count: int) -> float:
    """The time of a step a training image, of `count` networks at once (0: one by one)."""
    network = (Grouped(count) if count else Single()).to(memory_format=torch.channels_last)
    size = BATCH if not count else BATCH // 4
    x = torch.randn(size, 3 * max(count, 1), 28, 28).contiguous(memory_format=torch.channels_last)
    y = torch.randint(3, (size * max(count, 1),))
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-5, fused=True)
    times = []
    for _ in range(6):
        started = time.perf_counter()
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:]) / len(y) * 1e6


def main() -> None:
    torch.set_num_threads(1)
    turns = {count: [] for count in (0, 4, 16, 68)}
    for _ in range(3):
        for count, measured in turns.items():
            measured.append(microseconds(count))
    for count, measured in turns.items():
        name = f"{count} networks in one" if count else "one by one"
        print(f"{name}: {statistics.median(measured):.0f} us a training image")


if __name__ == "__main__":
    main()
