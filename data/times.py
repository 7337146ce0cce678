"""When a query was asked: what people write for it -> a moment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[\sT]*(\d{1,2})[:时時](\d{1,2})分?(.*))?", re.DOTALL)
"""2024/3/5, 2024.3.5, 2024年3月5日 and 2024/3/5 9:05, as spreadsheets write it, which the standard does not know."""
_SECONDS = re.compile(r"^:?(\d{2})秒?(.*)", re.DOTALL)
_COMPACT = re.compile(r"((?:19|20)\d{6})(\d{6})")
"""20240305103000, as databases and logs write it."""


def read_moment(text: str) -> datetime:
    """Return a time as UTC: ISO 8601, such a date with slashes or in Chinese, or seconds since 1970. Without a zone it is taken as UTC.

    Raises:
        ValueError: it is none of these; or OverflowError, OSError, where it is out of range.
    """
    text = text.strip()
    if (compact := _COMPACT.fullmatch(text)) is not None:
        return datetime.fromisoformat("T".join(compact.groups())).replace(tzinfo=UTC)
    if text.replace(".", "", 1).isdecimal() and len(text.partition(".")[0]) > len("20240305"):
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    if (found := _DATE.fullmatch(text)) is not None:
        year, month, day, hour, minute, rest = found.groups()
        text = f"{year}-{int(month):02}-{int(day):02}"
        if hour is not None:
            text += f"T{int(hour):02}:{int(minute):02}{_SECONDS.sub(_plain_seconds, rest, count=1)}"
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _plain_seconds(found: re.Match[str]) -> str:
    return f":{found[1]}{found[2]}"


def latest(times: Iterable[str]) -> str:
    """Return the latest of some times as it is written; where one cannot be read, the last by its characters."""
    texts = list(times)
    try:
        return max(texts, key=read_moment)
    except (ValueError, OverflowError, OSError):
        return max(texts)
