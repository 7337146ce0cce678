"""When queries were asked: units of the same time, the earliest first."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from ...data.pairs import Pairs
from ...data.times import read_moment
from ...errors import DataError
from ...plurals import be, count
from ...text_tables import shorten
from .settings import Undated
from .units import Units

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
        return read_moment(text)
    except (ValueError, OverflowError, OSError):
        raise DataError(
            f"the query {_quoted(query)} states the time {text[:_LONGEST]!r}; expected ISO 8601, such as 2024-03-05 or 2024-03-05T10:00:00Z"
        ) from None


def _quoted(text: str) -> str:
    return repr(shorten(text, _LONGEST))
