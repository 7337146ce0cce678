"""A folder that appears whole or not at all: it is written beside its place, and renamed when it has been checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ... import disk
from ...errors import ConfigError
from ...files import check_output_folder


def check_new_folder(path: Path) -> None:
    """Refuse a folder that has something in it, or that could not be made.

    Raises:
        ConfigError: it is one.
    """
    check_output_folder(path)
    if path.is_dir() and any(path.iterdir()):
        raise ConfigError(f"{path} is not empty, and is left unchanged; name another folder, or one that is empty")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder that becomes `path` when the body ends, and is removed when it fails.

    Raises:
        ConfigError: it cannot be written, or something was put into `path` meanwhile.
    """
    check_new_folder(path)
    target = path.expanduser().absolute()
    try:
        with disk.new_folder(target) as aside:
            yield aside
    except OSError as e:
        raise ConfigError(f"{path} cannot be written ({e.strerror or e}); name another folder") from e
