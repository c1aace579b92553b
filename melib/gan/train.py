"""Adversarial training of the generator on the frames and AU vectors of one fold's training datasets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from melib.aus.table import AUS, AUError
from melib.checkpoint import Checkpoint
from melib.compute import computed_in, deterministic, generator, pick_device, report_precision
from melib.errors import InputError
from melib.gan.networks import Critic, Generator, compose, draw_weights, resize
from melib.gan.settings import PRESETS, GanSettings
from melib.home import resolve
from melib.prepare.samples import Samples
from melib.progress import Meter

NOISE = 0.1  # uniform, added to target AUs; half of the frames are mirrored: the 17 AUs have no sides, so they stay
GRIDS = 10  # of samples, over a training


class GanError(InputError):
    """A training or a generation that cannot go on."""


@dataclass(frozen=True)
class Frames:
    """What a generator learns from: `images` (2N, S, S, 3) uint8, onsets and then apexes, and their `aus` (2N, 17).

    `flow` (N, 2, S, S) leads from each onset to its apex, in pixels, x first.
    """

    images: np.ndarray
    aus: np.ndarray
    flow: np.ndarray


@dataclass(frozen=True)
class Trained:
    """`history` has a row per step of the generator; `grids` holds, by step, what `watch` looked like (M, S, S, 3)."""

    generator: Generator
    critic: Critic
    history: pd.DataFrame
    grids: dict[int, np.ndarray]
    seconds: float


def training_frames(samples: Samples, onset: pd.DataFrame, apex: pd.DataFrame, sources: list[str]) -> Frames:
    """The frames of the clips of `sources` that have AU vectors (by clip_id) at onset and apex.

    Raises AUError where a dataset has none.
    """
    index = samples.index
    rows = (
        with_aus(index, onset, apex, sources)
        & index["dataset"].isin(sources).to_numpy()
        & index["label"].notna().to_numpy()
    )
    clips = index["clip_id"][rows]
    images = np.concatenate([samples.arrays[name][rows] for name in ("onset", "apex")])
    aus = np.concatenate([table.loc[clips].to_numpy(np.float32) for table in (onset, apex)])
    return Frames(images, aus, samples.arrays["flow"][rows].astype(np.float32))


def with_aus(index: pd.DataFrame, onset: pd.DataFrame, apex: pd.DataFrame, sources: list[str]) -> np.ndarray:
    """Whether each clip of `index` has AU vectors at onset and apex. Raises AUError where none of a source has."""
    known = index["clip_id"].isin(onset.index).to_numpy() & index["clip_id"].isin(apex.index).to_numpy()
    for name in sources:
        if not known[index["dataset"] == name].any():
            raise AUError(f"No clip of {name} has AUs at onset and apex: read some, or leave it out of `sources`.")
    return known


def train(
    frames: Frames,
    settings: GanSettings,
    watch: tuple[np.ndarray, np.ndarray] | None = None,
    work: Path | None = None,
    progress: Callable[[int, int, dict], None] | None = None,
) -> Trained:
    """Train generator and critic (WGAN-GP, Gulrajani et al. 2017; the losses of GANimation and ULME-GAN).

    Args:
        watch: faces (M, S, S, 3) uint8 and conditions (M, 17), drawn ten times on the way.
        work: folder for a checkpoint, from which an interrupted training goes on to the same bits.
        progress: called after each step with (step, steps, the step's row of the history).

    Raises GanError for weights of another shape, and where a loss or a weight is no number: the last good checkpoint
    stays.
    """
    device = pick_device(settings.device)
    with deterministic(settings.threads):
        return _Training(frames, settings, device).run(watch, work, progress or (lambda *_: None))


class _Training:
    def __init__(self, frames: Frames, settings: GanSettings, device: torch.device):
        self.settings = settings
        self.preset = PRESETS[settings.preset]
        self.device = device
        self.images = resize(_as_input(frames.images), settings.side).to(device)
        self.aus = torch.from_numpy(frames.aus).to(device)
        self.draw = generator(settings.seed, "gan batches")
        self.generator, self.critic = new_networks(settings, frames)
        for network in (self.generator, self.critic):
            network.to(device, memory_format=torch.channels_last)
        self.adam_g, self.adam_c = (
            torch.optim.Adam(network.parameters(), self.preset.lr, betas=(0.5, 0.999), fused=True)
            for network in (self.generator, self.critic)
        )
        report_precision(settings.precision, device)
        self.precision = computed_in(settings.precision, device)
        self.amp = torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    def run(self, watch, work, progress) -> Trained:
        steps = self.settings.steps
        parts = {name: getattr(self, name) for name in ("generator", "critic", "adam_g", "adam_c")}
        learned_from = hashlib.blake2b(self.aus.cpu().numpy().tobytes(), digest_size=8).hexdigest()
        key = f"{learned_from} {torch.__version__} {self.device.type} {self.precision}"
        checkpoint = Checkpoint(work / "training" / "0.pt" if work else None, key, parts, {"draw": self.draw})
        meter = Meter(work, steps)
        try:
            records = checkpoint.load() or {"history": [], "grids": []}
        except (RuntimeError, ValueError, KeyError) as error:
            raise GanError(f"{work} holds a checkpoint of other networks: {str(error)[:200]} Remove it.") from error
        for step in range(len(records["history"]) + 1, steps + 1):
            row = self._step(min(1.0, 3 * (1 - (step - 1) / steps)))
            bad = [name for name, value in row.items() if not np.isfinite(value)]
            weights = [*self.generator.parameters(), *self.critic.parameters()]
            if bad or not torch.stack([weight.isfinite().all() for weight in weights]).all():
                advice = "Use precision fp32." if self.precision != "fp32" else "Change seed or batch_size."
                kept = f" {checkpoint.path} holds the last good state." if work and checkpoint.path.is_file() else ""
                what = ", ".join(bad or ["a weight"])
                raise GanError(f"In step {step} of {steps} {what} is no number.{kept} {advice}")
            records["history"].append({"step": step, **row})
            if watch is not None and (step % max(1, steps // GRIDS) == 0 or step == steps):
                drawn = generate(self.generator, *watch, self.settings)
                records["grids"].append((step, torch.from_numpy(drawn)))
            checkpoint.keep(records)
            meter.update(step)
            progress(step, steps, records["history"][-1])
        history = pd.DataFrame(records["history"])
        grids = {step: grid.numpy() for step, grid in records["grids"]}
        return Trained(self.generator.eval(), self.critic.eval(), history, grids, checkpoint.seconds)

    def _step(self, rate: float) -> dict[str, float]:
        """`critic_steps` of the critic, one of the generator; the losses of the last."""
        for adam in (self.adam_g, self.adam_c):
            adam.param_groups[0]["lr"] = self.preset.lr * rate
        for left in reversed(range(self.preset.critic_steps)):
            image, aus, asked, truth = self._batch()
            with self.amp:
                changed, logits = self._draw(image, asked)
            row = self._critic_step(image, aus, changed.detach(), asked, truth)
            if left:
                continue
            return row | self._generator_step(image, aus, asked, truth, changed, logits)

    def _batch(self):
        """Images, their AUs, what is asked for, and the true answer; changes of AUs with `moves`, else levels."""
        count = self.settings.batch_size
        half = len(self.images) // 2
        rows = torch.randint(len(self.images), (count,), generator=self.draw)
        others = torch.randint(len(self.images), (count,), generator=self.draw)
        noise = NOISE * (2 * torch.rand(count, len(AUS), generator=self.draw) - 1)
        flipped = (torch.rand(count, generator=self.draw) < 0.5)[:, None, None, None].to(self.device)
        partners = (rows + half) % len(self.images)
        image, truth = (torch.where(flipped, x.flip(-1), x) for x in (self.images[rows], self.images[partners]))
        if self.preset.moves:
            return image, torch.zeros_like(self.aus[rows]), self.aus[partners] - self.aus[rows], truth
        return image, self.aus[rows] / 5, self.aus[others] / 5 + noise.to(self.device), truth

    def _draw(self, image: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
        colour, logits = self.generator(image.contiguous(memory_format=torch.channels_last), asked)
        return compose(image, colour, logits)[0], logits

    def _critic_step(self, image, aus_now, changed, asked, truth) -> dict[str, float]:
        preset = self.preset
        real, aus = (truth, asked) if preset.moves else (image, aus_now)
        with self.amp:
            score, read = self.critic(real, image)
            fooled, _ = self.critic(changed, image)
        gap = (fooled - score).float().mean()
        error = nn.functional.mse_loss(read.float(), aus)
        loss = preset.adversarial * gap + preset.aus * error
        if preset.apart:
            self._descend(self.adam_c, loss)
            loss = 0
        share = torch.rand(len(image), 1, 1, 1, generator=self.draw).to(self.device)
        penalty = gradient_penalty(self.critic, real, changed.float(), image, share)
        self._descend(self.adam_c, loss + preset.adversarial * preset.penalty * penalty)
        return {"critic": -gap.item(), "penalty": penalty.item(), "aus_real": error.item()}

    def _generator_step(self, image, aus_now, asked, truth, changed, logits) -> dict[str, float]:
        preset = self.preset
        with self.amp:
            score, read = self.critic(changed, image)
            back, logits_back = self._draw(changed, -asked if preset.moves else aus_now)
        parts = {
            "adversarial": -score.float().mean(),
            "aus": nn.functional.mse_loss(read.float(), asked),
            "cycle": (back - image).abs().mean(),
            "attention": sum(torch.sigmoid(x.float()).mean() for x in (logits, logits_back)),
            "variation": sum(total_variation(torch.sigmoid(x.float()), preset.squared) for x in (logits, logits_back)),
            "truth": (changed - truth).abs().mean(),
        }
        loss = sum(getattr(preset, name) * value for name, value in parts.items() if getattr(preset, name))
        self._descend(self.adam_g, loss)
        return {"loss": loss.item(), "kept": torch.sigmoid(logits).mean().item()} | {
            name: value.item() for name, value in parts.items()
        }

    @staticmethod
    def _descend(adam: torch.optim.Adam, loss: Tensor) -> None:
        adam.zero_grad()
        loss.backward()
        adam.step()


def new_networks(settings: GanSettings, frames: Frames) -> tuple[Generator, Critic]:
    """Generator and critic as first drawn, the generator from `settings.start` where that names a file."""
    preset = PRESETS[settings.preset]
    nets = new_generator(settings), new_critic(settings)
    for network, name in zip(nets, ("generator", "critic"), strict=True):
        draw_weights(network, generator(settings.seed, name))
    if preset.moves:
        half = len(frames.aus) // 2
        fields = au_fields(frames.aus[half:] - frames.aus[:half], frames.flow) / frames.flow.shape[-1]
        nets[0].fields.copy_(-resize(torch.from_numpy(fields), settings.side))  # seen here was there: against the flow
    if settings.start:
        load_weights(nets[0], settings.start)
    return nets


def new_generator(settings: GanSettings) -> Generator:
    """The generator of these settings, its weights not yet as they should be."""
    preset = PRESETS[settings.preset]
    return Generator(settings.width, preset.norm, settings.side if preset.moves else None)


def new_critic(settings: GanSettings) -> Critic:
    """The critic of these settings, its weights not yet as they should be."""
    return Critic(settings.side, settings.width, PRESETS[settings.preset].moves)


def au_fields(changes: np.ndarray, flow: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """The flow (17, 2, S, S) of one unit of each AU: ridge regression of `flow` (N, 2, S, S) on `changes` (N, 17).

    Faces have two like sides and AUs none, so every clip counts mirrored as well.
    """
    gram = changes.T @ changes + ridge * np.eye(changes.shape[1])
    fields = np.linalg.solve(gram, changes.T @ flow.reshape(len(flow), -1)).reshape(-1, *flow.shape[1:])
    mirrored = fields[..., ::-1] * np.array([-1, 1])[:, None, None]
    return ((fields + mirrored) / 2).astype(np.float32)


def load_weights(network: nn.Module, path: str | Path) -> nn.Module:
    """Weights of a .safetensors into `network`. GanError where they are not there or of another shape."""
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(resolve(path)))
    except (OSError, RuntimeError) as error:
        raise GanError(f"{path} does not fit this network (width, side, preset): {str(error)[:200]}") from error
    return network


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, source: Tensor, share: Tensor) -> Tensor:
    """Mean of (|gradient of the realness| - 1)^2 at share * real + (1 - share) * fake, share (B, 1, 1, 1)."""
    x = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(x, source)[0].flatten(1).mean(1).sum(), x, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def total_variation(attention: Tensor, squared: bool) -> Tensor:
    """Differences of neighbours in `attention` (B, 1, S, S): L1, summed; or squared, averaged, twice (ULME-GAN)."""
    steps = attention.diff(dim=2), attention.diff(dim=3)
    if squared:
        return 2 * sum((step**2).mean() for step in steps)
    return sum(step.abs().sum() for step in steps)


def generate(network: Generator, faces: np.ndarray, aus: np.ndarray, settings: GanSettings) -> np.ndarray:
    """Faces (N, S, S, 3) uint8 with the AUs (N, 17) put on, at their own size; see `heads` for what `aus` means."""
    return np.concatenate([made for made, _, _ in heads(network, faces, aus, settings)])


def heads(network: Generator, faces: np.ndarray, aus: np.ndarray, settings: GanSettings, batch: int = 32):
    """Yield result, colour (B, S, S, 3) uint8 and attention (B, S, S), by batches, of faces (N, S, S, 3) uint8.

    `aus` (N, 17) are intensities, 0-5, or with the preset "moves" their changes.
    """
    device = next(network.parameters()).device
    scale = 1 if PRESETS[settings.preset].moves else 5
    for start in range(0, len(faces), batch):
        image = _as_input(faces[start : start + batch]).to(device)
        asked = torch.tensor(aus[start : start + batch], dtype=torch.float32, device=device) / scale
        with torch.inference_mode(), deterministic(settings.threads):
            made, colour, attention = compose(image, *network(resize(image, settings.side), asked))
            yield _as_bytes(made), _as_bytes(colour), attention[:, 0].cpu().numpy()


def _as_input(images: np.ndarray) -> Tensor:
    """(N, S, S, 3) uint8 to (N, 3, S, S) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 127.5 - 1


def _as_bytes(images: Tensor) -> np.ndarray:
    return ((images + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
