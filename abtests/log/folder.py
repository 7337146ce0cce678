"""Where the log lies: a folder with a secret, the records of experiments, a lock, and a file of lines for each UTC day."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ... import disk
from ...errors import ConfigError, DataError
from ..experiment.record import EXPERIMENTS

EVENTS = "events"
LOCK = ".lock"
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")
_PRIVATE = 0o700


class BusyLogError(DataError):
    """Another process writes the log."""


def day_of(at: float) -> date:
    """Return the UTC day of a time in unix seconds."""
    return datetime.fromtimestamp(at, UTC).date()


def file_of(folder: Path, day: date) -> Path:
    """Return the file that holds the lines of a day."""
    return folder / EVENTS / f"{day.isoformat()}.jsonl"


def day_files(folder: Path) -> dict[date, Path]:
    """Return the files of a log by day, the oldest first; what else lies beside them is the user's."""
    found: dict[date, Path] = {}
    for path in sorted((folder / EVENTS).glob("*.jsonl")):
        if match := _DAY.fullmatch(path.name):
            with contextlib.suppress(ValueError):  # 2026-13-45 is not a day
                found[date.fromisoformat(match[1])] = path
    return found


def make_log_folder(folder: Path) -> None:
    """Make the folders of a log, which its owner alone may enter.

    Raises:
        ConfigError: they cannot be made, or a file is in the way.
    """
    try:
        for path in (folder, folder / EVENTS, folder / EXPERIMENTS):
            make_private_folder(path)
    except OSError as e:
        raise ConfigError(f"the log {folder} cannot be written: {e.strerror or e}; name another folder") from e


def make_private_folder(path: Path) -> None:
    """Make a folder that its owner alone may enter; one that is there stays as it is. Raises an OSError where it cannot be made."""
    is_new = not path.is_dir()
    disk.make_folder(path)
    if is_new:
        path.chmod(_PRIVATE)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only one who writes a log, as long as this lasts.

    Raises:
        BusyLogError: another process writes it.
        DataError: it cannot be locked.
    """
    lock = FileLock(folder / LOCK, mode=0o600, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise BusyLogError(f"another process writes the log {folder}, such as a server; stop it first, or name another folder") from None
    except OSError as e:
        raise DataError(f"the log {folder} cannot be locked: {e.strerror or e}; it must lie where you may write") from e
    try:
        yield
    finally:
        lock.release()


def is_written(folder: Path) -> bool:
    """Return whether another process writes a log."""
    try:
        with locked(folder):
            return False
    except BusyLogError:
        return True
