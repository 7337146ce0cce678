"""Candidates by an approximate index, where comparing every query with every passage takes too long: usearch, and how much it misses.

Source: a graph of neighbours in layers (HNSW, https://arxiv.org/abs/1603.09320), by usearch (https://github.com/unum-cloud/usearch). It is
built on one thread: on several, the order in which rows come in would decide what is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ...errors import MissingExtraError
from ...events import Events
from ...index.hidden import Hidden
from ...index.nearest import find_nearest
from ...index.vectors import blocks
from ...plurals import count as counted
from ..embedding import Embedded
from .candidates import NONE, Candidates, Rows

if TYPE_CHECKING:
    from usearch.index import Index

CONNECTIVITY, WIDTH_ADDING, WIDTH_SEARCHING = 16, 128, 384
"""Neighbours of a row, and how many are looked at when rows are added and when queries search (docs/log/ has what others gave)."""
SAMPLE = 100
"""Queries that are searched exactly as well, to tell what the index misses."""
_ROWS, _QUERIES = 8192, 1024


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
        asked = embedded.queries[start : start + _QUERIES].cpu().numpy()
        found = index.search(asked, min(count + spare, len(index)), threads=1)
        for query, keys in enumerate(np.atleast_2d(found.keys).astype(np.int64), start=start):
            kept = keys[~np.isin(keys, excluded[query])][:count]
            rows[query, : len(kept)] = kept
        events.progress(f"searching with {embedded.name}", min(start + _QUERIES, len(rows)), len(rows), "queries")
    candidates = _ordered(embedded, rows)
    _note_recall(embedded, candidates, hidden, events)
    return candidates


def _build(embedded: Embedded, hidden: Hidden, why: str, events: Events) -> Index:
    try:
        from usearch.index import Index
    except ImportError as e:
        raise MissingExtraError(why, "ann") from e
    vectors, copies = embedded.passages, hidden.copies.numpy()
    index = Index(
        ndim=vectors.dimension,
        metric="ip",
        dtype="bf16",
        connectivity=CONNECTIVITY,
        expansion_add=WIDTH_ADDING,
        expansion_search=WIDTH_SEARCHING,
    )
    for first, block in blocks(vectors.parts, _ROWS, torch.float32):
        numbers = np.arange(first, first + len(block))
        kept = ~np.isin(numbers, copies)
        index.add(numbers[kept], block.numpy()[kept], threads=1)
        events.progress(f"indexing with {embedded.name}", first + len(block), vectors.count, "passages")
    return index


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
