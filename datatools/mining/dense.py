"""Candidates by the vectors of a reference: exactly, block by block, or by an approximate index where that takes too long."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from ...events import Events
from ...index.approximate import NONE
from ...index.hidden import Hidden, nothing_hidden
from ...index.nearest import find_nearest
from ...plurals import count as counted
from ..embedding import Embedded
from .approximate import retrieve_approximately
from .candidates import Candidates, Rows, Scores
from .settings import EXACT_LIMIT

_SCORES_AT_ONCE = 2 * 1024 * 1024
"""Cosines that are held at once: 8 MB, whatever the corpus."""
_TRIED_QUERIES, _TRIED_ROWS = 64, 16_384
_QUICK = 1_000_000_000
"""Comparisons that are over before anybody would read how long they take."""


@dataclass(frozen=True, slots=True)
class DenseRetriever:
    """Queries and a corpus as vectors of one reference; above `exact_limit` comparisons, an approximate index finds the candidates."""

    embedded: Embedded
    exact_limit: int = EXACT_LIMIT
    scale: str = "cosine"
    is_slow: bool = False

    @property
    def name(self) -> str:
        """The reference."""
        return self.embedded.name

    @property
    def comparisons(self) -> int:
        """How many pairs of a query and a passage there are."""
        return len(self.embedded.queries) * self.embedded.passages.count

    def retrieve(self, count: int, hidden: Hidden, events: Events) -> Candidates:
        """See `Retriever`: every query is compared with every passage, unless that is too much.

        Raises:
            DataError: the vectors changed on the disk meanwhile.
        """
        count = min(count, self.embedded.passages.count)
        self._note_cost(count, events)
        if self.comparisons > self.exact_limit:
            why = f"mining by {self.comparisons:.1e} comparisons of a query with a passage, which is above the limit of exact ones ({self.exact_limit:.1e}),"
            return retrieve_approximately(self.embedded, count, hidden, why, events)
        what, total, done = f"comparing by {self.name}", len(self.embedded.queries), 0

        def report(queries: int) -> None:
            nonlocal done
            done += queries
            events.progress(what, done, total, "queries")

        found = find_nearest(
            self.embedded.queries, self.embedded.passages, count, hidden, scores_at_once=_SCORES_AT_ONCE, on_queries=report
        )
        self.embedded.passages.check_unchanged()
        rows, scores = found.rows.cpu().numpy(), found.scores.cpu().numpy()
        return Candidates(np.where(np.isneginf(scores), NONE, rows), scores)

    def judge(self, queries: Rows, rows: Rows, events: Events) -> Scores:  # noqa: ARG002 (it is quick)
        """Return the cosines of pairs."""
        return self.embedded.cosines(queries, rows)

    def _note_cost(self, count: int, events: Events) -> None:
        """Report how many comparisons there are and, of many, how long they take."""
        queries, passages = counted(len(self.embedded.queries), "query"), counted(self.embedded.passages.count, "passage")
        takes = f", about {_duration(self._estimate(count))} here if all are made" if self.comparisons > _QUICK else ""
        events.note(f"{self.name}: {queries} x {passages} = {self.comparisons:.1e} comparisons{takes}")

    def _estimate(self, count: int) -> float:
        """Return the seconds that all comparisons take: those of some queries with some rows, multiplied."""
        some, few = self.embedded.queries[:_TRIED_QUERIES], self.embedded.passages.parts[0][:_TRIED_ROWS]
        started = time.monotonic()
        find_nearest(some, _Parts((few,)), min(count, len(few)), nothing_hidden())
        return (time.monotonic() - started) * self.comparisons / (len(some) * len(few))


@dataclass(frozen=True, slots=True)
class _Parts:
    parts: tuple[torch.Tensor, ...]


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
