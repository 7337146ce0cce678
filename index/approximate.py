"""The nearest rows of a corpus by an approximate index, where comparing every query with every row takes too long: usearch.

Source: a graph of neighbours in layers (HNSW, https://arxiv.org/abs/1603.09320), by usearch (https://github.com/unum-cloud/usearch). It is
built on one thread: on several, the order in which rows come in would decide what is found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import MissingExtraError
from .nearest import InParts
from .vectors import blocks

if TYPE_CHECKING:
    from usearch.index import Index

NONE = -1
"""In place of a row: there is no further one."""
CONNECTIVITY, WIDTH_ADDING, WIDTH_SEARCHING = 16, 128, 384
"""Neighbours of a row, and how many are looked at when rows are added and when queries search (docs/log/ has what others gave)."""
_ROWS = 8192

Rows = NDArray[np.int64]


def is_installed() -> bool:
    """Return whether usearch is here."""
    try:
        import usearch.index  # noqa: F401 (asked for, and not used)
    except ImportError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class ApproximateIndex:
    """A graph over the rows of a corpus, in memory, in bfloat16."""

    graph: Index

    def nearest(self, queries: Tensor, count: int) -> Rows:
        """Return the rows that are found nearest to each query, the nearest first: (q, count), `NONE` behind the last.

        Args:
            queries: (q, d), length 1.
            count: How many of each query.
        """
        rows = np.full((len(queries), count), NONE, np.int64)
        if len(queries):
            self.graph.expansion_search = max(WIDTH_SEARCHING, count)
            found = self.graph.search(queries.cpu().numpy(), min(count, len(self.graph)), threads=1)
            keys = np.atleast_2d(found.keys).astype(np.int64)
            counts = getattr(found, "counts", None)  # of several queries: where fewer are found, zeros stand behind them
            there = np.arange(keys.shape[1]) < (keys.shape[1] if counts is None else counts[:, None])
            rows[:, : keys.shape[1]] = np.where(there, keys, NONE)
        return rows


def build_approximate(vectors: InParts, left_out: Tensor, why: str, on_rows: Callable[[int], None] | None = None) -> ApproximateIndex:
    """Put the rows of a corpus into a graph.

    Args:
        vectors: The corpus.
        left_out: Rows that are never found.
        why: What needs it, for the error where it is not installed.
        on_rows: Called with how many rows are looked at so far.

    Raises:
        MissingExtraError: usearch is not installed.
    """
    try:
        from usearch.index import Index
    except ImportError as e:
        raise MissingExtraError(why, "ann") from e
    graph = Index(
        ndim=vectors.parts[0].shape[1],
        metric="ip",
        dtype="bf16",
        connectivity=CONNECTIVITY,
        expansion_add=WIDTH_ADDING,
        expansion_search=WIDTH_SEARCHING,
    )
    hidden = left_out.cpu().numpy()
    for first, block in blocks(vectors.parts, _ROWS, torch.float32):
        numbers = np.arange(first, first + len(block))
        kept = ~np.isin(numbers, hidden)
        graph.add(numbers[kept], block.cpu().numpy()[kept], threads=1)
        if on_rows:
            on_rows(first + len(block))
    return ApproximateIndex(graph)
