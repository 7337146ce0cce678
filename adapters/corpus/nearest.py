"""The nearest rows of a corpus for many queries, exactly, by blocks of matrix products."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...index.vectors import blocks
from .vectors import CorpusVectors

GROUP = 16
"""Columns of which the largest cosine is taken first: the n nearest rows lie in the n groups with the largest of these."""
_SCORES = 32 * 1024 * 1024
"""Cosines that are held at once: 128 MB."""
_QUERIES = 256


def nearest_rows(queries: Tensor, vectors: CorpusVectors, count: int, left_out: Tensor | None = None) -> Tensor:
    """Return the rows with the largest cosines of each query, the largest first.

    Args:
        queries: (q, d), length 1.
        vectors: The corpus, of at least `count` rows beside those left out.
        count: How many rows of each query.
        left_out: Rows that are never found, ascending; None: none.

    Returns:
        (q, count) int64.
    """
    found = [_nearest(part, vectors, count, left_out) for part in torch.split(queries, _QUERIES)]
    return torch.cat(found) if found else torch.empty(0, count, dtype=torch.int64)


def _nearest(queries: Tensor, vectors: CorpusVectors, count: int, left_out: Tensor | None) -> Tensor:
    best = queries.new_empty(len(queries), 0)
    rows = torch.empty(len(queries), 0, dtype=torch.int64, device=queries.device)
    for first, block in _joined(vectors, _SCORES // max(1, len(queries)), queries.dtype):
        cosines = queries @ block.to(queries.device).T
        if left_out is not None:
            start, end = torch.searchsorted(left_out, torch.tensor([first, first + len(block)])).tolist()
            cosines[:, left_out[start:end] - first] = -torch.inf
        values, columns = _largest(cosines, min(count, len(block)))
        best, rows = torch.cat([best, values], 1), torch.cat([rows, columns + first], 1)
        if best.shape[1] > count:
            best, kept = best.topk(count, dim=1)
            rows = rows.gather(1, kept)
    best, order = best.sort(dim=1, descending=True, stable=True)
    return rows.gather(1, order)


def _joined(vectors: CorpusVectors, size: int, dtype: torch.dtype) -> Iterator[tuple[int, Tensor]]:
    """Give the vectors in blocks of about `size` rows; small parts are put together, so that there is less to sort."""
    held: list[Tensor] = []
    first = rows = 0
    for start, block in blocks(vectors.parts, size, dtype):
        if held and rows + len(block) > size:
            yield first, torch.cat(held)
            held, rows = [], 0
        if not held:
            first = start
        held.append(block)
        rows += len(block)
    if held:
        yield first, torch.cat(held)


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
