"""Settings from and to a toml file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...errors import ConfigError
from ...files import near_files
from .groups import GROUPS, Groups, dotted_names, flatten_settings


def read_settings(file: Path, groups: Groups = GROUPS) -> dict[str, object]:
    """Return the values of a toml file by the settings' names without groups.

    Raises:
        ConfigError: the file does not exist or is not toml, or a name is unknown or given twice.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file} does not exist.{near_files(file)}") from None
    except (OSError, ValueError) as e:
        raise ConfigError(f"{file} cannot be read as toml: {e}") from e
    return flatten_settings(values, groups)


def write_settings(values: Mapping[str, object], groups: Groups = GROUPS) -> str:
    """Return settings as the text of a toml file that `read_settings` reads: a table for each group, in the groups' order.

    Args:
        values: By the settings' names without groups. What toml has no word for, None, is the text `none`.
        groups: The groups that there are.
    """
    tables = {group: list(_lines(group, values, groups)) for group in groups}
    return "\n\n".join("\n".join((f"[{group}]", *lines)) for group, lines in tables.items() if lines) + "\n"


def _lines(group: str, values: Mapping[str, object], groups: Groups) -> Iterator[str]:
    for dotted, name in dotted_names(groups).items():
        of, _, short = dotted.partition(".")
        if of == group and name in values:
            yield f"{short} = {_toml(values[name])}"


def _toml(value: object) -> str:
    """Return a value as toml writes it; a number as Python does, so that the very same one is read again."""
    if value is None:
        return '"none"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)
