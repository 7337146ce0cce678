"""The nearest rows of queries, exactly: products of queries with one block of rows at a time, of which the best so far are kept.

Memory is bounded by the block, whatever the corpus. A query against a million rows of 384 dimensions takes about a second on one busy core
(`benchmarks/random_index.py`), so that no approximate index is used; with one, what rose and fell would be a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .vectors import StoredVectors, blocks, pieces

_QUERIES_AT_ONCE = 256
_ROWS_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True)
class Nearest:
    """The best rows of each query, the best first: `rows` (q, k) int64 and their cosines `scores` (q, k) float32."""

    rows: torch.Tensor
    scores: torch.Tensor


def best_rows(queries: torch.Tensor, vectors: StoredVectors, top: int) -> Nearest:
    """Return the nearest rows of queries by cosine; of equal ones, the first in the corpus.

    Args:
        queries: (q, d) float32 of length 1.
        vectors: The corpus.
        top: How many; all of them, where there are fewer.
    """
    parts = [nearer_of(some, vectors, min(top, vectors.count), 0, None) for some in pieces(queries, _QUERIES_AT_ONCE)]
    empty = queries.new_empty(0, min(top, vectors.count))
    rows = torch.cat([part.rows for part in parts]) if len(queries) else empty.long()
    return Nearest(rows, torch.cat([part.scores for part in parts]) if len(queries) else empty)


def nearer_of(queries: torch.Tensor, vectors: StoredVectors, top: int, first: int, before: Nearest | None) -> Nearest:
    """Return the best of what was found before and of some more rows; arguments as `best_rows`.

    Args:
        queries: All in one block.
        vectors: The further rows.
        top: How many are kept.
        first: The number of the first of the further rows.
        before: What was found in the rows before it; None: nothing.
    """
    rows = before.rows if before else torch.empty(len(queries), 0, dtype=torch.int64)
    scores = before.scores if before else queries.new_empty(len(queries), 0)
    for start, block in blocks(vectors.parts, _ROWS_AT_ONCE, torch.float32):
        best = (queries @ block.T).topk(min(top, len(block)), dim=1)
        found, places = torch.cat([scores, best.values], dim=1), torch.cat([rows, best.indices + first + start], dim=1)
        by_row = places.argsort(dim=1)  # so that the stable order below puts the first row first among equals
        found, places = found.gather(1, by_row), places.gather(1, by_row)
        order = found.argsort(dim=1, descending=True, stable=True)[:, :top]
        scores, rows = found.gather(1, order), places.gather(1, order)
    return Nearest(rows, scores)


def ranks_of(queries: torch.Tensor, vectors: StoredVectors, rows: list[list[int]]) -> list[list[int]]:
    """Return the rank of some rows for each query, 1 being the nearest: one more than the number of rows that are nearer.

    Args:
        queries: (q, d) float32 of length 1.
        vectors: The corpus.
        rows: For each query, whose ranks are asked for.
    """
    ranks: list[list[int]] = []
    for start in range(0, len(queries), _QUERIES_AT_ONCE):
        ranks += _ranks_of_some(queries[start : start + _QUERIES_AT_ONCE], vectors, rows[start : start + _QUERIES_AT_ONCE])
    return ranks


def _ranks_of_some(queries: torch.Tensor, vectors: StoredVectors, rows: list[list[int]]) -> list[list[int]]:
    own = [vectors.rows(asked) @ query for query, asked in zip(queries, rows, strict=True)]
    nearer = [torch.zeros(len(asked), dtype=torch.int64) for asked in rows]
    for start, block in blocks(vectors.parts, _ROWS_AT_ONCE, torch.float32):
        scores = queries @ block.T  # (q, b)
        for number, asked in enumerate(rows):
            here = [(place, row - start) for place, row in enumerate(asked) if start <= row < start + len(block)]
            for place, column in here:
                scores[number, column] = own[number][place]  # by the same product: a row is not nearer than itself
            ordered = scores[number].sort().values
            nearer[number] += len(ordered) - torch.searchsorted(ordered, own[number], right=True)
    return [[1 + int(each) for each in of_query] for of_query in nearer]
