"""A setting: a default, one sentence, a range and a unit; and a group of settings, checked when it is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar, Self, dataclass_transform

from surface_sos_core.errors import InputError

_KEY = "surface-sos"
_SWITCHES = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
_LONGEST = 40  # characters of a wrong value that are shown


@dataclass(frozen=True)
class About:
    """What is said of a setting.

    least, most: the range, both ends in it. unit: what a number counts. choices: the words that may be given.
    shapes_results: whether another value makes other results; stages are made again where one does.
    """

    text: str
    least: float | None = None
    most: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    shapes_results: bool = True

    @property
    def range(self) -> str:
        """The values that may be given, as a person reads them."""
        if self.choices:
            return " | ".join(self.choices)
        return "" if self.least is None else f"{plain(self.least)} .. {plain(self.most)}"


def setting(
    default: bool | float | str,
    text: str,
    least: float | None = None,
    most: float | None = None,
    unit: str = "",
    *,
    choices: tuple[str, ...] = (),
    shapes_results: bool = True,
) -> Any:
    """A field of a Group. Numbers need a range, words may have `choices`."""
    return dataclasses.field(
        default=default, metadata={_KEY: About(text, least, most, unit, choices, shapes_results)}
    )


@dataclass_transform(frozen_default=True)
class Group:
    """Settings that belong together: a dataclass whose fields are made by `setting`, frozen, and checked when it is made.

    Making one raises InputError for a value of another type or out of its range. What a dataclass would write anew for each of
    fifty groups, at the start of every command, stands here once.
    """

    NAME: ClassVar[str]
    """What the group is called on the command line, in manifests and in config files."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def __init_subclass__(cls) -> None:
        dataclass(init=False, eq=False, repr=False)(cls)

    def __init__(self, **values: Any) -> None:
        for item in dataclasses.fields(self):
            value = values.pop(item.name) if item.name in values else item.default
            object.__setattr__(self, item.name, _checked(f"{self.NAME}.{item.name}", item, value))
        if values:
            raise TypeError(f"{type(self).__name__} has no setting called {min(values)}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """For checks of several settings together."""

    def __setattr__(self, name: str, value: object) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    @classmethod
    def about(cls) -> dict[str, About]:
        """What is said of each setting, by its name."""
        return {item.name: item.metadata[_KEY] for item in dataclasses.fields(cls)}

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """The same with other values, by the settings' names; text is read as the setting's own type.

        Raises InputError for a name that is none, naming the nearest, and for a value that cannot be.
        """
        fields = {item.name: item for item in dataclasses.fields(self)}
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if name not in fields:
                raise unknown(f"{self.NAME}.{name}", [f"{self.NAME}.{own}" for own in fields])
            changes[name] = read_text(value, type(fields[name].default)) if isinstance(value, str) else value
        return dataclasses.replace(self, **changes)


def unknown(name: str, known: list[str]) -> InputError:
    """The error for a setting that does not exist, with the nearest one that does."""
    near = get_close_matches(name, known, 1, 0.5)
    if not near:  # the right name under another group
        near = [own for own in known if own.rpartition(".")[2] == name.rpartition(".")[2]][:1]
    hint = f"did you mean {near[0]}?" if near else "`surface-sos settings` lists them."
    return InputError(f"There is no setting called {name!r}; {hint}")


def read_text(text: str, kind: type) -> Any:
    """A value as typed, read as a setting of type `kind`; what cannot be read stays text, which no check lets pass."""
    if kind is bool:
        return _SWITCHES.get(text.strip().lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def plain(number: float | None) -> str:
    """A number as a person writes it: whole ones by all their digits."""
    return f"{number:.0f}" if number is not None and number == int(number) else f"{number:g}"


def _checked(name: str, item: dataclasses.Field[Any], value: Any) -> Any:
    """The value as the setting's own type; raises InputError where it cannot be."""
    about: About = item.metadata[_KEY]
    kind: type = type(item.default)
    if kind is float and type(value) is int and abs(value) < 1 << 53:
        value = float(value)
    fits = type(value) is kind  # a bool is an int to isinstance
    if not fits:
        raise InputError(f"The setting {name} is {str(value)[:_LONGEST]!r}; {_TYPES[kind]} is expected.")
    if about.choices and value not in about.choices:
        raise InputError(
            f"The setting {name} is {value[:_LONGEST]!r}; it may be {' or '.join(about.choices)}."
        )
    # Not a number is in no range.
    if about.least is not None and about.most is not None and not about.least <= value <= about.most:
        unit = f" {about.unit}" if about.unit else ""
        raise InputError(
            f"The setting {name} is {value}; it may be from {plain(about.least)} to {plain(about.most)}{unit}."
        )
    return value
