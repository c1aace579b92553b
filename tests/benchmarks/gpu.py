"""What one GPU does with the paper's profile: `python -m tests.benchmarks.gpu`. For one H200; runs on any CUDA device.

Four tables: images per second of each backbone at 224, batch 32, against the textbook loop, and with `torch.compile`
(compilation timed apart); a whole run of the paper's profile (100 epochs of 936 images, evaluation each epoch), and
from it the full grid's time, extrapolated; where the time goes; and the distance to the roofline.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from melib.learning.fit import fit
from melib.learning.networks.build import build
from melib.study.tables import BACKBONES
from tests.benchmarks.training import BATCH, noise, ours, settings, textbook

SIZE, IMAGES = 224, 936
GRID = 5 * 2 * 5  # held-out datasets, inputs, lam: runs of each backbone in the paper's grid, one seed
H200 = dict(flops=989e12, bandwidth=4.8e12)  # dense bfloat16 and memory, as the maker states them


class Step:
    """One training step on a fixed batch, as `fit` takes it."""

    def __init__(self, backbone: str, device: str, compiled: bool = False, size: int = SIZE):
        model = build(backbone, [(3, size, size)], seed=0).to(device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=2e-4, fused=True)
        self.model = torch.compile(model) if compiled else model
        images = torch.rand(BATCH, 3, size, size, device=device)
        self.images = images.contiguous(memory_format=torch.channels_last)
        self.labels, self.device = torch.arange(BATCH, device=device) % 3, device

    def __call__(self) -> None:
        with torch.autocast(self.device, dtype=torch.bfloat16):
            logits, _ = self.model(self.images)
        loss = torch.nn.functional.cross_entropy(logits.float(), self.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


class Traffic(TorchDispatchMode):
    """Counts the bytes that operators read and write when none is fused with another; views move nothing."""

    bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if not function.is_view:
            found = torch.utils._pytree.tree_leaves((args, kwargs, out))
            self.bytes += sum(t.numel() * t.element_size() for t in found if isinstance(t, torch.Tensor))
        return out


def roofline(backbone: str, device: str, size: int = SIZE) -> tuple[float, float]:
    """FLOPs and bytes of one step; the bytes are those of the network as written, so fusing may do with less."""
    step = Step(backbone, device, size=size)
    step()
    with FlopCounterMode(display=False) as flops, Traffic() as traffic:
        step()
    return flops.get_total_flops(), traffic.bytes


def seconds_a_step(step: Step, steps: int = 50) -> float:
    for _ in range(10):
        step()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(steps):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / steps


def table(*columns: str) -> None:
    print("\n| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, batch {BATCH}, {SIZE} px, synthetic images")
    samples = noise(IMAGES, SIZE)

    table("backbone", "textbook fp32 images/s", "melib bf16 images/s", "compiled step images/s", "compilation s")
    for backbone in BACKBONES:
        run = settings(backbone, SIZE, precision="bf16", device="cuda", epochs=6)
        plain, fast = textbook(samples, run, "cuda"), ours(samples, run)
        step, started = Step(backbone, "cuda", compiled=True), time.perf_counter()
        step()
        torch.cuda.synchronize()
        compilation = time.perf_counter() - started
        print(f"| {backbone} | {plain:.0f} | {fast:.0f} | {BATCH / seconds_a_step(step):.0f} | {compilation:.0f} |")

    table("backbone", "a run of the paper's profile, s", f"{GRID} runs one after the other, h (extrapolated)")
    for backbone in BACKBONES:
        run = settings(backbone, SIZE, precision="bf16", device="cuda", epochs=100, brl_start=51)
        seconds = fit(samples, run).seconds
        print(f"| {backbone} | {seconds:.0f} | {GRID * seconds / 3600:.2f} |")

    table("backbone", "GFLOP a step", "GB a step", "least ms (H200)", "measured ms", "share of the roofline")
    for backbone in BACKBONES:
        flops, moved = roofline(backbone, "cuda")
        least = max(flops / H200["flops"], moved / H200["bandwidth"])
        took = seconds_a_step(Step(backbone, "cuda"))
        values = (f"{flops / 1e9:.0f}", f"{moved / 1e9:.1f}", f"{1e3 * least:.2f}", f"{1e3 * took:.2f}")
        print(f"| {backbone} | {' | '.join(values)} | {least / took:.0%} |")

    for backbone in BACKBONES:
        step = Step(backbone, "cuda")
        seconds_a_step(step)
        activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=activities) as profile:
            for _ in range(10):
                step()
            torch.cuda.synchronize()
        print(f"\n{backbone}, 10 steps:\n```")
        print(profile.key_averages().table(sort_by="self_device_time_total", row_limit=12))
        print("```")


if __name__ == "__main__":
    main()
