"""A language model's answer -> queries: one JSON object with a list, whatever stands around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .chat import RowError

LONGEST = 400
"""Of a query, in characters."""
NO_LIST = "the answer has no list of queries"
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)  # which some models write before their answer
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, and halves of a character
_BEGIN = re.compile(r"[{\[]")
_MOST_VALUES = 100  # that are tried: an answer has one


def read_queries(answer: str) -> list[str]:
    """Return the queries of an answer, each in one line.

    Raises:
        RowError: it holds no JSON, or none with a list of texts under `queries`.
    """
    queries = _listed(_THOUGHT.sub("", answer))
    found = [" ".join(query.split()) for query in queries]
    kept = [query for query in dict.fromkeys(found) if 0 < len(query) <= LONGEST and not _ODD.search(query)]
    if not kept:
        raise RowError(NO_LIST)
    return kept


def _listed(text: str) -> list[str]:
    """Return the first list of texts in the JSON values of a text: one by itself, or under `queries`."""
    values = list(_values(text))
    for value in values:
        queries = value.get("queries") if isinstance(value, dict) else value
        if isinstance(queries, list) and queries and all(isinstance(query, str) for query in queries):
            return queries
    raise RowError(NO_LIST if values else "the answer is not JSON")


def _values(text: str) -> Iterator[object]:
    decoder, at = json.JSONDecoder(), 0
    for _ in range(_MOST_VALUES):
        if (begin := _BEGIN.search(text, at)) is None:
            return
        try:
            value, at = decoder.raw_decode(text, begin.start())
            yield value
        except (ValueError, RecursionError):
            at = begin.end()
