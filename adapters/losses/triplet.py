"""The triplet loss: a query is to be nearer to its positive than to a negative, by a margin. Three ways to choose the negatives."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch
from .distance import distances

MARGIN = 0.3
"""Where none is set: of cosine distances, which go from 0 to 2."""


def triplet(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average over each positive with each negative that the data give for its query.

    Source: https://arxiv.org/abs/1503.03832
    """
    assert batch.negatives is not None  # the table says that it is needed
    apart = distances(batch, settings.distance)
    queries, passages = batch.relation.positive.nonzero(as_tuple=True)
    losses = _hinge(apart[queries, passages].unsqueeze(1), apart[queries], settings)  # (positives, p)
    counts = batch.negatives[queries]
    weights = batch.weights_at(queries, passages).unsqueeze(1)
    return (losses * weights * counts).sum() / counts.sum().clamp_min(1)


def triplet_hard(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average over queries; of each, the farthest positive and the nearest negative of the batch.

    Source: https://arxiv.org/abs/1703.07737 (batch hard). A query without a positive or without a negative has no part.
    """
    apart, positive = distances(batch, settings.distance), batch.relation.positive
    negative = ~(positive | batch.relation.ignored)
    queries = (positive.any(1) & negative.any(1)).nonzero().squeeze(1)
    apart, positive, negative = apart[queries], positive[queries], negative[queries]
    farthest, chosen = apart.masked_fill(~positive, -torch.inf).max(1)
    nearest = apart.masked_fill(~negative, torch.inf).min(1).values
    return _mean(_hinge(farthest, nearest, settings) * batch.weights_at(queries, chosen))


def triplet_semi_hard(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average over positives; of each, the nearest negative of the batch that is farther than it, or else the farthest negative.

    Source: https://arxiv.org/abs/1503.03832, where queries and passages are of one kind.
    """
    apart, positive = distances(batch, settings.distance), batch.relation.positive
    negative = ~(positive | batch.relation.ignored)
    queries, passages = (positive & negative.any(1, keepdim=True)).nonzero(as_tuple=True)
    own, others, counts = apart[queries, passages], apart[queries], negative[queries]
    beyond = counts & (others > own.unsqueeze(1))
    nearest = others.masked_fill(~beyond, torch.inf).min(1)
    farthest = others.masked_fill(~counts, -torch.inf).max(1)
    column = torch.where(beyond.any(1), nearest.indices, farthest.indices)
    chosen = others.gather(1, column.unsqueeze(1)).squeeze(1)
    return _mean(_hinge(own, chosen, settings) * batch.weights_at(queries, passages))


def _hinge(positive: Tensor, negative: Tensor, settings: LossSettings) -> Tensor:
    margin = MARGIN if settings.margin is None else settings.margin
    return torch.relu(positive - negative + margin)


def _mean(losses: Tensor) -> Tensor:
    """Return the mean; 0, with a gradient of zeros, of none."""
    return losses.sum() / max(1, len(losses))
