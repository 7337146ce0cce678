"""When queries were asked: units of the same time, the earliest first."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime

from ...data.pairs import Pairs
from ...errors import DataError
from ...plurals import be, count
from ...text_tables import shorten
from .settings import Undated
from .units import Units

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[\sT]*(\d{1,2})[:时時](\d{1,2})分?(.*))?", re.DOTALL)
"""2024/3/5, 2024.3.5, 2024年3月5日 and 2024/3/5 9:05, as spreadsheets write it, which the standard does not know."""
_SECONDS = re.compile(r"^:?(\d{2})秒?(.*)", re.DOTALL)
_COMPACT = re.compile(r"((?:19|20)\d{6})(\d{6})")
"""20240305103000, as databases and logs write it."""
_LONGEST = 60


def dated_units(pairs: Pairs) -> Units:
    """Return the queries that state a time, in units of the same time, the earliest first.

    Raises:
        DataError: no query states a time, all state the same one, or one states something else.
    """
    if not pairs.times:
        raise DataError(
            'no query states a time to split by; put it under the key "time" of the lines, or name its column with --columns time=NAME'
        )
    units: dict[datetime, list[str]] = defaultdict(list)
    for qid in pairs.queries:
        if qid in pairs.times:
            units[read_time(pairs.times[qid], pairs.queries[qid])].append(qid)
    if len(units) < 2:
        raise DataError(f"all queries with a time state {next(iter(pairs.times.values()))}, so that none is later than the others")
    return [units[time] for time in sorted(units)]


def undated_of(pairs: Pairs, undated: Undated) -> list[str]:
    """Return the ids of the queries without a time.

    Raises:
        DataError: there are some, and they are to be refused.
    """
    found = [qid for qid in pairs.queries if qid not in pairs.times]
    if found and undated == "refuse":
        raise DataError(
            f"{count(len(found), 'query')} of {len(pairs)} {be(len(found))} given no time (the first: {_quoted(pairs.queries[found[0]])}); "
            "say with --undated train or --undated drop what becomes of them"
        )
    return found


def read_time(text: str, query: str) -> datetime:
    """Return a time as UTC: ISO 8601, such a date with slashes or in Chinese, or seconds since 1970. Without a zone it is taken as UTC.

    Raises:
        DataError: it is none of these; the message names the query.
    """
    try:
        return _read(text.strip())
    except (ValueError, OverflowError, OSError):
        raise DataError(
            f"the query {_quoted(query)} states the time {text[:_LONGEST]!r}; expected ISO 8601, such as 2024-03-05 or 2024-03-05T10:00:00Z"
        ) from None


def _read(text: str) -> datetime:
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


def _quoted(text: str) -> str:
    return repr(shorten(text, _LONGEST))
