"""Run settings: exactly the parameters of `04_training_brl`, checked before anything starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from melib.corpus.index import DATASETS
from melib.home import resolve
from melib.settings import Settings, SettingsError

PROFILES = {
    "tiny": dict(image_size=32, epochs=4, brl_start=3, batch_size=16, val_share=0.2),
    "demo": dict(image_size=64, epochs=40, brl_start=21, batch_size=32, val_share=0.2),
    "paper": dict(image_size=224, epochs=100, brl_start=51, batch_size=32, val_share=0.0),
}
CHOICES = {
    "profile": tuple(PROFILES),
    "held_out": DATASETS,
    "backbone": ("cnn", "resnet18", "poolformer_s12", "linear", "mlp"),
    "flow_method": ("lk", "farneback", "dis", "tvl1", "raft_small", "raft_large"),
    "flow_encoding": ("uvs", "minmax", "wheel"),
    "apex_rule": ("auto", "motion", "midpoint", "dcrois"),
    "augment": ("none", "oversample", "even", "balance", "shuffled"),
    "precision": ("fp32", "bf16"),
    "penalty": ("brl", "none", "feature_means"),
    "groups": ("dataset", "placebo"),
    "attention_weights": ("learned", "frozen", "reversed"),
    "spread": ("range", "variance"),
    "weighting": ("none", "logit", "loss"),
    "sampling": ("shuffled", "balanced"),
}
RANGES = {  # lowest and highest allowed value
    "lam": (0, 1), "epochs": (1, 100_000), "brl_start": (1, 100_000), "lr": (0, 10), "weight_decay": (0, 10),
    "batch_size": (1, 100_000), "image_size": (8, 4096), "val_share": (0, 0.9), "threads": (1, 1024),
    "target": (0, 10**6),
}  # fmt: skip
DEFAULTS = dict(
    corpus="demo", profile="demo", sources=(), backbone="cnn", inputs="flow", flow_method="lk",
    flow_encoding="uvs", apex_rule="auto", lam=0.5, lr=2e-4, weight_decay=5e-4, flip=False, seed=0,
    precision="fp32", threads=1, device="auto", out="runs",
)  # fmt: skip


@dataclass(frozen=True)
class RunSettings(Settings):
    """One training of one setting: the fields are the parameters of `04_training_brl`. See `Settings`."""

    corpus: str  # "demo", "tiny", a data root, or a folder of samples
    profile: str
    held_out: str
    sources: tuple[str, ...]  # () stands for all other datasets of the corpus
    backbone: str
    inputs: str  # apex, flow, flow_image, or the name of a feature array
    flow_method: str
    flow_encoding: str
    apex_rule: str
    lam: float
    epochs: int
    brl_start: int  # the first epoch with BRL, counted from 1
    lr: float
    weight_decay: float
    batch_size: int
    flip: bool
    image_size: int  # of crops made from a data root; a folder of samples keeps its own
    val_share: float
    seed: int
    precision: str
    threads: int
    device: str  # auto, cpu, cuda, cuda:1
    out: str
    penalty: str = "brl"  # what lam weighs: BRL, nothing (scaled cross-entropy alone), or feature-mean matching
    groups: str = "dataset"  # what BRL compares: datasets, or placebo groups of the same sizes, drawn at random
    attention_weights: str = "learned"  # BRL's W and b: learned, frozen or gradient-reversed
    spread: str = "range"  # of the groups' mean attention: range or variance
    scale_ce: bool = True  # cross-entropy times 1 - lam, as the paper writes it
    weighting: str = "none"  # where the attention acts: nowhere, on the logits (SCN), or on each sample's loss
    sampling: str = "shuffled"  # batches: all sources shuffled together, or the same number of clips from each
    boxes: str = ""  # CSV of face boxes; "" where faces are detected, as with the next: no YuNet but Haar's cascades
    yunet_model: str = ""
    flow_weights: str = ""  # file of RAFT's weights; "": torchvision's own
    remove_head_motion: bool = False
    diagnose: bool = False  # keep what BRL does to attention, gradients and features, each epoch
    augment: str = "none"  # what tops up the sources: oversample, even, balance or shuffled (`prepare.topup`)
    target: int = 0  # clips that each source is topped up to, no fewer than any dataset has; 0: as the largest has
    generated: str = "generated"  # where generated folders lie, or one of them

    PROFILES: ClassVar = PROFILES
    DEFAULTS: ClassVar = DEFAULTS
    CHOICES: ClassVar = CHOICES
    RANGES: ClassVar = RANGES

    def check(self) -> None:
        super().check()
        if self.brl_start > self.epochs:
            raise SettingsError(
                f"brl_start = {self.brl_start} lies after the last epoch ({self.epochs}): BRL would never start and no "
                "epoch could be selected. Lower brl_start or raise epochs."
            )
        if self.target and self.augment == "none":
            raise SettingsError(f"target = {self.target} tops nothing up with augment = 'none'; leave it out.")

    def differing(self) -> str:
        """Profile, lam and whatever else differs from the profile's defaults: "demo-lam0.5-epochs30"."""
        rest = self.changed(("profile", "held_out", "backbone", "inputs", "lam", "seed"))
        return "-".join([self.profile, f"lam{self.lam:g}", *rest])

    @property
    def title(self) -> str:
        """The run in words: held-out, backbone, inputs, what differs, seed."""
        return "__".join((self.held_out, self.backbone, self.inputs, self.differing(), f"s{self.seed}"))

    def run_name(self, fingerprint: str) -> str:
        """The run's folder name: its title and a hash."""
        return f"{self.title}__{self.digest(fingerprint)}"

    def folder(self, fingerprint: str) -> Path:
        """The run's folder under `out`."""
        return resolve(self.out) / self.run_name(fingerprint)


FIELDS = RunSettings.names()
