"""Candidates by the vectors of a reference: exactly, block by block, or by an approximate index where that takes too long."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from ...events import Events
from ...index.hidden import Hidden
from ...index.nearest import find_nearest
from ...index.vectors import StoredVectors
from ...plurals import count as counted
from .candidates import NONE, Candidates, Rows, Scores

_SCORES_AT_ONCE = 4 * 1024 * 1024
"""Cosines that are held at once: 16 MB, whatever the corpus."""
_PAIRS_AT_ONCE = 65_536
_TRIED_QUERIES, _TRIED_ROWS = 64, 16_384


@dataclass(frozen=True, slots=True)
class DenseRetriever:
    """Queries and a corpus as vectors of one reference.

    Attributes:
        name: The reference.
        queries: (q, d) float32 of length 1, on the device that compares.
        vectors: Of the corpus.
    """

    name: str
    queries: torch.Tensor
    vectors: StoredVectors
    scale: str = "cosine"
    is_slow: bool = False

    @property
    def comparisons(self) -> int:
        """How many pairs of a query and a passage there are."""
        return len(self.queries) * self.vectors.count

    def retrieve(self, count: int, hidden: Hidden, events: Events) -> Candidates:
        """See `Retriever`: every query is compared with every passage.

        Raises:
            DataError: the vectors changed on the disk meanwhile.
        """
        what, total, done = f"comparing by {self.name}", len(self.queries), 0
        self._note_cost(count, hidden, events)

        def report(queries: int) -> None:
            nonlocal done
            done += queries
            events.progress(what, done, total, "queries")

        found = find_nearest(self.queries, self.vectors, count, hidden, scores_at_once=_SCORES_AT_ONCE, on_queries=report)
        self.vectors.check_unchanged()
        rows, scores = found.rows.cpu().numpy(), found.scores.cpu().numpy()
        return Candidates(np.where(np.isneginf(scores), NONE, rows), scores)

    def judge(self, queries: Rows, rows: Rows, events: Events) -> Scores:  # noqa: ARG002 (it is quick)
        """Return the cosines of pairs."""
        cosines = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _PAIRS_AT_ONCE):
            some = slice(start, start + _PAIRS_AT_ONCE)
            asked = self.queries[torch.from_numpy(queries[some])].cpu()
            cosines[some] = (asked * self.vectors.rows(torch.from_numpy(rows[some]))).sum(1).numpy()
        return cosines

    def _note_cost(self, count: int, hidden: Hidden, events: Events) -> None:
        """Report how many comparisons are made and about how long they take: some queries are compared with some rows, and their time multiplied."""
        some, few = self.queries[:_TRIED_QUERIES], self.vectors.parts[0][:_TRIED_ROWS]
        if not len(some) or not len(few):
            return
        started = time.monotonic()
        find_nearest(some, _Parts((few,)), min(count, len(few)), Hidden(hidden.excluded[:, :0], hidden.copies[:0]))
        seconds = (time.monotonic() - started) * self.comparisons / (len(some) * len(few))
        events.note(
            f"{self.name}: {counted(len(self.queries), 'query')} x {counted(self.vectors.count, 'passage')} = {self.comparisons:.1e} comparisons, "
            f"about {_duration(seconds)} here"
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    parts: tuple[torch.Tensor, ...]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
