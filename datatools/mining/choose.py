"""Candidates -> negatives: what scores too near a positive is passed over, and of the rest the hardest, or any, are taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...events import Events
from ...index.approximate import NONE
from .candidates import Candidates, Judge, Rows, Scores
from .settings import MineSettings

NOT_JUDGED, KEPT, TOO_NEAR, TOO_HIGH, TOO_LOW, HOLDS_QUERY = range(6)
"""What became of a candidate: of a slow judge's, some are never asked for."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The candidates of each query in the order in which they were considered, and what became of them: all (q, k).

    Attributes:
        rows: Of the corpus; `NONE` where there is none.
        ranks: Among the candidates as they were found, from 1.
        scores: The judge's; NaN where it was not asked.
        verdicts: One of those above.
        wanted: How many negatives are taken of each query at most.
    """

    rows: Rows
    ranks: Rows
    scores: Scores
    verdicts: NDArray[np.int8]
    wanted: int

    @property
    def is_taken(self) -> NDArray[np.bool_]:
        """Which of them are negatives."""
        kept = self.verdicts == KEPT
        taken: NDArray[np.bool_] = kept & (kept.cumsum(axis=1) <= self.wanted)
        return taken

    @property
    def is_considered(self) -> NDArray[np.bool_]:
        """Which were looked at before there were enough."""
        kept = self.verdicts == KEPT
        considered: NDArray[np.bool_] = (self.verdicts != NOT_JUDGED) & (kept.cumsum(axis=1) - kept < self.wanted)
        return considered

    def negatives(self) -> list[Rows]:
        """Return the rows of each query's negatives, the hardest first."""
        taken, found = self.is_taken, []
        for query in range(len(self.rows)):
            own = np.flatnonzero(taken[query])
            found.append(self.rows[query, own[np.argsort(self.ranks[query, own])]])
        return found


Holds = Callable[[Rows, Rows], NDArray[np.bool_]]
"""Tells, of pairs of a query's place and a passage's row, whether the passage holds the query word for word: (n,) and (n,) -> (n,)."""


def choose(
    candidates: Candidates, positives: Scores, judge: Judge | None, settings: MineSettings, events: Events, holds: Holds | None = None
) -> Chosen:
    """Choose the negatives of each query.

    Args:
        candidates: The best first, none of them an answer.
        positives: (q,) the judge's score of each query's positive; of several, the lowest.
        judge: Scores the candidates; a slow one is asked for as many at a time as may be needed. None: the candidates' own scores hold.
        settings: Range, margins, bounds, sampling.
        events: Told how far the judge is.
        holds: What holds its query is passed over; asked of those alone that would be taken. None: nothing is.
    """
    order = _order(candidates.rows.shape[0], candidates.rows[:, settings.range_min : settings.depth].shape[1], settings)
    rows, own, ranks = np.take_along_axis(candidates.rows, order, 1), np.take_along_axis(candidates.scores, order, 1), order + 1
    scores, verdicts = np.full(rows.shape, np.nan, np.float32), np.full(rows.shape, NOT_JUDGED, np.int8)
    most, step = highest(positives, settings), settings.negatives if judge is not None and judge.is_slow else max(1, rows.shape[1])
    for start in range(0, rows.shape[1], step):
        columns = slice(start, start + step)
        is_open = (verdicts == KEPT).sum(axis=1) < settings.negatives
        owners, places = np.nonzero(is_open[:, None] & (rows[:, columns] != NONE))
        places += start
        found = own[owners, places] if judge is None else judge.judge(owners, rows[owners, places], events)
        scores[owners, places] = found
        verdicts[owners, places] = _verdicts(found, most[owners], settings)
        if holds is not None:
            _pass_over(rows, verdicts, settings.negatives, holds)
    return Chosen(rows, ranks, scores, verdicts, settings.negatives)


def _pass_over(rows: Rows, verdicts: NDArray[np.int8], wanted: int, holds: Holds) -> None:
    """Set the verdict of those that hold their query, until none of those that would be taken does."""
    looked_at = np.zeros(rows.shape, np.bool_)
    while True:
        kept = verdicts == KEPT
        owners, places = np.nonzero(kept & (kept.cumsum(axis=1) <= wanted) & ~looked_at)
        if not len(owners):
            return
        looked_at[owners, places] = True
        found = holds(owners, rows[owners, places])
        verdicts[owners[found], places[found]] = HOLDS_QUERY


def highest(positives: Scores, settings: MineSettings) -> Scores:
    """Return the score that a negative of each query has at most by the margins, (q,)."""
    most = np.full(len(positives), np.inf, np.float32)
    if settings.margin is not None:  # of a negative score, too, the margin is below it
        most = np.minimum(most, positives - np.abs(positives) * np.float32(settings.margin))
    if settings.absolute_margin is not None:
        most = np.minimum(most, positives - np.float32(settings.absolute_margin))
    return most


def _order(queries: int, count: int, settings: MineSettings) -> Rows:
    """Return the places of the range's candidates in the order in which they are considered, (q, k)."""
    places = np.broadcast_to(np.arange(count, dtype=np.int64) + settings.range_min, (queries, count))
    return places if settings.sampling == "top" else np.random.default_rng(settings.seed).permuted(places, axis=1)


def _verdicts(scores: Scores, most: Scores, settings: MineSettings) -> NDArray[np.int8]:
    high = np.inf if settings.max_score is None else settings.max_score
    low = -np.inf if settings.min_score is None else settings.min_score
    conditions = [scores > most, scores > high, scores < low]
    return np.select(conditions, [TOO_NEAR, TOO_HIGH, TOO_LOW], KEPT).astype(np.int8)
