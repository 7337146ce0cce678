"""Files and folders on the disk: a file is written whole or not at all, and every change is one function.

`FAULT`, where it is set, is called with the operation's name and its path before each change, so that a test can stop at every one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO, Literal
from uuid import uuid4

Durability = Literal["name", "content", "none"]
"""What a power cut cannot undo once a file was replaced: its name in the folder as well, its content under the name, or nothing."""

Content = bytes | Callable[[BinaryIO], object]
"""What a file is to hold, or what writes it into the open file."""

FAULT: Callable[[str, Path], None] | None = None


def _step(operation: str, path: Path) -> None:
    if FAULT is not None:
        FAULT(operation, path)


def replace_file(path: Path, content: Content, *, durability: Durability = "content", temporary: Path | None = None) -> None:
    """Give a regular file new content, or make it: by rename, so that a reader sees the old or the new, never a part.

    A file that is replaced hands its permissions on.

    Args:
        path: The file.
        content: What it is to hold.
        durability: `name` for what is the only copy, `content` for what a user waits for, `none` for what can be made again.
        temporary: Where it is written first, on the same file system; None: beside it, under a unique name.

    Raises:
        OSError: it cannot be written; the old file is as it was.
    """
    temporary = temporary or path.with_name(f".{uuid4().hex}.tmp")
    try:
        _create(temporary, content, like=path, is_flushed=durability != "none")
        move(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            remove_file(temporary)
        raise
    if durability == "name":
        sync_folder(path.parent)


def write_file(path: Path, content: bytes) -> None:
    """Write a new file and flush it to the disk: for a folder that is put in its place as a whole."""
    _create(path, content, like=None, is_flushed=True)


def _create(path: Path, content: Content, *, like: Path | None, is_flushed: bool) -> None:
    _step("create", path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        if like is not None:
            _take_permissions(path, like)
        _step("write", path)
        if isinstance(content, bytes):
            file.write(content)
        else:
            content(file)
        file.flush()
        if is_flushed:
            _step("fsync", path)
            os.fsync(file.fileno())


def _take_permissions(new: Path, old: Path) -> None:
    """Give a file the owner and the mode of the one that it replaces; one that replaces nothing has those of any new file."""
    try:
        there = old.stat()
    except FileNotFoundError:
        return
    _step("chmod", new)
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):  # only the superuser may give a file away
            os.chown(new, there.st_uid, there.st_gid)
    with contextlib.suppress(OSError):  # some file systems have no modes
        new.chmod(stat.S_IMODE(there.st_mode))


def make_folder(path: Path) -> None:
    """Create a folder and those above it, where they are not there yet."""
    if path.is_dir():
        return
    make_folder(path.parent)
    _step("mkdir", path)
    path.mkdir(exist_ok=True)


def files_in(folder: Path) -> dict[str, Path]:
    """Return all files of a folder and those below it: relative path, with slashes -> file, in the order of their paths."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside a place, which is renamed to it when the body ends, and removed when it fails.

    Args:
        path: A place in a folder that is there, where nothing lies, or an empty folder.

    Raises:
        OSError: it cannot be written, or something was put there meanwhile.
    """
    beside = Path(mkdtemp(prefix=".adapt-", dir=path.parent))
    try:
        yield beside
        beside.chmod(0o755)
        beside.replace(path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def open_to_append(path: Path) -> int:
    """Open a file to which lines are added, or make one that its owner alone may read; return its descriptor."""
    _step("create", path)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)


def append(descriptor: int, content: bytes, path: Path, end: int) -> int:
    """Add bytes to a file that this process alone writes: all of them, or none.

    Args:
        descriptor: The file, opened by `open_to_append`.
        content: What is added.
        path: Where the file lies.
        end: Its length up to what was added whole; what an earlier call could not take back is cut off first.

    Returns:
        Its length now.

    Raises:
        OSError: it cannot be written, as on a full disk; the file is as it was, or is cut by the next call.
    """
    if (size := os.fstat(descriptor).st_size) > end:
        os.ftruncate(descriptor, end)
    end = min(size, end)  # somebody may have emptied it
    try:
        _step("write", path)
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]  # a disk that is nearly full takes a part
    except OSError:
        take_back(descriptor, end)
        raise
    return end + len(content)


def take_back(descriptor: int, end: int) -> None:
    """Cut an open file to its first bytes, if that can be done: `append` does it before it adds anything else."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, end)


def sync_descriptor(descriptor: int, path: Path) -> None:
    """Flush an open file to the disk."""
    _step("fsync", path)
    os.fsync(descriptor)


def cut_file(path: Path, end: int) -> None:
    """Cut a file to its first bytes."""
    _step("truncate", path)
    os.truncate(path, end)


def write_private(path: Path, content: bytes) -> None:
    """Write a new small file that its owner alone may read, whole or not at all; one that is there stays.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    _step("create", temporary)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as file:
            _step("write", temporary)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _step("link", path)
        os.link(temporary, path)
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            remove_file(temporary)


def sync_file(path: Path) -> None:
    """Flush a file that another library wrote to the disk."""
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


def remove_file(path: Path) -> None:
    """Remove a file; a missing one is not an error."""
    _step("unlink", path)
    path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it; a missing one is not an error."""
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


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
