"""What is known of a setting beside its type and default: how it is checked, what it is, and when to change it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ...errors import ConfigError, unknown_name

LARGEST = 1e36
"""Of any number: a hundred times that still fits into float32, which training computes in."""

Check = Callable[[str, Any], None]
"""(name of a setting, its value): raises `ConfigError` where the value does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Stands in the annotation of a setting's field.

    Attributes:
        help: What it is, for a table.
        when: When to change it.
        check: Refuses a value of the right type that does not fit; never called with None.
        is_later: Whether runs were named before there was this setting: at its default it then takes no part in the name of a run.
        read: What a file or a command line holds -> the value, where the type alone does not say how; raises `ValueError`.
    """

    help: str
    when: str
    check: Check | None = None
    is_later: bool = False
    read: Callable[[object], object] | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """A setting with what its class says of it: `kind` is the type (`tuple[int, ...]`, say) without None, which `optional` stands for."""

    name: str
    kind: type
    optional: bool
    default: object
    setting: Setting


# No slots: the configuration inherits from all groups, and Python joins no two classes that have slots.
@dataclass(frozen=True, kw_only=True)
class Settings:
    """A group of settings. Making one checks each value."""

    def __post_init__(self) -> None:
        for name, described in describe_settings(type(self)).items():
            value = getattr(self, name)
            if value is not None and described.setting.check is not None:
                described.setting.check(name, value)


def describe_settings(of: type[Settings]) -> Mapping[str, Described]:
    """Return the settings of a group, or of a configuration, by name."""
    if of not in _described:
        hints = get_type_hints(of, include_extras=True)  # costs milliseconds
        _described[of] = {field.name: _describe(field.name, hints[field.name], field.default) for field in fields(of)}
    return _described[of]


_described: dict[type[Settings], Mapping[str, Described]] = {}


def _describe(name: str, hint: object, default: object) -> Described:
    kind, setting = get_args(hint)
    union = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    plain = next(each for each in union if each is not NoneType)
    if get_origin(plain) is Literal:
        plain = str
    return Described(name, plain, NoneType in union, default, setting)


def above_zero(name: str, value: float) -> None:
    """Refuse 0 and less, infinity, and what is not a number."""
    if not 0 < value < math.inf:
        raise ConfigError(f"{name} is {value}; it must be above 0 and finite")
    _at_most_largest(name, value)


def each_above_zero(name: str, values: tuple[float, ...]) -> None:
    """Refuse numbers of which one is 0 or less, infinite or not a number."""
    for value in values:
        above_zero(name, value)


def zero_or_more(name: str, value: float) -> None:
    """Refuse less than 0, infinity, and what is not a number."""
    if not 0 <= value < math.inf:
        raise ConfigError(f"{name} is {value}; it must be 0 or more and finite")
    _at_most_largest(name, value)


def _at_most_largest(name: str, value: float) -> None:
    if value > LARGEST:
        raise ConfigError(f"{name} is {value:g}; it must be at most {LARGEST:g}")


def below_one(name: str, value: float) -> None:
    """Refuse what is not a share below 1."""
    if not 0 <= value < 1:
        raise ConfigError(f"{name} is {value}; it must be at least 0 and below 1")


def at_most_one(name: str, value: float) -> None:
    """Refuse what is not a share."""
    if not 0 <= value <= 1:
        raise ConfigError(f"{name} is {value}; it must be at least 0 and at most 1")


def one_of(choices: Collection[str]) -> Check:
    """Refuse what is not one of some names, such as the keys of a table as it is then."""

    def check(name: str, value: str) -> None:
        if value not in choices:
            raise ConfigError(unknown_name(name, value, tuple(choices)))

    return check
