"""A space as a file: setting -> range or choices, in YAML, toml or JSON."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..adapters.config import TABLES, TrainConfig
from ..adapters.settings.groups import dotted_names, flatten_settings
from ..adapters.settings.reading import read_value
from ..adapters.settings.setting import Described, describe_settings, one_of
from ..errors import ConfigError
from ..files import near_files
from .dimension import Choice, Dimension, as_choice

KEYS = ("low", "high", "log", "choices")
_EXAMPLE = "{low: 1e-5, high: 1e-3, log: true}, or a list of choices such as [8, 16]"


def read_space(path: Path) -> list[Dimension]:
    """Return the dimensions of a file.

    Raises:
        ConfigError: it does not exist, is none of the three kinds or empty, names an unknown setting, or a range is not one of the setting.
    """
    content = _read(path)
    try:
        return space_of(content)
    except ConfigError as e:
        raise ConfigError(f"{path}: {e}") from None


def space_of(content: object) -> list[Dimension]:
    """Return the dimensions of what a file holds.

    Raises:
        ConfigError: as `read_space`.
    """
    if not isinstance(content, Mapping) or not content:
        raise ConfigError(f"there is no space; expected settings, each with a range or choices: learning_rate: {_EXAMPLE}")
    return [_dimension(name, value) for name, value in flatten_settings({str(key): value for key, value in content.items()}).items()]


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"the space {path} does not exist.{near_files(path)}") from None
    except (OSError, ValueError) as e:
        raise ConfigError(f"the space {path} cannot be read: {e}") from e
    read = _READERS.get(path.suffix.lower(), _yaml)
    try:
        return read(text)
    except ValueError as e:
        raise ConfigError(f"the space {path} cannot be read: {' '.join(str(e).split())}") from None


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as e:
        raise ValueError(str(e)) from None


_READERS: dict[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": json.loads, ".yaml": _yaml, ".yml": _yaml}


def _dimension(name: str, content: Any) -> Dimension:
    described, where = describe_settings(TrainConfig)[name], _shown(name)
    group = where.split(".")[0]
    if group in ("evaluation", "run"):
        raise ConfigError(f"{where} says how runs are scored or computed, and is the same for all of them; fix it with --set")
    if isinstance(content, list):
        content = {"choices": content}
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where} is {content!r}; expected {_EXAMPLE}")
    if stray := [key for key in content if key not in KEYS]:
        raise ConfigError(f"{where} has the unknown key {stray[0]!r}; known: {', '.join(KEYS)}")
    if "choices" in content:
        return _choices(described, where, content)
    return _range(described, where, content)


def _shown(name: str) -> str:
    return next(dotted for dotted, plain in dotted_names().items() if plain == name)


def _choices(described: Described, where: str, content: Mapping[str, Any]) -> Dimension:
    values = content["choices"]
    if len(content) > 1 or not isinstance(values, list) or not values:
        raise ConfigError(f"{where}: choices are a list with one value or more, and stand alone, such as [8, 16]")
    choices: list[Choice] = [as_choice(_checked(described, where, value)) for value in values]
    if len(set(map(repr, choices))) < len(choices):
        raise ConfigError(f"{where} names a choice twice: {', '.join(map(str, choices))}")
    return Dimension(name=described.name, choices=tuple(choices))


def _range(described: Described, where: str, content: Mapping[str, Any]) -> Dimension:
    if described.kind not in (int, float):
        raise ConfigError(f"{where} is not a number, so that it has no range; give a list of choices")
    if not {"low", "high"} <= content.keys():
        raise ConfigError(f"{where} needs both low and high; expected {_EXAMPLE}")
    low, high = (_checked(described, where, content[end]) for end in ("low", "high"))
    log = content.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"{where}: log is {log!r}; expected true or false")
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high or not math.isfinite(high - low):
        raise ConfigError(f"{where} goes from {low} to {high}; low must be below high")
    if log and low <= 0:
        raise ConfigError(f"{where} begins at {low:g}, which has no logarithm; begin above 0, or leave out log")
    return Dimension(name=described.name, low=float(low), high=float(high), log=log, is_whole=described.kind is int)


def _checked(described: Described, where: str, value: object) -> object:
    """Return a value as the setting's type, where the setting may be that."""
    read = read_value(described, value)
    try:
        if read is not None and described.setting.check is not None:
            described.setting.check(described.name, read)
        if described.name in TABLES:
            one_of(TABLES[described.name])(described.name, str(read))
    except ConfigError as e:
        raise ConfigError(f"{where}: {e}") from None
    return read
