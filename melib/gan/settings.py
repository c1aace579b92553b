"""GAN settings: exactly the parameters of `03_gan_augmentation`, checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from melib.home import resolve
from melib.settings import Settings, SettingsError, check_dataset, setting

PROFILES = {
    "tiny": dict(image_size=32, side=64, width=4, steps=3, batch_size=4, preset="moves"),
    "demo": dict(image_size=64, side=64, width=16, steps=200, batch_size=8, preset="moves"),
    "paper": dict(image_size=224, side=128, width=64, steps=10_000, batch_size=25, preset="paper"),
}
STEPS = 64  # a side divides by this: the critic halves it six times


@dataclass(frozen=True)
class Preset:
    """How a generator is trained: the `norm` of its network (see `Generator`), the losses' weights and their use.

    `moves` is the workbook's own way for faces that hardly change. The condition is the change of the AUs (apex minus
    onset) instead of their level; the colour head moves pixels instead of painting them, beginning with the flow that
    is least wrong for the AUs of the training clips; the critic sees the change of the image; the true apex is known.
    """

    adversarial: float = 1
    aus: float = 160
    cycle: float = 10
    attention: float = 0.1
    variation: float = 1e-5  # of the attention map: L1, summed over a map
    penalty: float = 10
    squared: bool = False  # total variation as ULME-GAN has it: squared, averaged, twice
    apart: bool = False  # the gradient penalty takes an optimiser step of its own
    norm: str = "plain"
    critic_steps: int = 5
    lr: float = 1e-4
    moves: bool = False
    truth: float = 0  # L1 to the true apex, with `moves`


PRESETS = {
    "ulme-gan": Preset(attention=0, variation=0, squared=True),
    "ganimation": Preset(norm="affine", apart=True),
    "paper": Preset(),  # the four losses that the paper lists: ULME-GAN's with the attention loss on
    "moves": Preset(adversarial=0.01, aus=0.1, cycle=1, attention=0.1, norm="none", critic_steps=1, lr=2e-4, moves=True,
                    truth=10),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class GanSettings(Settings):
    """One generator of one fold: the fields are the parameters of `03_gan_augmentation`. See `Settings`."""

    corpus: str = setting("demo", role="place")  # "demo", "tiny", a data root
    profile: str = setting("demo", part="fold", choices=PROFILES)
    held_out: str = setting(part="fold")
    datasets: tuple[str, ...] = setting((), part="fold")  # that take part; (): all that can be read
    sources: tuple[str, ...] = setting((), part="fold")  # (): all other datasets of the corpus
    flow_method: str = setting(
        "lk", part="preparation", choices=("lk", "farneback", "dis", "tvl1", "raft_small", "raft_large")
    )
    apex_rule: str = setting("motion", part="preparation", choices=("motion", "midpoint", "dcrois"))
    image_size: int = setting(part="preparation", bounds=(16, 1024))  # of the crops, and of what is generated
    au_folder: str = setting("")  # "": openface in the data root; "codes": as the coders noted them
    preset: str = setting(choices=PRESETS)
    side: int = setting(bounds=(64, 1024))  # of what the networks see
    width: int = setting(bounds=(1, 1024))  # channels of their first layers
    steps: int = setting(bounds=(1, 10**7))  # of the generator; the rate falls to 0 over the last third
    batch_size: int = setting(bounds=(1, 10_000))
    k: int = setting(3, bounds=(1, 100))  # clusters a class
    variation: float = setting(0.2, bounds=(0, 1))  # of the AUs about the centroid from sample to sample, relative
    magnify: float = setting(1.0, bounds=(0, 10))  # of the centroids
    target: int = setting(0, part="fold", bounds=(0, 10**6))  # samples per dataset; 0: as many as the largest has
    seed: int = setting(0)
    precision: str = setting("fp32", choices=("fp32", "bf16"))
    threads: int = setting(1, bounds=(1, 1024))
    device: str = setting("auto", role="bookkeeping")  # auto, cpu, cuda, cuda:1
    out: str = setting("generated", role="place")
    figures: str = setting("", role="place")  # folder that figures and their tables are written to; "" writes none
    start: str = setting("", role="file")  # a generator.safetensors to go on from; "" draws a new one
    # as in a run
    face_detector: str = setting("yunet", part="preparation", choices=("yunet", "haar"))
    boxes: str = setting("", role="file", part="preparation")
    flow_weights: str = setting("", role="file", part="preparation")
    remove_head_motion: bool = setting(False, part="preparation")

    PROFILES: ClassVar = PROFILES

    def check(self) -> None:
        super().check()
        check_dataset("held_out", self.held_out)
        if self.side % STEPS:
            low = self.side // STEPS * STEPS
            raise SettingsError(f"side = {self.side} does not divide by {STEPS}; take {low} or {low + STEPS}.")

    def folder_name(self, fingerprint: str) -> str:
        """The generated folder's name: held-out, what differs, seed, hash."""
        rest = self.changed(("profile", "held_out", "seed", "au_folder"))
        return "__".join((self.held_out, "-".join([self.profile, *rest]), f"s{self.seed}", self.digest(fingerprint)))

    def figure_name(self, name: str) -> str:
        """The file name of a figure: with the preset, where it is not the profile's."""
        return name if self.preset == self.PROFILES[self.profile]["preset"] else f"{name}_{self.preset}"

    def folder(self, fingerprint: str) -> Path:
        """The generated folder under `out`."""
        return resolve(self.out) / self.folder_name(fingerprint)


def needed_by(run: Settings) -> GanSettings | None:
    """The settings of the generated folder that a run needs (`augment`), None where it needs none."""
    if run.augment in ("none", "oversample"):
        return None
    shared = GanSettings.having(part=("fold", "preparation"))
    given = {name: getattr(run, name) for name in ("corpus", *shared)}
    return GanSettings.from_parameters({**given, "out": run.generated})
