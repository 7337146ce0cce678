"""Values of settings from what a file or a command line holds."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import ConfigError
from .setting import Described


def read_value(described: Described, value: object) -> object:
    """Read a value as a setting's type; a text is read, too.

    Raises:
        ConfigError: it is not of that type.
    """
    if described.optional and (value is None or str(value).lower() == "none"):
        return None
    read, expected = _READERS[described.kind]
    try:
        return read(value)
    except (ValueError, OverflowError):
        raise ConfigError(f"{described.name} is {value!r}; expected {expected}") from None


def _whole_number(value: object) -> int:
    number = float(str(value))
    if number != int(number):
        raise ValueError
    return int(number)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list | tuple):
        raise ValueError
    return tuple(_text(part) for part in value)


_READERS: dict[type, tuple[Callable[[object], object], str]] = {
    int: (_whole_number, "a whole number"),
    float: (lambda value: float(str(value)), "a number"),
    tuple: (_names, "names, with commas between them"),
    str: (_text, "a text"),
}
"""A setting's type -> what reads a value of it, and what to say it expects."""
