"""Files that a command leaves where the user asked for it: checked before the work, and written so that nothing else is harmed.

A regular file is replaced whole, a link's target likewise, and the link stays. A device, a named pipe and an open descriptor
(`/dev/stdout`, `/dev/fd/3`) are written as they are.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from . import disk
from .errors import ConfigError, DataError, did_you_mean

STDOUT = 1
_MOST_LINKS = 40  # as many as Linux follows
_NOT_BY_RENAME = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)  # a read-only folder, or a file that is mounted by itself


def check_there(path: Path, what: str) -> None:
    """Refuse a path that does not exist.

    Raises:
        DataError: it does not; `what` says what it was to be.
    """
    if not path.exists():
        raise DataError(f"{what} {path} does not exist.{near_files(path)}")


def near_files(path: Path, words: tuple[str, ...] = ()) -> str:
    """Return ` Did you mean ...?` with what lies beside a path that does not exist, or of `words`, and has a name near its own."""
    folder = path.expanduser().parent
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError:
        return ""
    return did_you_mean(path.name, [*words, *names])


def check_outputs(outputs: Mapping[str, Path | None]) -> None:
    """Refuse, before anything is computed, outputs that could not be written, and two that are the same file.

    Args:
        outputs: The option that names it -> the file; None where the option is not given.

    Raises:
        ConfigError: there is one; the message names it.
    """
    options: dict[str, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        check_writable(path)
        real = os.path.realpath(path)
        if real in options and not _is_device(path):
            raise ConfigError(f"{options[real]} and {option} both write {path}, and one would replace the other; give them different names")
        options[real] = option


def check_writable(path: Path) -> None:
    """Refuse a path that could not be written, before anything is computed for it.

    Raises:
        ConfigError: it is a folder, a socket, read-only, a link that leads nowhere, or its folder is absent or cannot be written.
    """
    try:
        if (descriptor := descriptor_of(path)) is not None:
            os.write(descriptor, b"")  # is it open, and for writing
            return
        mode = path.stat().st_mode
    except FileNotFoundError:
        _check_folder(path, Path(os.path.realpath(path)).parent)
        return
    except OSError as e:
        raise _refusal(path, e) from e
    if stat.S_ISDIR(mode):
        raise ConfigError(f"{path} is a folder; give the name of a file")
    if stat.S_ISSOCK(mode):
        raise ConfigError(f"{path} is a socket, which cannot be opened for writing; give a file, a named pipe or a device")
    if not os.access(path, os.W_OK):
        raise ConfigError(f"{path} cannot be written: it is read-only; change its permissions (chmod u+w) or give another name")


def check_output_folder(path: Path) -> None:
    """Refuse a folder in which nothing could be written; one that is not there yet is made later.

    Raises:
        ConfigError: it is not a folder, it is read-only, or the folder above it is absent or read-only.
    """
    real = Path(os.path.realpath(path))
    if real.is_dir():
        _check_folder(path, real)
    elif os.path.lexists(real):
        raise ConfigError(f"{path} is not a folder; give the name of a folder, which is created if it does not exist")
    else:
        _check_folder(path, real.parent)


def write_file(path: Path, content: disk.Content) -> None:
    """Write a file: a regular one is replaced whole, so that at any moment the old one or the new one is there.

    The permissions of the file that is replaced stay. Where the folder takes no new file, one that is there is written in place.

    Args:
        path: The file.
        content: What it is to hold, or what writes that into the open file.

    Raises:
        ConfigError: it cannot be written.
        BrokenPipeError: it is the standard output, and its reader has closed it.
    """
    descriptor = descriptor_of(path)
    try:
        if descriptor is not None:
            _write_all(os.dup(descriptor), content)
        elif _is_regular(path):
            _replace(Path(os.path.realpath(path)), content)
        else:
            _write_all(os.open(path, os.O_WRONLY), content)
    except OSError as e:
        if isinstance(e, BrokenPipeError) and descriptor == STDOUT:
            raise
        raise _refusal(path, e) from e


def descriptor_of(path: Path) -> int | None:
    """Return the open file of this process that a path means, such as 1 for `/dev/stdout`; None: it means none.

    Opening the path again would not do: that forgets the position in a file, and a socket cannot be opened by name.
    """
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(path.parent)
        if re.fullmatch("[0-9]{1,9}", path.name) and (folder == "/dev/fd" or re.fullmatch(rf"/proc/{os.getpid()}(/task/\d+)?/fd", folder)):
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _is_regular(path: Path) -> bool:
    """Return whether a path is a regular file, or nothing yet."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _is_device(path: Path) -> bool:
    return descriptor_of(path) is None and path.is_char_device()


def _check_folder(path: Path, folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{path} cannot be written: the folder {folder} does not exist; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{path} cannot be written: the folder {folder} is read-only; choose another folder")


def _refusal(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written: {error.strerror or error}")


def _write_all(descriptor: int, content: disk.Content) -> None:
    with os.fdopen(descriptor, "wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            content(file)


def _replace(path: Path, content: disk.Content) -> None:
    try:
        disk.replace_file(path, content)
    except OSError as e:
        if e.errno not in _NOT_BY_RENAME or not path.is_file():
            raise
        _write_all(os.open(path, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0)), content)
