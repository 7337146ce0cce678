"""The nearest rows of a corpus for many queries, exactly, by blocks of matrix products: for training and for hard negatives.

`search.py` answers a few queries for people, equal rows in the corpus's order; here are many, and less is sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from .hidden import Hidden, nothing_hidden
from .search import Nearest
from .vectors import blocks

GROUP = 16
"""Columns of which the largest cosine is taken first: the n nearest rows lie in the n groups with the largest of these."""
_SCORES = 32 * 1024 * 1024
"""Cosines that are held at once: 128 MB."""
_QUERIES = 256


class InParts(Protocol):
    """Vectors of a corpus, rows of length 1."""

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The vectors one part after another, each (n, d)."""
        ...


def nearest_rows(queries: Tensor, vectors: InParts, count: int, left_out: Tensor | None = None) -> Tensor:
    """Return the rows with the largest cosines of each query, the largest first.

    Args:
        queries: (q, d), length 1.
        vectors: The corpus, of at least `count` rows beside those left out.
        count: How many rows of each query.
        left_out: Rows that are never found, ascending; None: none.

    Returns:
        (q, count) int64.
    """
    hidden = nothing_hidden() if left_out is None else Hidden(nothing_hidden().excluded, left_out)
    return find_nearest(queries, vectors, count, hidden).rows


def find_nearest(
    queries: Tensor,
    vectors: InParts,
    count: int,
    hidden: Hidden,
    *,
    scores_at_once: int | None = None,
    on_queries: Callable[[int], None] | None = None,
) -> Nearest:
    """Return the rows with the largest cosines of each query and the cosines, the largest first.

    Args:
        queries: (q, d), length 1.
        vectors: The corpus.
        count: How many rows of each query; fewer come where the corpus has fewer.
        hidden: Rows that do not count; one of them can come only where too few do, and has the cosine -inf.
        scores_at_once: Cosines that are held at once: memory against speed; None: 32 million.
        on_queries: Called with how many queries are done since the last call.
    """
    found, start = [], 0
    for part in torch.split(queries, _QUERIES):
        found.append(_nearest(part, vectors, count, hidden.of_queries(start, start + len(part)), scores_at_once or _SCORES))
        start += len(part)
        if on_queries:
            on_queries(len(part))
    if not start:
        return Nearest(torch.empty(0, count, dtype=torch.int64), queries.new_empty(0, count))
    return Nearest(torch.cat([each.rows for each in found]), torch.cat([each.scores for each in found]))


def _nearest(queries: Tensor, vectors: InParts, count: int, hidden: Hidden, scores: int) -> Nearest:
    best = queries.new_empty(len(queries), 0)
    rows = torch.empty(len(queries), 0, dtype=torch.int64, device=queries.device)
    for first, block in _joined(vectors, scores // max(1, len(queries)), queries.dtype):
        cosines = queries @ block.to(queries.device).T
        hidden.hide(cosines, first)
        values, columns = _largest(cosines, min(count, len(block)))
        best, rows = torch.cat([best, values], 1), torch.cat([rows, columns + first], 1)
        if best.shape[1] > count:
            best, kept = best.topk(count, dim=1)
            rows = rows.gather(1, kept)
        del block, cosines  # before the next ones are made
    best, order = best.sort(dim=1, descending=True, stable=True)
    return Nearest(rows.gather(1, order), best)


def _joined(vectors: InParts, size: int, dtype: torch.dtype) -> Iterator[tuple[int, Tensor]]:
    """Give the vectors in blocks of about `size` rows; small parts are put together, so that there is less to sort."""
    held: list[Tensor] = []
    first = rows = 0
    for start, block in blocks(vectors.parts, size, dtype):
        if held and rows + len(block) > size:
            yield first, _in_one(held)
            held, rows = [], 0
        if not held:
            first = start
        held.append(block)
        rows += len(block)
    if held:
        yield first, _in_one(held)


def _in_one(held: list[Tensor]) -> Tensor:
    return held[0] if len(held) == 1 else torch.cat(held)  # one block is read where it lies


def _largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the largest values of each row with their columns, in any order: as `topk`, with less to sort."""
    groups = values.shape[1] // GROUP
    if groups <= count:
        return values.topk(count, dim=1, sorted=False)
    whole = groups * GROUP
    grouped = values[:, :whole].reshape(len(values), groups, GROUP)
    chosen = grouped.amax(2).topk(count, dim=1, sorted=False).indices  # (q, count)
    columns = (chosen.unsqueeze(2) * GROUP + torch.arange(GROUP, device=values.device)).flatten(1)
    beyond = torch.arange(whole, values.shape[1], device=values.device).expand(len(values), -1)
    columns = torch.cat([columns, beyond], 1)
    largest = values.gather(1, columns).topk(count, dim=1, sorted=False)
    return largest.values, columns.gather(1, largest.indices)
