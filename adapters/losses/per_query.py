"""What a loss needs of one query, so that there is something to learn from it: data without a single such query would train nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...data.pairs import Pairs
from ...errors import DataError
from ..config import TrainConfig


@dataclass(frozen=True, slots=True)
class Enough:
    """Of the pairs and the id of a query: whether a loss learns from the query; and what that is called."""

    holds: Callable[[Pairs, str], bool]
    what: str


def _counts(pairs: Pairs, qid: str) -> tuple[int, int]:
    """Return how many positives and how many negatives of a query have a score."""
    scored = pairs.scores.get(qid, {})
    positives = sum(pid in pairs.positives[qid] for pid in scored)
    return positives, len(scored) - positives


_ANSWER = Enough(lambda pairs, qid: bool(pairs.positives[qid]), "a positive")
_BOTH = Enough(lambda pairs, qid: bool(pairs.positives[qid] and pairs.negatives.get(qid)), "both a positive and a negative")
_SCORED = Enough(lambda pairs, qid: sum(_counts(pairs, qid)) > 1, "two passages with a score")
_SCORED_BOTH = Enough(lambda pairs, qid: all(_counts(pairs, qid)), "a positive and a negative with a score")
_OF_LOSS = {
    **dict.fromkeys(("infonce", "symmetric_infonce", "gist", "triplet_hard", "triplet_semi_hard"), _ANSWER),
    "triplet": _BOTH,
    "margin_mse": _SCORED_BOTH,
    "distil": _SCORED,
}
"""The losses that compare the passages of one query; the others learn from each pair by itself."""


def check_queries(settings: TrainConfig, pairs: Pairs) -> None:
    """Refuse data of which no query has what the loss compares, such as sentence pairs for a loss of triplets.

    Raises:
        DataError: as said; what pairs by themselves are for is told.
    """
    enough = _OF_LOSS.get(settings.loss)
    if enough is _ANSWER and not settings.in_batch_negatives:
        enough = _BOTH
    if enough is None or any(enough.holds(pairs, qid) for qid in pairs.queries):
        return
    how = "" if settings.in_batch_negatives else " with in_batch_negatives=false"
    raise DataError(
        f"the loss {settings.loss}{how} learns from queries that have {enough.what}, and no training query has; give such data, or choose "
        "a loss of single pairs: contrastive for labels, cosent for scores"
    )
