"""What does not fit a loss, found before a network is loaded: data that do not state what it needs."""

from __future__ import annotations

from ...data.pairs import Pairs
from ...errors import DataError
from ..batch_order import check_sources, split_by_source
from ..config import TrainConfig
from .per_query import check_queries
from .table import LOSSES, compares_whole_corpus

STATED = {"negatives": "negatives", "targets": "scores"}
"""What a loss may need -> the field of `Pairs` that states it."""
ORDERING = ("cosent", "angle")
"""Losses that read of scores their order alone."""
_MENDS = {
    "negatives": "give each query texts that do not answer it (neg in pair lines, a column negative, or pairs with a label of 1 or 0), "
    "mine some with `adapt data mine`, or choose a loss that finds them in the batch",
    "targets": "give each pair a score (pos_scores and neg_scores in pair lines, or sentence pairs with a column score), let a teacher score "
    "them with `adapt data score`, or choose another loss",
}


def check_data_fit(settings: TrainConfig, pairs: Pairs) -> None:
    """Refuse a loss that needs what no training pair states, and batches of one source each of data that have one.

    Raises:
        DataError: the data do not state it, or no query has what the loss compares; the way out is told.
        ConfigError: as `check_sources`.
    """
    check_sources(len(split_by_source(sorted(pairs.queries))), settings)
    if not settings.in_batch_negatives and not pairs.negatives:
        raise DataError(f"in_batch_negatives=false leaves no negatives, since the data give none; {_MENDS['negatives']}, or leave it out")
    if pairs.labels and (settings.corpus_negatives or compares_whole_corpus(settings)):
        why = "corpus_negatives" if settings.corpus_negatives else f"the loss {settings.loss} against the whole corpus"
        raise DataError(
            f"these data have classes, and {why} would have as negatives what is of the same class; leave it out, or train queries alone with "
            "a loss over batches, such as --set loss=triplet_semi_hard"
        )
    for need in LOSSES[settings.loss].needs:
        if need in STATED and not getattr(pairs, STATED[need]):
            fitting = ", ".join(name for name, row in LOSSES.items() if not set(row.needs) - {"guide"})
            raise DataError(f"the loss {settings.loss} needs {STATED[need]}, which the data do not state; {_MENDS[need]} ({fitting})")
    _check_scores_differ(settings, pairs)
    check_queries(settings, pairs)


def _check_scores_differ(settings: TrainConfig, pairs: Pairs) -> None:
    """Refuse scores that are all equal to a loss that orders pairs by them, which would learn nothing."""
    scores = {score for of_query in pairs.scores.values() for score in of_query.values()}
    if settings.loss in ORDERING and len(scores) == 1:
        raise DataError(
            f"all scores are {scores.pop():g}, and the loss {settings.loss} learns from which of two pairs has the higher one; "
            "give scores that differ, or choose another loss, such as infonce"
        )
