"""What the settings of all units have in common: declared fields, checked names and values, a name by content."""

from __future__ import annotations

import ast
import hashlib
import html
import json
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, field, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Self

from melib.corpus.index import DATASETS, dataset_name, dataset_order, doubtful_name
from melib.errors import InputError, nearest
from melib.home import resolve
from melib.spec import Option

ROLES = ("result", "file", "place", "bookkeeping")
ALL = "all"  # as `held_out`: every fold of the protocol in one unit


class SettingsError(InputError):
    """A setting that does not exist or cannot have that value."""


def setting(
    default: object = MISSING,
    *,
    role: str = "result",
    part: str = "training",
    across: str = "same",
    choices: Iterable[str] = (),
    bounds: tuple[float, float] | None = None,
) -> Field:
    """Declare a field of a unit's settings. Every list of fields in the workbook is derived from these declarations.

    Args:
        default: its value at rest, which is no part of a result's name; none where the profile, or the user, sets it.
        role: "result" (its value names the result), "file" (the content of the file it names does), "place" (where
            data and results lie), or "bookkeeping" (how it is made); the last two name nothing.
        part: "fold" and "preparation" are shared by all units of one fold, and "preparation" decides the arrays; the
            others are "method" and "training".
        across: whether runs of one table may differ in it: "row" (rows may differ in it), "same" (they must not)
            or "any".
        choices: the allowed words.
        bounds: the lowest and highest allowed number.
    """
    facts = {"role": role, "part": part, "across": across, "choices": tuple(choices), "bounds": bounds}
    return field(default=default, metadata=facts)


