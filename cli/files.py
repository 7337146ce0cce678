"""Files that a command leaves where the user said: checked before the work, written whole or not at all."""

import os
from pathlib import Path

from ..errors import ConfigError


def check_writable(path: Path) -> None:
    """Refuse a path that could not be written, before anything is computed for it.

    Raises:
        ConfigError: its folder is absent or cannot be written, or it is a folder itself.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{path} cannot be written: the folder {path.parent} is read-only")


def write_file(path: Path, content: bytes) -> None:
    """Write a file, replacing one that is there, so that at any moment the old one or the new one is whole.

    Raises:
        ConfigError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as e:
        raise ConfigError(f"{path} cannot be written: {e.strerror}") from e
    finally:
        temporary.unlink(missing_ok=True)
