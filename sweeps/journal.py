"""The journal of a study: a line for each change, on which a kill at any moment leaves no mark.

Optuna's own lock is a file that a killed process leaves behind, and that others take away after 30 s. This one is the system's, which ends with
its process. A line that a kill cut short is taken off before the next one is written: what follows it could not be read.
"""

from __future__ import annotations

import os
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.storages.journal import JournalFileBackend

_PART = 4096


class JournalLock:
    """A lock on a journal, held while lines are written: Optuna calls the two methods, and the class that it names for them is private."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = FileLock(journal.with_name(f"{journal.name}.lock"))

    def acquire(self) -> bool:
        """Wait for it, and take off what a killed process left of a line."""
        self._lock.acquire()
        try:
            cut_torn_line(self._journal)
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        """Let others write."""
        self._lock.release()


def cut_torn_line(path: Path) -> None:
    """Take off what follows the last end of a line, where something does."""
    with path.open("rb+") as file:
        end = size = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _PART)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)


def open_journal(path: Path) -> optuna.storages.JournalStorage:
    """Return the storage of a study; the file is made where it is not there."""
    return optuna.storages.JournalStorage(JournalFileBackend(str(path), lock_obj=JournalLock(path)))  # type: ignore[arg-type]
