"""Temporary folders inside the registry: what is being written or thrown away, and never counts as registered.

`.tmp/ID/lock` is held as long as the process that fills `.tmp/ID/files` lives; what a killed process leaves behind has a free lock.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .. import disk
from ..errors import RegistryError
from .guard import index_lock
from .index import ENTRY, INDEX, Index
from .records import FileRecord

TEMPORARY = ".tmp"


@contextmanager
def staged(home: Path, timeout_s: float) -> Iterator[Path]:
    """Give an empty folder inside the registry, which is removed afterwards unless it was moved away.

    Raises:
        RegistryError: the registry stays locked.
    """
    disk.make_folder(home)
    root = new_temporary(home)
    lock = FileLock(root / "lock")
    try:
        with index_lock(home, timeout_s):  # so that nobody tidies up between the folder's birth and its lock
            disk.make_folder(root / "files")
            lock.acquire()
        yield root / "files"
    finally:
        with suppress(RegistryError), index_lock(home, timeout_s):  # nor between the lock's end and the folder's
            lock.release()
            disk.remove_tree(root)
        lock.release()
        disk.remove_tree(root)


def new_temporary(home: Path) -> Path:
    """Name a path in the registry's temporary folder that nothing else uses."""
    return home / TEMPORARY / secrets.token_hex(8)


def write_index(home: Path, index: Index) -> None:
    """Replace the index of the registry at `home` at once. Meant to be called under the index lock."""
    temporary = new_temporary(home)
    disk.make_folder(temporary.parent)
    disk.replace_file(home / INDEX, index.to_json(), durability="name", temporary=temporary)


def leftovers(home: Path) -> list[Path]:
    """List what killed processes left in the temporary folder. Meant to be called under the index lock."""
    folder = home / TEMPORARY
    return [path for path in sorted(folder.iterdir()) if not _is_alive(path)] if folder.is_dir() else []


def _is_alive(path: Path) -> bool:
    if not (path / "lock").exists():
        return False
    try:
        with FileLock(path / "lock", timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # a read-only registry: nobody writes to it


def discard(home: Path, folder: Path) -> None:
    """Remove a version folder, where it is there: out of sight by one rename, then file by file; and its name's, if that is empty now."""
    temporary = new_temporary(home)
    if folder.is_dir():
        disk.make_folder(temporary.parent)
        disk.move(folder, temporary)
        disk.sync_folder(folder.parent)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        disk.remove_tree(folder.parent)
    disk.remove_tree(temporary)


def record_files(folder: Path) -> dict[str, FileRecord]:
    """Hash all files of a folder and flush them to the disk: relative path -> its record.

    Raises:
        RegistryError: something in it is neither file nor folder, or bears the name of the entry itself.
    """
    record = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            disk.sync_folder(path)
            continue
        if path.is_symlink() or not path.is_file() or relative == ENTRY:
            raise RegistryError(f"{relative} cannot be registered; a version holds plain files, and {ENTRY} is the registry's own")
        disk.sync_file(path)
        record[relative] = FileRecord(sha256=disk.file_sha256(path), size=path.stat().st_size)
    return record
