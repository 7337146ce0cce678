"""Segments of queries: those that the callers named, or else how frequent a query is, and its language.

Frequency and language are of the query's text alone, which no arm changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .answers import AnswerTable

HEAD, TORSO = 1 / 3, 2 / 3
"""Queries from the most frequent one on, until a third of the answers: head; until two thirds: torso; the rest: tail."""
_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
MOST_SEGMENTS = 12


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the answers; `by` is segment, frequency or language."""

    by: str
    name: str
    answers: NDArray[np.bool_]


def segments_of(table: AnswerTable, is_counted: NDArray[np.bool_]) -> list[Segment]:
    """Return the segments of a table; where callers named segments, those with most answers and no others.

    Args:
        table: The answers.
        is_counted: (n,) which of them count; no others say which segments there are, or which queries are frequent.
    """
    if table.segments:
        counts = np.bincount(table.segment[is_counted & (table.segment >= 0)], minlength=len(table.segments))
        chosen = np.argsort(-counts, kind="stable")[:MOST_SEGMENTS]
        return [Segment("segment", table.segments[number], table.segment == number) for number in chosen if counts[number]]
    found = [*_by_frequency(table, is_counted), *_by_language(table, is_counted)]
    return [each for each in found if (each.answers & is_counted).any()]


def _by_frequency(table: AnswerTable, is_counted: NDArray[np.bool_]) -> list[Segment]:
    if not is_counted.any():
        return []
    _, same = np.unique(np.array([" ".join(text.casefold().split()) for text in table.queries], dtype=object), return_inverse=True)
    query = same[table.query]
    counts = np.bincount(query[is_counted], minlength=int(query.max()) + 1)
    order = np.argsort(-counts, kind="stable")
    before = np.concatenate([[0], np.cumsum(counts[order])[:-1]]) / counts.sum()
    part = np.empty(len(counts), int)
    part[order] = np.searchsorted([HEAD, TORSO], before, side="right")
    return [Segment("frequency", name, part[query] == number) for number, name in enumerate(("head", "torso", "tail"))]


def _by_language(table: AnswerTable, is_counted: NDArray[np.bool_]) -> list[Segment]:
    chinese = np.array([bool(_CHINESE.search(text)) for text in table.queries], bool)[table.query]
    found = [Segment("language", "zh", chinese), Segment("language", "en", ~chinese)]
    return found if all((each.answers & is_counted).any() for each in found) else []
