"""GIST: InfoNCE whose in-batch negatives are those that a guide finds less like the query than the positive."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch, Relation


def gist(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average over queries and their positives of -log softmax of the positive among itself and what the guide leaves of the others.

    Others are the passages that are neither positives nor ignored, the queries, and, compared with the positive in the query's place, the
    positives of other queries. One is left out where the guide's cosine of it exceeds its cosine of the pair less the margin.
    Source: https://arxiv.org/abs/2402.16829; queries that share an answer are left out as well.
    """
    assert batch.guide is not None  # the table says that it is needed
    relation = batch.relation
    queries, passages = relation.positive.nonzero(as_tuple=True)
    pair = batch.cosines[queries, passages]
    allowed = (batch.guide.queries @ batch.guide.passages.T)[queries, passages] - (settings.margin or 0.0)
    others = _against_others(batch.queries, batch.passages, queries, passages)
    guided = _against_others(batch.guide.queries, batch.guide.passages, queries, passages)
    hidden = _never_negative(relation, queries, passages) | (guided > allowed.unsqueeze(1))
    logits = torch.cat([pair.unsqueeze(1), others.masked_fill(hidden, -torch.inf)], 1) / settings.temperature
    losses = -logits.log_softmax(1)[:, 0] * batch.weights_at(queries, passages)
    shares = 1 / relation.positive.sum(1)[queries]
    return (losses * shares).sum() / len(relation.positive)


def _against_others(queries: Tensor, passages: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the cosines of some pairs' queries with all passages and all queries, and of their passages with all passages, (n, p + q + p)."""
    return torch.cat([(queries @ passages.T)[rows], (queries @ queries.T)[rows], (passages @ passages.T)[columns]], 1)


def _never_negative(relation: Relation, rows: Tensor, columns: Tensor) -> Tensor:
    """Return what of `_against_others` is no negative whatever the guide finds, (n, p + q + p) bool."""
    answers = relation.positive | relation.ignored
    no_answer = ~relation.positive.any(0)
    itself = rows.unsqueeze(1) == torch.arange(len(answers), device=rows.device)
    return torch.cat([answers[rows], answers.T[columns] | itself, answers[rows] | no_answer], 1)
