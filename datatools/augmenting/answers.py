"""A language model's answer -> queries: one JSON object with a list, whatever stands around it."""

from __future__ import annotations

import json
import re

from .chat import RowError

LONGEST = 400
"""Of a query, in characters."""
_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)


def read_queries(answer: str) -> list[str]:
    """Return the queries of an answer, each in one line.

    Raises:
        RowError: it holds no JSON, or none with a list of texts under `queries`.
    """
    value = _value(answer)
    queries = value.get("queries") if isinstance(value, dict) else value
    if not isinstance(queries, list) or not all(isinstance(query, str) for query in queries):
        raise RowError("the answer has no list of queries")
    found = [" ".join(query.split()) for query in queries]
    kept = [query for query in dict.fromkeys(found) if 0 < len(query) <= LONGEST]
    if not kept:
        raise RowError("the answer has no list of queries")
    return kept


def _value(answer: str) -> object:
    fenced = _FENCE.search(answer)
    text = fenced[1] if fenced else answer
    decoder = json.JSONDecoder()
    for start in (at for at, character in enumerate(text[:2000]) if character in "{["):
        try:
            return decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
    raise RowError("the answer is not JSON")
