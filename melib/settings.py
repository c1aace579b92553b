"""What the settings of all units have in common: checked names and values, a profile's defaults, a name by content."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import ClassVar, Self

from melib.corpus.index import DATASETS
from melib.home import resolve

PREPARED = ("image_size", "flow_method", "apex_rule", "boxes", "yunet_model", "flow_weights", "remove_head_motion")
FILES = ("boxes", "yunet_model", "flow_weights", "start")  # their content names a result, not their path
# Where the data lie, where results go and on what they are made does not name a result.
NOT_IN_HASH = ("corpus", "device", "out", "generated", "figures")


class SettingsError(ValueError):
    """A setting that does not exist or cannot have that value."""


class Settings:
    """Base of the frozen dataclasses whose fields are a notebook's parameters, `profile` and `held_out` among them.

    Build one with `from_parameters`, which fills in the profile's values, converts text and names what is wrong.
    Fields with a default in their class are switches: at rest they are no part of a name, so that a new one renames
    nothing.
    """

    PROFILES: ClassVar[dict[str, dict]]
    DEFAULTS: ClassVar[dict[str, object]]  # of what neither the profile nor a switch sets
    CHOICES: ClassVar[dict[str, tuple[str, ...]]]
    RANGES: ClassVar[dict[str, tuple[float, float]]]  # lowest and highest allowed value

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, object]) -> Self:
        """Settings from loosely typed parameters: names checked, text converted, None meaning the default.

        Raises SettingsError for an unknown name or value, naming the nearest right one.
        """
        check_names(parameters, cls.names())
        given = {name: value for name, value in parameters.items() if value is not None}
        profile = one_of("profile", str(given.get("profile", cls.DEFAULTS["profile"])), tuple(cls.PROFILES))
        if "held_out" not in given:
            raise SettingsError(f"held_out is missing; give one of {list(DATASETS)}.")
        types = typing.get_type_hints(cls)
        values = {**cls.defaults(profile), **given}
        settings = cls(**{name: _convert(name, value, types[name]) for name, value in values.items()})
        settings.check()
        return settings

    @classmethod
    def from_notebook(cls, variables: Mapping[str, object]) -> Self:
        """Settings from a notebook's variables, called right after its parameter cell; see `check_notebook`."""
        check_notebook(variables, cls.names())
        return cls.from_parameters({name: variables[name] for name in cls.names() if name in variables})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The parameters' names, in the notebook's order."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def defaults(cls, profile: str) -> dict[str, object]:
        """The values of what is not given."""
        return {**cls.switches(), **cls.DEFAULTS, **cls.PROFILES[profile]}

    @classmethod
    def switches(cls) -> dict[str, object]:
        """The fields with a default of their own."""
        return {field.name: field.default for field in fields(cls) if field.default is not MISSING}

    def check(self) -> None:
        """Raise SettingsError for a value that is unknown or out of range."""
        for name, allowed in self.CHOICES.items():
            one_of(name, getattr(self, name), allowed)
        for source in self.sources:
            one_of("sources", source, DATASETS)
        for name, (low, high) in self.RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(f"{name} = {value} is out of range; expected {low} to {high}.")
        if self.held_out in self.sources:
            raise SettingsError(f"{self.held_out} is held out and cannot be a source too; take it out of `sources`.")

    def sources_in(self, present: Iterable[str]) -> list[str]:
        """The datasets to train on, of those `present`: all but the held-out one, unless `sources` names some."""
        return [name for name in DATASETS if name in (self.sources or set(present) - {self.held_out})]

    def changed(self, but: Iterable[str]) -> list[str]:
        """What differs from the profile's defaults, such as "epochs30", fields in `but` and places apart."""
        default, skip = self.defaults(self.profile), {*NOT_IN_HASH, *but}
        values = {name: getattr(self, name) for name in self.names() if name not in skip}
        parts = []
        for name, value in values.items():
            if value != default[name]:
                text = Path(value).stem if name in FILES else "+".join(value) if isinstance(value, tuple) else value
                parts.append(f"{name.replace('_', '')}{text}")
        return parts

    def digest(self, fingerprint: str) -> str:
        """The eight characters that name a result of these settings on the data of that fingerprint."""
        text = json.dumps({**self.content(), "data": fingerprint}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def content(self) -> dict[str, object]:
        """What names a result, by field. SettingsError where a file that the settings name is not there."""
        rest = self.switches()
        content = {name: value for name, value in asdict(self).items() if name not in NOT_IN_HASH}
        content = {name: value for name, value in content.items() if rest.get(name, ...) != value}
        return content | {name: _file_hash(name, content[name]) for name in FILES if name in content}


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise SettingsError for the first of `names` that is not known, with the nearest right one."""
    for name in names:
        if name not in known:
            raise SettingsError(f"Unknown parameter {name!r}.{_nearest(name, known)} Known are: {', '.join(known)}.")


def check_notebook(variables: Mapping[str, object], known: Iterable[str]) -> None:
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


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
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
