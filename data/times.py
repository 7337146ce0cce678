"""When a query was asked: what people write for it -> a moment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_DATE = re.compile(r"(\d{4})[/.年](\d{1,2})[/.月](\d{1,2})日?(.*)", re.DOTALL)
"""2024/3/5, 2024.3.5 and 2024年3月5日, which the standard does not know."""


def read_moment(text: str) -> datetime:
    """Return a time as UTC: ISO 8601, such a date with slashes or in Chinese, or seconds since 1970. Without a zone it is taken as UTC.

    Raises:
        ValueError: it is none of these; or OverflowError, OSError, where it is out of range.
    """
    text = text.strip()
    if text.replace(".", "", 1).isdecimal() and len(text.partition(".")[0]) > len("20240305"):
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    if (found := _DATE.fullmatch(text)) is not None:
        year, month, day, rest = found.groups()
        text = f"{year}-{int(month):02}-{int(day):02}{rest}"
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def latest(times: Iterable[str]) -> str:
    """Return the latest of some times as it is written; where one cannot be read, the last by its characters."""
    texts = list(times)
    try:
        return max(texts, key=read_moment)
    except (ValueError, OverflowError, OSError):
        return max(texts)
