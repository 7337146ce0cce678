"""After a restart, the answers of the window are read back from the log, so that events of them are taken, each still once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from .folder import day_files, day_of
from .lines import Lines


def recent_lines(folder: Path, since: float) -> Iterator[dict[str, Any]]:
    """Yield what the lines of a log say, from a time on, the oldest first.

    Args:
        folder: Of the log.
        since: Unix seconds.
    """
    first = day_of(since) - timedelta(days=1)  # a clock that was set back wrote into the file before
    for day, path in day_files(folder).items():
        if day >= first:
            yield from (about for _, about in Lines(path) if about is not None and _time(about) >= since)


def _time(about: dict[str, Any]) -> float:
    at = about.get("at")
    return at if isinstance(at, int | float) else 0.0
