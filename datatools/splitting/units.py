"""What stays together: the queries of a source in units, none of which a split cuts in two. A way to split is a row of `UNITS`."""

from __future__ import annotations

from collections.abc import Callable

from ...data.groups import join_by, positive_keys, query_key
from ...data.pairs import Corpus, Pairs
from ...errors import DataError
from .settings import By

Units = list[list[str]]
"""Ids of queries, each in one unit."""


def by_component(pairs: Pairs, corpus: Corpus) -> Units:
    """Join queries that share a text or a positive, directly or through others."""
    return join_by({qid: [query_key(pairs, qid), *positive_keys(pairs, corpus, qid)] for qid in pairs.queries})


def by_query(pairs: Pairs, _corpus: Corpus) -> Units:
    """Join queries of the same text."""
    return join_by({qid: [query_key(pairs, qid)] for qid in pairs.queries})


def by_document(pairs: Pairs, corpus: Corpus) -> Units:
    """Join queries that a passage of the same text answers."""
    return join_by({qid: positive_keys(pairs, corpus, qid) for qid in pairs.queries})


def by_group(pairs: Pairs, _corpus: Corpus) -> Units:
    """Join queries of the same group; one without a group stays alone.

    Raises:
        DataError: no query states a group.
    """
    if not pairs.groups:
        raise DataError(
            'no query states a group to split by; put it under the key "group" of the lines, or name its column with --columns group=NAME'
        )
    return join_by({qid: [pairs.groups[qid]] if qid in pairs.groups else [] for qid in pairs.queries})


UNITS: dict[By, Callable[[Pairs, Corpus], Units]] = {
    "component": by_component,
    "query": by_query,
    "document": by_document,
    "group": by_group,
}
"""A way to split -> what stays together; time is apart (`times.py`), because it draws nothing."""
SHARED: dict[By, str] = {
    "component": "a query's text or a positive passage",
    "query": "a query's text",
    "document": "a positive passage",
    "group": "a group",
    "time": "a time",
}
"""A way to split -> what two splits never share."""
