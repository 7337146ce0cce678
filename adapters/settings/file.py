"""Settings from a toml file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ...errors import ConfigError
from ...files import near_files
from .groups import flatten_settings


def read_settings(file: Path) -> dict[str, object]:
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
    return flatten_settings(values)
