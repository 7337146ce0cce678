"""Candidates of many queries, what finds them, and what several that find them come to together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...events import Events
from ...index.approximate import NONE
from ...index.hidden import Hidden

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]

RRF_CONSTANT = 60


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best passages of each query, the best first: `rows` (q, k), `NONE` behind the last, and `scores` (q, k), -inf there."""

    rows: Rows
    scores: Scores


class Judge(Protocol):
    """What tells how well a passage answers a query."""

    @property
    def name(self) -> str:
        """What it is, for people."""
        ...

    @property
    def scale(self) -> str:
        """What its scores are, such as `cosine`."""
        ...

    @property
    def is_slow(self) -> bool:
        """Whether it is asked for no more than is needed."""
        ...

    def judge(self, queries: Rows, rows: Rows, events: Events) -> Scores:
        """Return the score of each pair of a query's place and a passage's row: (n,) and (n,) -> (n,)."""
        ...


class Retriever(Judge, Protocol):
    """What finds the passages that answer queries best, by its scores."""

    def retrieve(self, count: int, hidden: Hidden, events: Events) -> Candidates:
        """Return the best passages of every query but those that are hidden.

        Args:
            count: How many of each query.
            hidden: What does not count for a query.
            events: Told how far it is.
        """
        ...


def fuse(found: Sequence[Candidates], count: int) -> Candidates:
    """Return what several rankings have first together; the scores are the sums of 1 / (60 + rank).

    Args:
        found: Of the same queries; one is returned as it is.
        count: How many candidates of each query.

    Source: reciprocal rank fusion, https://doi.org/10.1145/1571941.1572114.
    """
    if len(found) == 1:
        return Candidates(found[0].rows[:, :count], found[0].scores[:, :count])
    gains = [np.broadcast_to(1 / (RRF_CONSTANT + 1 + np.arange(each.rows.shape[1])), each.rows.shape) for each in found]
    rows, gain = np.concatenate([each.rows for each in found], axis=1), np.concatenate(gains, axis=1)
    fused = [_fuse_one(*pair, count) for pair in zip(rows, gain, strict=True)]
    shape = (0, count)
    return Candidates(
        np.stack([rows for rows, _ in fused]) if fused else np.empty(shape, np.int64),
        np.stack([scores for _, scores in fused]) if fused else np.empty(shape, np.float32),
    )


def _fuse_one(rows: Rows, gain: NDArray[np.float64], count: int) -> tuple[Rows, Scores]:
    distinct, place = np.unique(rows[rows != NONE], return_inverse=True)
    sums = np.bincount(place, weights=gain[rows != NONE], minlength=len(distinct))
    order = np.lexsort((distinct, -sums))[:count]  # of equal sums, the first passage
    best, scores = np.full(count, NONE, np.int64), np.full(count, -np.inf, np.float32)
    best[: len(order)], scores[: len(order)] = distinct[order], sums[order]
    return best, scores
