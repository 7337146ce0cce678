"""After a restart, the answers of the window are read back from the log, so that events of them are taken, each still once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from .folder import day_files, day_of
from .lines import Answer, Event
from .read import Skipped, read_file


def recent_entries(folder: Path, now: float, window_s: float) -> Iterator[Answer | Event]:
    """Give what a log holds of the window, and of today, of which users' answers and events are counted; in the order of its lines.

    Args:
        folder: Of the log.
        now: Unix seconds.
        window_s: How long after an answer its events are taken, in seconds.
    """
    since, today = now - window_s, day_of(now)
    first = day_of(since) - timedelta(days=1)  # a clock that was set back wrote into the file before
    for day, path in day_files(folder).items():
        if day >= first:
            yield from (each for each in read_file(path, Skipped()) if each.at >= since or day_of(each.at) == today)
