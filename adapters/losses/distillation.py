"""Distillation: the probabilities that a query's scored passages have are to be a teacher's."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch


def distil(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average over queries the divergence of the softmax of cosines from that of the teacher's scores, times temperature squared.

    A query's part is multiplied by the mean weight of its positives. A query with fewer than two scored passages has no part.
    Source: https://arxiv.org/abs/1503.02531, https://arxiv.org/abs/2010.11386.
    """
    assert batch.targets is not None  # the table says that they are needed
    has_score = batch.targets.isfinite()
    rows = (has_score.sum(1) > 1).nonzero().squeeze(1)
    counts = has_score[rows]
    logits = (batch.cosines[rows] / settings.temperature).masked_fill(~counts, -torch.inf)
    wanted = (batch.targets[rows] / settings.teacher_temperature).masked_fill(~counts, -torch.inf)
    difference = (wanted.log_softmax(1) - logits.log_softmax(1)).where(counts, torch.zeros_like(logits))
    losses = (wanted.softmax(1) * difference).sum(1) * _weights(batch, rows)
    return losses.sum() / max(1, len(rows)) * settings.temperature**2


def _weights(batch: EmbeddedBatch, rows: Tensor) -> Tensor:
    """Return the mean weight of the positives of some queries; 1 where there are none."""
    if batch.weights is None:
        return batch.queries.new_ones(len(rows))
    positive = batch.relation.positive[rows]
    mean = (batch.weights[rows] * positive).sum(1) / positive.sum(1).clamp_min(1)
    return mean.where(positive.any(1), torch.ones_like(mean))
