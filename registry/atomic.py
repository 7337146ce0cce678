"""Every change the registry makes to the disk, one function an operation.

`FAULT`, where it is set, is called with the operation's name and its path before each of them, so that a test can stop at every one.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

FAULT: Callable[[str, Path], None] | None = None


def _step(operation: str, path: Path) -> None:
    if FAULT is not None:
        FAULT(operation, path)


def make_folder(path: Path) -> None:
    """Create a folder and those above it, where they are not there yet."""
    if path.is_dir():
        return
    make_folder(path.parent)
    _step("mkdir", path)
    path.mkdir(exist_ok=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and flush it to the disk."""
    _step("create", path)
    with path.open("wb") as file:
        _step("write", path)
        file.write(content)
        file.flush()
        _step("fsync", path)
        os.fsync(file.fileno())


def sync_file(path: Path) -> None:
    """Flush a file that somebody else wrote to the disk."""
    _step("fsync", path)
    with path.open("rb+" if os.name == "nt" else "rb") as file:  # Windows flushes only what is open for writing
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Flush a folder's list of names to the disk (Windows has no such call, and needs none)."""
    _step("fsync", path)
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """Rename a file or folder within one file system; a file there is replaced at once."""
    _step("rename", target)
    source.replace(target)


def replace_file(path: Path, content: bytes, temporary: Path) -> None:
    """Give a file new content: readers see the old or the new, never a part."""
    try:
        write_file(temporary, content)
        move(temporary, path)
    except BaseException:
        remove_file(temporary)
        raise
    sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file; one that has gone already is no error."""
    _step("unlink", path)
    path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it; what has gone already is no error."""
    try:
        inside = sorted(path.iterdir())
    except FileNotFoundError:
        return
    for child in inside:
        if child.is_dir() and not child.is_symlink():
            remove_tree(child)
        else:
            remove_file(child)
    _step("rmdir", path)
    with contextlib.suppress(FileNotFoundError):
        path.rmdir()
