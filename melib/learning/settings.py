"""Run settings: exactly the parameters of `04_training_brl`, checked before anything starts."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from melib.corpus.index import DATASETS
from melib.home import resolve

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
}  # fmt: skip
# Where the data lie, where results go and on what they are made does not name a run.
NOT_IN_HASH = ("corpus", "device", "out")
# Files name a run by their content. Fields younger than the first runs enter the hash only where they differ from their
# default, so that those runs keep their names.
FILES = ("boxes", "yunet_model", "flow_weights")


class SettingsError(ValueError):
    """A setting that does not exist or cannot have that value."""


@dataclass(frozen=True)
class RunSettings:
    """One training of one setting: the fields are the parameters of `04_training_brl`.

    Build it with `from_parameters`, which fills in the profile's values, converts text and names what is wrong.
    Fields with a default here are switches: at rest they are no part of a run's name, so that a new one renames no run.
    """

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

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, object]) -> RunSettings:
        """Settings from loosely typed parameters: names checked, text converted, None meaning the default.

        Raises SettingsError for an unknown name or value, naming the nearest right one.
        """
        check_names(parameters)
        given = {name: value for name, value in parameters.items() if value is not None}
        profile = _one_of("profile", str(given.get("profile", DEFAULTS["profile"])), CHOICES["profile"])
        if "held_out" not in given:
            raise SettingsError(f"held_out is missing; give one of {list(DATASETS)}.")
        types = typing.get_type_hints(cls)
        values = {**DEFAULTS, **PROFILES[profile], **given}
        settings = cls(**{name: _convert(name, value, types[name]) for name, value in values.items()})
        settings._check()
        return settings

    @classmethod
    def from_notebook(cls, variables: Mapping[str, object]) -> RunSettings:
        """Settings from a notebook's variables, called right after its parameter cell; see `check_notebook`."""
        check_notebook(variables)
        return cls.from_parameters({name: variables[name] for name in FIELDS if name in variables})

    def _check(self) -> None:
        for name, allowed in CHOICES.items():
            _one_of(name, getattr(self, name), allowed)
        for source in self.sources:
            _one_of("sources", source, DATASETS)
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} = {value} is out of range; expected {low} to {high}.")
        if self.held_out in self.sources:
            raise SettingsError(f"{self.held_out} is held out and cannot be a source too; take it out of `sources`.")
        if self.brl_start > self.epochs:
            raise SettingsError(
                f"brl_start = {self.brl_start} lies after the last epoch ({self.epochs}): BRL would never start and no "
                "epoch could be selected. Lower brl_start or raise epochs."
            )

    def differing(self) -> str:
        """Profile, lam and whatever else differs from the profile's defaults: "demo-lam0.5-epochs30"."""
        default = {**DEFAULTS, **PROFILES[self.profile]}
        skip = {*NOT_IN_HASH, "profile", "held_out", "backbone", "inputs", "lam", "seed"}
        parts = [self.profile, f"lam{self.lam:g}"]
        for name in FIELDS:
            value = getattr(self, name)
            if name not in skip and value != default[name]:
                text = Path(value).stem if name in FILES else "+".join(value) if isinstance(value, tuple) else value
                parts.append(f"{name.replace('_', '')}{text}")
        return "-".join(parts)

    def digest(self, fingerprint: str) -> str:
        """The eight characters that name a run of these settings on the data of that fingerprint.

        Raises SettingsError where a file that the settings name is not there.
        """
        content = {name: value for name, value in asdict(self).items() if name not in NOT_IN_HASH}
        content = {name: value for name, value in content.items() if SWITCHES.get(name, ...) != value}
        content |= {name: _file_hash(name, content[name]) for name in FILES if name in content}
        text = json.dumps({**content, "data": fingerprint}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def run_name(self, fingerprint: str) -> str:
        """The run's folder name: held-out, backbone, inputs, what differs, seed, hash."""
        parts = (self.held_out, self.backbone, self.inputs, self.differing(), f"s{self.seed}", self.digest(fingerprint))
        return "__".join(parts)

    def folder(self, fingerprint: str) -> Path:
        """The run's folder under `out`."""
        return resolve(self.out) / self.run_name(fingerprint)


FIELDS = tuple(field.name for field in fields(RunSettings))
SWITCHES = {field.name: field.default for field in fields(RunSettings) if field.default is not MISSING}
DEFAULTS = SWITCHES | dict(
    corpus="demo", profile="demo", sources=(), backbone="cnn", inputs="flow", flow_method="lk",
    flow_encoding="uvs", apex_rule="auto",
    lam=0.5, lr=2e-4, weight_decay=5e-4, flip=False, seed=0,
    precision="fp32", threads=1, device="auto", out="runs",
)  # fmt: skip


def check_names(names: Iterable[str], known: Iterable[str] = FIELDS) -> None:
    """Raise SettingsError for the first of `names` that is not known, with the nearest right one."""
    for name in names:
        if name not in known:
            raise SettingsError(f"Unknown parameter {name!r}.{_nearest(name, known)} Known are: {', '.join(known)}.")


def check_notebook(variables: Mapping[str, object], known: Iterable[str] = FIELDS) -> None:
    """Raise SettingsError where papermill injected a parameter that the notebook of these `variables` does not know.

    papermill only warns of it and runs the default. The names are read from the cell that it injected, and only from
    there: a reader's own variables do not matter.
    """
    check_names(injected_names(variables.get("In", ())), known)


def injected_names(history: Iterable[str]) -> list[str]:
    """The names that papermill's injected cell assigns, from the kernel's input history; empty without such a cell."""
    injected = [cell for cell in history if cell.lstrip().startswith("# Parameters")]
    if not injected:
        return []
    return [
        target.id
        for statement in ast.parse(injected[-1]).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), {k.lower(): k for k in known}, n=1, cutoff=0.5)
    return f" Did you mean {({k.lower(): k for k in known})[close[0]]!r}?" if close else ""


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SettingsError(
            f"{name} = {value!r} is unknown.{_nearest(value, allowed)} Expected one of {list(allowed)}."
        )
    return value


def _file_hash(name: str, path: str) -> str:
    try:
        with open(resolve(path), "rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        raise SettingsError(f"{name} = {path!r} cannot be read: {error.strerror}. Give the path of a file.") from None


def _convert(name: str, value: object, wanted: type) -> object:
    """YAML reads 2e-4 as text and papermill may hand over any number as text: convert, never guess."""
    try:
        if wanted is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "false": False}[str(value).lower()]
        if wanted is int:
            if isinstance(value, bool) or float(value) != int(float(value)):
                raise ValueError
            return int(float(value))
        if wanted is float:
            if isinstance(value, bool):
                raise ValueError
            return float(value)
        if wanted is str:
            if not isinstance(value, str):
                raise ValueError
            return value
        items = value.split(",") if isinstance(value, str) else list(value)
        return tuple(
            sorted((str(item).strip() for item in items), key=lambda d: DATASETS.index(d) if d in DATASETS else 99)
        )
    except (ValueError, KeyError, TypeError):
        kind = getattr(wanted, "__name__", "list of datasets")
        raise SettingsError(f"{name} = {value!r} ({type(value).__name__}) is not a {kind}; give a {kind}.") from None
