"""The contrastive loss of labelled pairs: positives are drawn together, negatives pushed apart up to a margin."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch
from .distance import distances

MARGIN = 0.5
"""Where none is set: of cosine distances, which go from 0 to 2."""


def contrastive(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average over pairs half the squared distance of a positive, and half the squared rest to the margin of a negative.

    Source: https://doi.org/10.1109/CVPR.2006.100. Negatives are those that the data give.
    """
    close, far, weights = _labelled(batch, settings)
    losses = torch.cat([close**2 * weights, _rest(far, settings) ** 2])
    return losses.sum() / max(1, len(losses)) / 2


def online_contrastive(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Add up the squares over the hard pairs: positives farther than the nearest negative, negatives nearer than the farthest positive.

    Without any positives, negatives below their own mean are hard, and positives above theirs without any negatives.
    Source: https://www.sbert.net/docs/package_reference/sentence_transformer/losses.html#onlinecontrastiveloss.
    """
    close, far, weights = _labelled(batch, settings)
    nearest = far.min() if len(far) else close.mean()
    farthest = close.max() if len(close) else far.mean()
    hard_close, hard_far = close > nearest, far < farthest
    return (close**2 * weights)[hard_close].sum() + (_rest(far, settings)[hard_far] ** 2).sum()


def _labelled(batch: EmbeddedBatch, settings: LossSettings) -> tuple[Tensor, Tensor, Tensor]:
    """Return the distances of the positives and those of the negatives that the data give, and the weights of the positives."""
    assert batch.negatives is not None  # the table says that they are needed
    apart = distances(batch, settings.distance)
    return apart[batch.relation.positive], apart[batch.negatives], batch.weights_at(*batch.relation.positive.nonzero(as_tuple=True))


def _rest(far: Tensor, settings: LossSettings) -> Tensor:
    return torch.relu((MARGIN if settings.margin is None else settings.margin) - far)
