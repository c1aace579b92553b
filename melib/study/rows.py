"""Settings as rows of a table: which runs belong to one, what it is called, and what it is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from melib.learning.record import Run
from melib.learning.registry import METHODS, NETWORKS
from melib.learning.settings import RECIPES, RunSettings, recipe_values

SWITCHES = (*RECIPES["recommended"], "input_size")
WORDS = {
    "class_weights": "class weights",
    "mirror": "mirroring",
    "normalise": "centring",
    "channels": "u and v only",
    "dropout": "dropout",
    "label_smoothing": "label smoothing",
    "lam": "λ",
    "groups": "placebo groups",
    "sampling": "balanced batches",
    "ce_scale": "cross-entropy times",
    "attention_weights": "W",
    "flow_encoding": "flow as",
    "au_codes": "AU codes",
}
INPUTS = {
    "apex": "apex frames",
    "flow_image": "flow images",
    "lbptop": "LBP-TOP",
    "lbptop_85": "LBP-TOP of 85 blocks",
    "hoof": "HOOF",
    "hog3d": "3DHOG",
    "biwoof": "Bi-WOOF",
    "apex+flow_cells": "apex frames and flow in cells",
}
NAMED = ("class_weights", "mirror", "normalise", "channels", "groups", "sampling")  # that have one value beside rest
REGULARISATION = ["dropout", "label_smoothing"]


def row_of(settings: RunSettings) -> RunSettings:
    """The setting without what runs of one row may differ in: held-out dataset, the shift made for it, sources, seed,
    places."""
    rest = RunSettings.at_rest()
    varying = [name for name in RunSettings.having(across="any") if name in rest]
    corpus, shift, _ = settings.corpus.partition("-shift-")
    return replace(settings, held_out="", corpus=corpus + shift, **{name: rest[name] for name in varying})


def by_seed(runs: Iterable[Run]) -> dict[int, list[Run]]:
    """Runs by seed, one for each held-out dataset."""
    seeds: dict[int, dict[str, Run]] = {}
    for run in runs:
        seeds.setdefault(run.settings.seed, {}).setdefault(run.settings.held_out, run)
    return {seed: list(folds.values()) for seed, folds in sorted(seeds.items())}


def label(settings: RunSettings, with_inputs: bool = False) -> str:
    """A setting in words: network and method, then the recipe or the switches, then what else differs from rest."""
    words = [] if settings.is_estimator else [NETWORKS[settings.network].title]
    if settings.method != "erm" or settings.is_estimator:
        words.append(METHODS[settings.method].title)
    if with_inputs:
        words.append(f"on {INPUTS.get(settings.inputs, settings.inputs)}")
    changed = {name: getattr(settings, name) for name, value in rest(settings).items()
               if getattr(settings, name) != value}  # fmt: skip
    recipe = recipe_values("recommended", vars(settings))
    missing = [name for name in recipe if changed.get(name) != recipe[name]]
    # Apex frames have four switches of the recipe only: two of them are not called the recipe.
    regularisation_alone = missing == REGULARISATION and len(recipe) > 4
    if len(missing) <= 1 < len(recipe) or regularisation_alone:
        changed = {name: value for name, value in changed.items() if name not in recipe}
        part = "regularisation" if missing == REGULARISATION else "".join(WORDS[name] for name in missing)
        words.append(f"recipe without {part}" if part else "recipe")
    if changed.get("normalise") == "raw":
        words.append("raw values")
        del changed["normalise"]
    changed |= dict(settings.options)
    return ", ".join(words + [_worded(name, value) for name, value in changed.items()])


def distinct(labels: dict[RunSettings, str]) -> dict[RunSettings, str]:
    """The labels, those that several settings share with what these settings differ in."""
    named = {}
    for setting, text in labels.items():
        alike = [vars(other) for other, label in labels.items() if label == text]
        apart = [name for name in vars(setting) if name != "options" and len({str(one[name]) for one in alike}) > 1]
        if "profile" in apart:  # which says the rest
            at_rest = RunSettings.defaults(setting.profile)
            apart = [name for name in apart if name == "profile" or vars(setting)[name] != at_rest[name]]
        named[setting] = ", ".join([text, *(f"{name.replace('_', ' ')} {vars(setting)[name]}" for name in apart)])
    return named


def _worded(name: str, value: object) -> str:
    """One setting that differs from rest, in words: a switch as it is or "without" it, else its name and value."""
    word = WORDS.get(name, name.replace("_", " "))
    if name in NAMED or value is True:
        return word
    return f"without {word}" if value is False else f"{word} {value}"


def rest(settings: RunSettings) -> dict[str, object]:
    """The fields in which rows differ, at rest under the setting's profile; what labels name already is left out."""
    at_rest = RunSettings.defaults(settings.profile)
    named = ("options", "method", "network", "inputs", "brl_start")
    return {name: at_rest[name] for name in RunSettings.having(across="row") if name not in named}


def control_of(settings: RunSettings) -> RunSettings | None:
    """What a row's gain is over: the same without top-up; of a loss, cross-entropy with the same batches and switches;
    of cross-entropy or an estimator, the same without switches. None for what has neither."""
    at_rest = RunSettings.at_rest()
    if settings.augment != "none":
        return replace(settings, augment="none")
    if not settings.is_estimator:
        options = tuple(pair for pair in settings.options if pair[0] in NETWORKS[settings.network].options)
        plain = replace(settings, method="erm", groups="dataset", options=options)
        if plain != settings:
            return plain
    plain = replace(settings, **{name: at_rest[name] for name in SWITCHES})
    return plain if plain != settings else None
