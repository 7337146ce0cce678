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
        return (described.setting.read or read)(value)
    except (ValueError, KeyError, OverflowError):
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


def _number(value: object) -> float:
    return float(str(value))


def _truth(value: object) -> bool:
    return _TRUTHS[str(value).lower()]


_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def _several(read: Callable[[object], object]) -> Callable[[object], object]:
    """Return what reads a list, or a text with commas, element by element."""

    def read_all(value: object) -> tuple[object, ...]:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list | tuple):
            raise ValueError
        return tuple(map(read, value))

    return read_all


_READERS: dict[type, tuple[Callable[[object], object], str]] = {
    int: (_whole_number, "a whole number"),
    float: (_number, "a number"),
    bool: (_truth, "true or false"),
    str: (_text, "a text"),
    tuple[str, ...]: (_several(_text), "names, with commas between them"),
    tuple[int, ...]: (_several(_whole_number), "whole numbers, with commas between them"),
    tuple[float, ...]: (_several(_number), "numbers, with commas between them"),
}
"""A setting's type -> what reads a value of it, and what to say it expects."""
