"""Run settings: exactly the parameters of `04_training_brl`, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from melib.corpus.index import dataset_name
from melib.corpus.mapping import MAPPINGS
from melib.errors import nearest
from melib.home import resolve
from melib.learning.protocols import Protocol
from melib.learning.registry import ALGORITHMS, ESTIMATORS, METHODS, NETWORKS, PROTOCOLS
from melib.prepare.arrays import kind_of
from melib.settings import ALL, Settings, SettingsError, check_dataset, one_of, setting
from melib.spec import Option, Spec

PROFILES = {
    "tiny": dict(image_size=32, epochs=4, brl_start=3, batch_size=16, val_share=0.2),
    "demo": dict(image_size=64, epochs=40, brl_start=21, batch_size=32, val_share=0.2),
    "paper": dict(image_size=224, epochs=100, brl_start=51, batch_size=32, val_share=0.0),
}
GENERATED = ("even", "balance", "shuffled")  # kinds of top-up that need a generated folder
OF_NETWORKS = ("network", "dropout", "label_smoothing", "weights", "diagnose")  # what an estimator has no use for
# Switches that are set together, by the parameter `recipe`. "recommended" by principle: classes are unequal, faces are
# symmetric, a still face should be zero, clips are few. Nothing in it was tuned; but that each part helps on 442 real
# clips was known when it was fixed, so that its figures on those clips are no estimate for others.
RECIPES = {
    "recommended": dict(
        class_weights="balanced", mirror=True, normalise="centred", channels="uv", dropout=0.5, label_smoothing=0.1
    ),
}
OF_IMAGES = ("mirror",)
OF_FLOW = ("normalise", "channels")


def recipe_values(recipe: str, given: Mapping[str, object]) -> dict[str, object]:
    """The values that a recipe sets for a run with the parameters `given`: those that its method and inputs have.

    Raises SettingsError for an unknown recipe.
    """
    values = dict(RECIPES[one_of("recipe", recipe, tuple(RECIPES))])
    rest = RunSettings.at_rest()
    without = set()
    if given.get("method", rest["method"]) in ESTIMATORS:
        without |= {*OF_NETWORKS}
    kinds = {kind_of(array) for array in str(given.get("inputs") or rest["inputs"]).split("+")}
    if not kinds <= {"image", "flow", "flow_image"}:
        without |= {*OF_IMAGES}
    if not kinds <= {"flow", "flow_image"}:
        without |= {*OF_FLOW}
    return {name: value for name, value in values.items() if name not in without}


@dataclass(frozen=True, kw_only=True)
class RunSettings(Settings):
    """One setting trained on one fold, or on all folds of a protocol: the parameters of `04_training_brl`.

    `from_parameters` also takes `recipe`, the name of several switches at once; what is given beside it comes first.
    """

    corpus: str = setting("demo", role="place")  # "demo", "tiny", a data root, or a folder of samples
    profile: str = setting("demo", part="fold", choices=PROFILES)
    protocol: str = setting("lodo", part="fold", choices=PROTOCOLS)
    held_out: str = setting(part="fold", across="any")  # a fold of the protocol, or "all"
    datasets: tuple[str, ...] = setting((), part="fold", across="any")  # that take part; (): all that can be read
    sources: tuple[str, ...] = setting((), part="fold", across="any")  # (): all other datasets of the corpus
    mapping: str = setting("", part="fold", choices=("", *MAPPINGS))  # of emotions to classes; "": the protocol's
    method: str = setting("brl", part="method", across="row", choices=METHODS)
    network: str = setting("cnn", part="method", across="row", choices=NETWORKS)  # estimators have none
    inputs: str = setting("flow", part="method", across="row")  # names of arrays, joined by "+"
    # preparation of a data root's clips; a folder of samples has its arrays already
    flow_method: str = setting(
        "lk", part="preparation", choices=("lk", "farneback", "dis", "tvl1", "raft_small", "raft_large")
    )
    apex_rule: str = setting("motion", part="preparation", across="row", choices=("motion", "midpoint", "dcrois"))
    image_size: int = setting(part="preparation", bounds=(16, 1024))  # side of the face crop, pixels
    face_detector: str = setting("yunet", part="preparation", choices=("yunet", "haar"))
    boxes: str = setting("", role="file", part="preparation")  # CSV of face boxes
    flow_weights: str = setting("", role="file", part="preparation")  # RAFT's; "": torchvision's own
    remove_head_motion: bool = setting(False, part="preparation")
    # what a method sees of an input
    flow_encoding: str = setting("uvs", part="method", across="row", choices=("uvs", "minmax", "wheel"))
    channels: str = setting("uvs", part="method", across="row", choices=("uvs", "uv"))  # of flow
    normalise: str = setting("none", part="method", across="row", choices=("none", "centred", "raw"))
    input_size: int = setting(0, part="method", across="row", bounds=(0, 4096))  # pixels; 0: as prepared
    mirror: bool = setting(False, part="method", across="row")  # in training, and averaged in prediction
    # training
    class_weights: str = setting("none", part="method", across="row", choices=("none", "balanced"))
    dropout: float = setting(0.0, part="method", across="row", bounds=(0, 0.99))  # before the classifier
    label_smoothing: float = setting(0.0, part="method", across="row", bounds=(0, 0.99))
    sampling: str = setting("shuffled", part="method", across="row", choices=("shuffled", "balanced"))
    groups: str = setting("dataset", part="method", across="row", choices=("dataset", "placebo"))
    epochs: int = setting(bounds=(1, 100_000))
    brl_start: int = setting(bounds=(1, 100_000))  # first epoch with a penalty, and that a rule may select
    optimizer: str = setting("adam", part="method", across="row", choices=("adam", "sgd"))  # sgd: momentum 0.9
    lr: float = setting(2e-4, bounds=(0, 10))
    lr_step: int = setting(0, part="method", across="row", bounds=(0, 100_000))  # epochs; 0: lr stays as it is
    lr_factor: float = setting(0.1, part="method", across="row", bounds=(0, 1))  # of lr, every lr_step epochs
    weight_decay: float = setting(5e-4, bounds=(0, 10))
    batch_size: int = setting(bounds=(1, 100_000))
    weights: str = setting("", role="file", part="method", across="row")  # file that the network starts from
    augment: str = setting("none", part="method", across="row", choices=("none", "oversample", *GENERATED))
    target: int = setting(0, part="fold", across="any", bounds=(0, 10**6))  # clips per source; 0: as the largest has
    val_share: float = setting(bounds=(0, 0.9))  # of each source's subjects, kept for choosing an epoch
    seed: int = setting(0, across="any")
    precision: str = setting("fp32", choices=("fp32", "bf16"))
    threads: int = setting(1, across="any", bounds=(1, 1024))  # names the result, since it changes the bits
    diagnose: bool = setting(False, across="any")  # keep what BRL does to attention, gradients and features
    workers: int = setting(1, role="bookkeeping", across="any", bounds=(1, 1024))  # folds side by side
    device: str = setting("auto", role="bookkeeping", across="any")  # auto, cpu, cuda, cuda:1
    generated: str = setting("generated", role="place", across="any")  # where generated folders lie, or one of them
    out: str = setting("runs", role="place", across="any")
    options: tuple[tuple[str, object], ...] = setting((), part="method", across="row")

    PROFILES: ClassVar = PROFILES

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, object]) -> RunSettings:
        given = dict(parameters)
        recipe = given.pop("recipe", None)
        if recipe:
            given = recipe_values(recipe, given) | {name: value for name, value in given.items() if value is not None}
        if isinstance(given.get("held_out"), str):
            given["held_out"] = dataset_name(given["held_out"])
        return super().from_parameters(given)

    @classmethod
    def known_options(cls, given: Mapping[str, object]) -> dict[str, Option]:
        rest = cls.at_rest()
        method = one_of("method", given.get("method", rest["method"]), tuple(METHODS))
        known = dict(METHODS[method].options)
        if method in ALGORITHMS:
            network = one_of("network", given.get("network", rest["network"]), tuple(NETWORKS))
            known |= NETWORKS[network].options
        return known

    @classmethod
    def foreign_options(cls) -> dict[str, str]:
        having: dict[str, list[str]] = {}
        for name, spec in {**METHODS, **NETWORKS}.items():
            for option in spec.options:
                having.setdefault(option, []).append(name)
        return {option: " and ".join(names) for option, names in having.items()}

    def check(self) -> None:
        super().check()
        self._check_fold()
        self._check_method()
        if self.brl_start > self.epochs:
            raise SettingsError(
                f"brl_start = {self.brl_start} lies after the last epoch ({self.epochs}): no penalty would ever start "
                "and no epoch could be selected. Lower brl_start or raise epochs."
            )
        if self.target and self.augment == "none":
            raise SettingsError(f"target = {self.target} tops nothing up with augment = 'none'; leave it out.")

    def _check_fold(self) -> None:
        by_dataset = self.rules.holds_out == "dataset"
        if self.held_out != ALL and by_dataset:
            check_dataset("held_out", self.held_out)
            if self.datasets and self.held_out not in self.datasets:
                raise SettingsError(f"{self.held_out} is held out but is not among `datasets`; name it there too.")
        if self.rules.needs_sources and not self.sources:
            raise SettingsError(f"protocol = {self.protocol!r} trains on the datasets named as `sources`; name them.")
        if self.augment in GENERATED and (self.held_out == ALL or not by_dataset):
            raise SettingsError(
                f"augment = {self.augment!r} needs a generator that never saw the held-out dataset: hold out one "
                "dataset (protocol lodo or hde), or use oversample."
            )
        if self.augment in GENERATED and self.label_mapping != Protocol.mapping:
            raise SettingsError(
                f"augment = {self.augment!r} with mapping = {self.label_mapping!r}: a generator knows the classes of "
                f"{Protocol.mapping!r} alone. Leave mapping out, or use oversample."
            )

    def _check_method(self) -> None:
        if self.is_estimator:
            rest = self.at_rest()
            given = [name for name in OF_NETWORKS if getattr(self, name) != rest[name]]
            if given:
                raise SettingsError(f"{', '.join(given)} acts on networks; {self.method} has none. Leave it out.")
        elif self.diagnose and self.method != "brl":
            raise SettingsError(f"diagnose looks at BRL's attention; method is {self.method!r}. Leave it out.")

    @property
    def rules(self) -> Protocol:
        """The protocol itself."""
        return PROTOCOLS[self.protocol].load()()

    @property
    def is_estimator(self) -> bool:
        """Whether the method has no epochs."""
        return self.method not in ALGORITHMS

    @property
    def spec(self) -> Spec:
        """What the registry says of the method."""
        return METHODS[self.method]

    @property
    def arrays(self) -> tuple[str, ...]:
        """The names of the arrays that the method sees."""
        return tuple(self.inputs.split("+"))

    @property
    def label_mapping(self) -> str:
        """How emotions become classes: as set, else as the protocol has it."""
        return self.mapping or self.rules.mapping

    @property
    def first_selected(self) -> int:
        """The first epoch that a selection rule may take."""
        return 1 if self.is_estimator else self.brl_start

    def option(self, name: str) -> object:
        """The value of an option of the method or the network, its default where it is not set.

        Raises SettingsError where neither has it.
        """
        known = self.known_options({"method": self.method, "network": self.network})
        if name not in known:
            raise SettingsError(f"{name!r} is no option of this run.{nearest(name, known)}")
        return dict(self.options).get(name, known[name].default)

    def values(self) -> dict[str, object]:
        return {**super().values(), **{name: self.option(name) for name in self.known_options(vars(self))}}

    def differing(self) -> str:
        """Profile, options and whatever else differs from the profile's defaults: "demo-lam0.3-epochs30"."""
        skip = ("profile", "held_out", "method", "network", "inputs", "seed")
        options = [f"{name.replace('_', '')}{value}" for name, value in self.options]
        return "-".join([self.profile, *options, *self.changed(skip)])

    @property
    def title(self) -> str:
        """The run in words: what is held out, method and network, inputs, what differs, seed."""
        method = self.method if self.is_estimator else f"{self.method}-{self.network}"
        held_out = self.held_out.replace("/", "-")
        return "__".join((held_out, method, self.inputs, self.differing(), f"s{self.seed}"))

    def run_name(self, fingerprint: str) -> str:
        """The run's folder name: its title and a hash."""
        return f"{self.title}__{self.digest(fingerprint)}"

    def folder(self, fingerprint: str) -> Path:
        """The run's folder under `out`."""
        return resolve(self.out) / self.run_name(fingerprint)
