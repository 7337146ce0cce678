"""Queries of one text whose rows state different groups or times: the groups are joined, the latest time counts, and both are told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ..plurals import count
from .groups import join_by
from .times import latest

Stated = Mapping[str, Iterable[str]]
"""Query -> what its rows state, in their order."""


def join_groups(stated: Stated) -> dict[str, str]:
    """Return the group of each query. Groups that have a query in common are one, called by the first of their names in order.

    So no split by group cuts one in two, whichever of the rows a query is taken from.
    """
    names = {qid: list(dict.fromkeys(groups)) for qid, groups in stated.items()}
    if all(len(groups) == 1 for groups in names.values()):
        return {qid: groups[0] for qid, groups in names.items()}
    joined = {qid: min(name for each in together for name in names[each]) for together in join_by(names) for qid in together}
    return {qid: joined[qid] for qid in names}


def latest_times(stated: Stated) -> dict[str, str]:
    """Return the latest time of each query."""
    distinct = {qid: list(dict.fromkeys(times)) for qid, times in stated.items()}
    return {qid: times[0] if len(times) == 1 else latest(times) for qid, times in distinct.items()}


def note_rows(source: str, rows: Iterable[tuple[str, str | None, str | None]]) -> Iterator[str]:
    """Yield a line for groups and one for times, where rows (query, group, time) of the same query state different ones."""
    groups: dict[str, dict[str, None]] = {}
    times: dict[str, dict[str, None]] = {}
    for query, group, time in rows:
        for value, kept in ((group, groups), (time, times)):
            if value is not None:
                kept.setdefault(query, {})[value] = None
    yield from note_several(source, groups, times)


def note_several(source: str, groups: Mapping[str, Collection[str]], times: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Yield what `note_rows` yields, of the different ones by query."""
    for what, stated, done in (("group", groups, "these groups are joined"), ("time", times, "the latest counts")):
        if several := sum(len(values) > 1 for values in stated.values()):
            yield f"{source}: {count(several, 'query')} stated more than one {what}; {done}"