class Settings:
    """Base of the frozen dataclasses whose fields are a notebook's parameters, `profile` and `held_out` among them.

    Build one with `from_parameters`, which fills in the profile's values, converts text and says what is wrong. The
    field `options`, where there is one, holds hyper-parameters that Specs declare, as sorted pairs; users write them
    like any other parameter.
    """

    PROFILES: ClassVar[dict[str, dict]]  # the values of the fields without a default of their own

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, object]) -> Self:
        """Settings from loosely typed parameters: names checked, text converted, None meaning the default.

        Raises SettingsError for an unknown name or value, naming the nearest right one.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        known = cls.known_options(given)
        foreign = cls.foreign_options()  # of a notebook that lists one, at rest
        check_names((n for n in parameters if n in given or n not in foreign), (*cls.names(), *known), foreign)
        if "held_out" not in given:
            raise SettingsError(f"held_out is missing; give one of {list(DATASETS)}, or another dataset's name.")
        values = {**cls.defaults(str(given.get("profile", cls.at_rest()["profile"]))), **given}
        types = cls._types()
        made = {name: convert(name, values[name], types[name]) for name in cls.names()}
        if known:
            chosen = {name: check_option(name, given[name], known[name]) for name in known if name in given}
            made["options"] = tuple(sorted((k, v) for k, v in chosen.items() if v != known[k].default))
        settings = cls(**made)
        settings.check()
        return settings

    @classmethod
    def from_notebook(cls, variables: Mapping[str, object]) -> Self:
        """Settings from a notebook's variables, called in the cell after its parameters.

        Raises SettingsError for a name that the parameter cell, or the one that papermill injects, assigns and that is
        no setting.
        """
        history = variables.get("In", ())
        names = parameter_names(history, cls.names()) or [name for name in cls.names() if name in variables]
        return cls.from_parameters({name: variables[name] for name in names})

    @classmethod
    @cache
    def names(cls) -> tuple[str, ...]:
        """The fields, `options` apart, in the notebook's order."""
        return tuple(one.name for one in fields(cls) if one.name != "options")

    @classmethod
    @cache
    def _types(cls) -> dict[str, object]:
        """Each field's type."""
        return typing.get_type_hints(cls)

    @classmethod
    @cache
    def having(cls, **facts: str | tuple[str, ...]) -> tuple[str, ...]:
        """The fields whose declaration has these facts, such as `role="file"` or `part=("fold", "preparation")`."""
        wanted = {name: (value,) if isinstance(value, str) else value for name, value in facts.items()}
        return tuple(
            one.name for one in fields(cls) if all(one.metadata[name] in values for name, values in wanted.items())
        )

    @classmethod
    @cache
    def at_rest(cls) -> Mapping[str, object]:
        """The fields with a default of their own, and that."""
        return MappingProxyType({one.name: one.default for one in fields(cls) if one.default is not MISSING})

    @classmethod
    def defaults(cls, profile: str) -> dict[str, object]:
        """The values of what is not given under a profile. Raises SettingsError for an unknown one."""
        one_of("profile", profile, tuple(cls.PROFILES))
        return {**cls.at_rest(), **cls.PROFILES[profile]}

    @classmethod
    def known_options(cls, given: Mapping[str, object]) -> dict[str, Option]:
        """The options of the Specs that these parameters choose."""
        return {}

    @classmethod
    def foreign_options(cls) -> dict[str, str]:
        """Every option of every Spec that could be chosen, and the Specs that have it, for messages."""
        return {}

    def check(self) -> None:
        """Raise SettingsError for a value that is unknown or out of range."""
        for one in fields(self):
            check_value(one.name, getattr(self, one.name), one.metadata["choices"], one.metadata["bounds"])
        for name in ("datasets", "sources"):
            for dataset in getattr(self, name):
                check_dataset(name, dataset)
        if self.datasets and (absent := sorted(set(self.sources) - set(self.datasets))):
            raise SettingsError(f"Sources {absent} are not among `datasets`; name them there too.")
        if self.held_out in self.sources:
            raise SettingsError(f"{self.held_out} is held out and cannot be a source too; take it out of `sources`.")

    def sources_in(self, present: Iterable[str]) -> list[str]:
        """The datasets to train on, of those `present`: all but a held-out one, unless `sources` names some."""
        return dataset_order(self.sources or set(present) - {self.held_out})

    def changed(self, but: Iterable[str]) -> list[str]:
        """What differs from the profile's defaults, such as "epochs30"; places, bookkeeping and `but` apart."""
        default = self.defaults(self.profile)
        parts = []
        for name in self.having(role=("result", "file")):
            value = getattr(self, name)
            if name in but or name == "options" or value == default[name]:
                continue
            parts.append(f"{name.replace('_', '')}{self._short(name, value)}")
        return parts

    def _short(self, name: str, value: object) -> object:
        if name in self.having(role="file"):
            return Path(value).stem
        return "+".join(value) if isinstance(value, tuple) else value

    def digest(self, fingerprint: str) -> str:
        """The eight characters that name a result of these settings on the data of that fingerprint."""
        text = json.dumps({**self.content(), "data": fingerprint}, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def content(self) -> dict[str, object]:
        """What names a result, by field: what is not at rest. SettingsError where a named file is not there."""
        rest = self.at_rest()
        names = [n for n in self.having(role=("result", "file")) if getattr(self, n) != rest.get(n, MISSING)]
        content = {name: getattr(self, name) for name in names}
        return content | {name: _file_hash(name, content[name]) for name in self.having(role="file") if name in content}

    def values(self) -> dict[str, object]:
        """Every field, and every option of the chosen Specs, with its value: in what rows of tables may differ."""
        return {name: getattr(self, name) for name in self.names()}

    def _repr_html_(self) -> str:
        """What differs from the profile's defaults as a table, for a notebook; the rest is folded away."""
        default = self.defaults(self.profile)
        default |= {name: option.default for name, option in self.known_options(vars(self)).items()}
        words = {name: _word(value) for name, value in self.values().items()}
        usual = {name: _word(default[name]) if name in default else "" for name in words}
        apart = {name: [value, usual[name]] for name, value in words.items() if value != usual[name]}
        rest = {name: [value] for name, value in words.items() if name not in apart}
        first = _rows(["parameter", "value", f"default of profile {self.profile}"], apart)
        return f"{first}<details><summary>{len(rest)} at their defaults</summary>{_rows([], rest)}</details>"

    def parameters(self) -> dict[str, object]:
        """The settings as a user writes them, options like any other: what papermill injects and JSON can hold."""
        values = {name: getattr(self, name) for name in self.names()}
        values |= dict(getattr(self, "options", ()))
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _word(value: object) -> str:
    """A setting's value in a table."""
    if value is None or value == "" or value == ():
        return "—"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _rows(header: list[str], rows: Mapping[str, list[str]]) -> str:
    """An HTML table of names and values."""
    head = "".join(f"<th style='text-align:left'>{html.escape(word)}</th>" for word in header)
    lines = [
        "".join(f"<td style='text-align:left'>{html.escape(word)}</td>" for word in (name, *values))
        for name, values in rows.items()
    ]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def check_names(names: Iterable[str], known: Iterable[str], foreign: Mapping[str, str] | None = None) -> None:
    """Raise SettingsError for the first of `names` that is not known, with the nearest right one.

    `foreign` are names that belong to something which was not chosen.
    """
    known = tuple(known)
    for name in names:
        if name in known:
            continue
        if name in (foreign or {}):
            raise SettingsError(f"{name!r} is an option of {foreign[name]}, which this run does not use; leave it out.")
        every = (*known, *(foreign or {}))
        raise SettingsError(f"Unknown parameter {name!r}.{nearest(name, every)} Known are: {', '.join(known)}.")


def check_notebook(variables: Mapping[str, object], known: Iterable[str]) -> None:
    """Raise SettingsError where a notebook's parameter cell, or papermill, assigns a name that is not `known`.

    papermill itself only warns of a misspelt parameter and runs the default. A reader's own variables in other cells do
    not matter.
    """
    known = tuple(known)
    check_names(parameter_names(variables.get("In", ()), known), known)


def parameter_names(history: Iterable[str], known: Iterable[str]) -> list[str]:
    """The names that the parameter cell and papermill's injected cell assign, from the kernel's input history.

    The parameter cell is the latest that annotates at least two `known` names (`held_out: str = "SAMM"`); papermill's
    begins with "# Parameters". Empty where neither was run.
    """
    cells = [cell for cell in history if isinstance(cell, str)]
    declared = [names for names in map(_annotated, cells) if len(set(names) & set(known)) > 1]
    injected = [_assigned(cell) for cell in cells if cell.lstrip().startswith("# Parameters")]
    return list(dict.fromkeys([*(declared[-1] if declared else []), *(injected[-1] if injected else [])]))


def _annotated(cell: str) -> list[str]:
    """The names that a cell assigns with an annotation; none where it is no plain Python."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:
        return []
    if not any(isinstance(statement, ast.AnnAssign) for statement in body):
        return []
    return _targets(body)


def _assigned(cell: str) -> list[str]:
    return _targets(ast.parse(cell).body)


def _targets(body: list[ast.stmt]) -> list[str]:
    targets = []
    for statement in body:
        if isinstance(statement, ast.AnnAssign):
            targets.append(statement.target)
        elif isinstance(statement, ast.Assign):
            targets += statement.targets
    return [target.id for target in targets if isinstance(target, ast.Name)]


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """`value`, once sure that it is allowed. Raises SettingsError naming the nearest allowed one."""
    if value not in allowed:
        near = nearest(str(value), allowed)
        raise SettingsError(f"{name} = {value!r} is unknown.{near} Expected one of {list(allowed)}.")
    return value


def check_value(name: str, value: object, choices: Iterable | None, bounds: tuple | None) -> None:
    """Raise SettingsError for a value that is not among its choices, or out of its bounds, where there are any."""
    if choices:
        one_of(name, value, choices)
    if bounds and not bounds[0] <= value <= bounds[1]:
        raise SettingsError(f"{name} = {value} is out of range; expected {bounds[0]} to {bounds[1]}.")


def check_dataset(name: str, value: str) -> None:
    """Raise SettingsError where a dataset's name is nearly, but not quite, that of one of the paper's five."""
    if near := doubtful_name(value):
        raise SettingsError(
            f"{name} = {value!r} is unknown. Did you mean {near!r}? The paper's datasets are {list(DATASETS)}; "
            "one of your own needs a name less like theirs."
        )


def check_option(name: str, value: object, option: Option) -> object:
    """The value of an option, converted to its type. Raises SettingsError where it is not allowed."""
    value = convert(name, value, type(option.default))
    check_value(name, value, option.choices, option.bounds)
    return value


def _file_hash(name: str, path: str) -> str:
    try:
        with open(resolve(path), "rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        raise SettingsError(f"{name} = {path!r} cannot be read: {error.strerror}. Give the path of a file.") from None


def convert(name: str, value: object, wanted: object) -> object:
    """A parameter in its field's type: YAML reads 2e-4 as text and papermill may hand over any number as text.

    Nothing is guessed: SettingsError where the value is not of that type; TypeError for a type that no setting has.
    """
    converter = CONVERTERS.get(wanted)
    if converter is None:
        raise TypeError(f"{name} is declared as {wanted}; settings are {', '.join(map(str, CONVERTERS))}.")
    try:
        return converter(value)
    except (ValueError, KeyError, TypeError):
        kind = "list of datasets" if wanted == tuple[str, ...] else wanted.__name__
        raise SettingsError(f"{name} = {value!r} ({type(value).__name__}) is not a {kind}; give a {kind}.") from None


def _to_bool(value: object) -> bool:
    return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]


def _to_int(value: object) -> int:
    if isinstance(value, bool) or float(value) != int(float(value)):
        raise ValueError
    return int(float(value))


def _to_float(value: object) -> float:
    if isinstance(value, bool):
        raise ValueError
    return float(value)


def _to_str(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _to_datasets(value: object) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else list(value)
    return tuple(dataset_order(dataset_name(_to_str(item)) for item in items))


CONVERTERS = {bool: _to_bool, int: _to_int, float: _to_float, str: _to_str, tuple[str, ...]: _to_datasets}
