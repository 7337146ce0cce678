"""The keys of a server: out of a file, or of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError

VARIABLE = "ADAPT_SERVE_KEYS"
SHORTEST = 16


def read_keys(file: Path | None, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the keys of a file, one a line (lines that begin with # are left out), or those of ADAPT_SERVE_KEYS, with commas between.

    Raises:
        ConfigError: the file cannot be read or holds none, or a key is too short, or not of printable ASCII.
    """
    if file is None:
        text = (os.environ if environment is None else environment).get(VARIABLE, "")
        return _checked([part.strip() for part in text.split(",")], VARIABLE) if text.strip() else ()
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"the keys in {file} cannot be read: {getattr(e, 'strerror', None) or 'it is not UTF-8'}") from e
    keys = [key for line in lines if (key := line.strip()) and not key.startswith("#")]
    if not keys:
        raise ConfigError(f"{file} holds no key; expected one a line")
    return _checked(keys, str(file))


def _checked(keys: list[str], where: str) -> tuple[str, ...]:
    for number, key in enumerate(keys, start=1):
        if len(key) < SHORTEST or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                f"key {number} of {where} is not one: expected at least {SHORTEST} printable ASCII characters without spaces; "
                "to make one: openssl rand -hex 32"
            )
    return tuple(dict.fromkeys(keys))
