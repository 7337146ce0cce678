"""Relevance -> pairs: which items answer a query, with what weight, and which are near it and do not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .relevance import PairScores
from .settings import ClickSettings

LEAST_LOOKED = 10.0
"""Where lists are not known, a hard negative was looked at so many times in expectation."""


@dataclass(frozen=True, slots=True)
class ChosenQuery:
    """A query with the items that answer it, their weights, and hard negatives, the most telling first; all by number."""

    query: int
    positives: tuple[int, ...]
    weights: tuple[float, ...]
    negatives: tuple[int, ...]


def choose_pairs(scores: PairScores, kept: np.ndarray, skips: np.ndarray | None, settings: ClickSettings) -> list[ChosenQuery]:
    """Choose the positives and hard negatives of each query.

    A pair weighs by its relevance beside the best of its query, times the logarithm of the query's clicks: a query that is asked a thousand
    times does not count a thousand times. The mean weight is 1.

    Args:
        scores: Of all pairs.
        kept: (queries,) bool: the queries that may be written.
        skips: (n,) how often the item of each pair was passed over for a click below it; None: lists are not known, and what was looked at
            often and hardly clicked stands in their place.
        settings: Thresholds and numbers.
    """
    evidence, least = (scores.looked, LEAST_LOOKED) if skips is None else (skips, float(settings.min_skips))
    bounds = np.flatnonzero(np.diff(scores.query, prepend=-1, append=-1))
    spans = (slice(start, end) for start, end in pairwise(bounds.tolist()) if kept[scores.query[start]])
    chosen = [found for span in spans if (found := _of_query(scores, span, evidence, least, settings))]
    weights = [weight for each in chosen for weight in each.weights]
    mean = sum(weights) / len(weights) if weights else 1.0
    return [
        ChosenQuery(each.query, each.positives, tuple(round(weight / mean, 4) for weight in each.weights), each.negatives)
        for each in chosen
    ]


def _of_query(scores: PairScores, span: slice, evidence: np.ndarray, least: float, settings: ClickSettings) -> ChosenQuery | None:
    relevance, clicked, items = scores.relevance[span], scores.clicked[span], scores.item[span]
    enough = clicked >= settings.min_clicks
    if not enough.any():
        return None
    best = relevance[enough].max()
    positive = np.flatnonzero(enough & (relevance >= settings.positive_share * best))
    positive = positive[np.argsort(-relevance[positive], kind="stable")][: settings.positives]
    negative = np.flatnonzero((relevance <= settings.negative_share * best) & (evidence[span] >= least))
    negative = negative[np.argsort(-evidence[span][negative], kind="stable")][: settings.negatives]
    weights = relevance[positive] / best * np.log2(1 + clicked.sum())
    return ChosenQuery(
        int(scores.query[span.start]), tuple(items[positive].tolist()), tuple(weights.tolist()), tuple(items[negative].tolist())
    )
