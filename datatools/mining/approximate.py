"""Candidates by an approximate index, where comparing every query with every passage takes too long, and how much it misses."""

from __future__ import annotations

import numpy as np
import torch

from ...events import Events
from ...index.approximate import NONE, ApproximateIndex, build_approximate
from ...index.hidden import Hidden
from ...index.nearest import find_nearest
from ...plurals import count as counted
from ..embedding import Embedded
from .candidates import Candidates, Rows

SAMPLE = 100
"""Queries that are searched exactly as well, to tell what the index misses."""
_QUERIES = 1024


def retrieve_approximately(embedded: Embedded, count: int, hidden: Hidden, why: str, events: Events) -> Candidates:
    """Return the best passages of every query that an approximate index finds, with their exact cosines, and report its recall.

    Args:
        embedded: Queries and passages.
        count: How many of each query.
        hidden: What does not count for a query.
        why: Why it is needed, for the error where it is not installed.
        events: Told how far it is, and the recall.

    Raises:
        MissingExtraError: usearch is not installed.
    """
    index = _build(embedded, hidden, why, events)
    excluded = _by_query(hidden, len(embedded.queries))
    spare = max(map(len, excluded), default=0)
    rows = np.full((len(embedded.queries), count), NONE, np.int64)
    for start in range(0, len(rows), _QUERIES):
        for query, found in enumerate(index.nearest(embedded.queries[start : start + _QUERIES], count + spare), start=start):
            kept = found[~np.isin(found, [*excluded[query], NONE])][:count]
            rows[query, : len(kept)] = kept
        events.progress(f"searching with {embedded.name}", min(start + _QUERIES, len(rows)), len(rows), "queries")
    candidates = _ordered(embedded, rows)
    _note_recall(embedded, candidates, hidden, events)
    return candidates


def _build(embedded: Embedded, hidden: Hidden, why: str, events: Events) -> ApproximateIndex:
    def tell(rows: int) -> None:
        events.progress(f"indexing with {embedded.name}", rows, embedded.passages.count, "passages")

    return build_approximate(embedded.passages, hidden.copies, why, tell)


def _by_query(hidden: Hidden, queries: int) -> list[Rows]:
    """Return the rows that do not count for each query."""
    owner, row = hidden.excluded.numpy()
    order = np.argsort(owner, kind="stable")
    return np.split(row[order], np.searchsorted(owner[order], np.arange(1, queries)))


def _ordered(embedded: Embedded, rows: Rows) -> Candidates:
    """Return candidates by their exact cosines, the best first."""
    scores = np.full(rows.shape, -np.inf, np.float32)
    there = rows != NONE
    scores[there] = embedded.cosines(np.nonzero(there)[0], rows[there])
    order = np.argsort(-scores, axis=1, kind="stable")
    return Candidates(np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1))


def _note_recall(embedded: Embedded, found: Candidates, hidden: Hidden, events: Events) -> None:
    chosen = np.unique(np.linspace(0, len(found.rows) - 1, min(SAMPLE, len(found.rows))).astype(np.int64))
    excluded = _by_query(hidden, len(found.rows))
    owner = np.repeat(np.arange(len(chosen)), [len(excluded[query]) for query in chosen])
    row = np.concatenate([excluded[query] for query in chosen])
    by_row = np.argsort(row, kind="stable")
    own = Hidden(torch.from_numpy(np.stack([owner, row])[:, by_row]), hidden.copies)
    exact = find_nearest(embedded.queries[torch.from_numpy(chosen)], embedded.passages, found.rows.shape[1], own).rows.cpu().numpy()
    hits = sum(len(np.intersect1d(found.rows[query], rows)) for query, rows in zip(chosen, exact, strict=True))
    events.note(
        f"{embedded.name}: an approximate index finds {hits / exact.size:.1%} of the {exact.shape[1]} nearest passages, "
        f"on a sample of {counted(len(chosen), 'query')}; --exact-limit 0 is always approximate, a higher one exact"
    )
