"""Old files of a log are deleted."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from ... import disk
from .folder import day_files


def remove_old(folder: Path, today: date, keep_days: int) -> list[date]:
    """Delete the files of days before the last `keep_days`; today is not one of these.

    Returns:
        The days whose files were deleted, the oldest first.

    Raises:
        OSError: one cannot be deleted.
    """
    first = today - timedelta(days=keep_days)
    old = {day: path for day, path in day_files(folder).items() if day < first}
    for path in old.values():
        disk.remove_file(path)
    return list(old)
