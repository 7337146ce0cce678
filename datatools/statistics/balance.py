"""Weights that let clusters of queries count alike: a query of a large cluster counts less, one of a small cluster more.

Weights in place of drawing, because nothing is thrown away and no query comes twice in an epoch; doubling a weight is the same as repeating
a row.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...data.pairs import Pairs, TrainingData
from .clusters import Labels

MOST = 5.0
"""The largest weight, and its inverse the smallest: a cluster of two queries is not to decide a whole batch."""


def balance_weights(labels: Labels) -> np.ndarray:
    """Return a weight for each query, (n,) float64, of mean 1 before they are bounded: n / (clusters x the size of its own)."""
    sizes = np.bincount(labels)
    weights = len(labels) / (np.count_nonzero(sizes) * sizes[labels])
    return np.clip(weights, 1 / MOST, MOST)


def balance(data: TrainingData, query_ids: list[str], labels: Labels) -> TrainingData:
    """Multiply the weights of training pairs by those of their queries' clusters.

    Args:
        data: Whose training pairs get them.
        query_ids: Of the training queries that were clustered, all of them.
        labels: Their clusters, (n,).
    """
    by_query = dict(zip(query_ids, balance_weights(labels).tolist(), strict=True))
    return replace(data, train=weigh(data.train, by_query))


def weigh(pairs: Pairs, by_query: dict[str, float]) -> Pairs:
    """Return pairs with the weights of each query multiplied."""
    weights = {
        qid: {pid: round(by_query[qid] * pairs.weights.get(qid, {}).get(pid, 1.0), 4) for pid in passages}
        for qid, passages in pairs.positives.items()
    }
    return replace(pairs, weights=weights)
