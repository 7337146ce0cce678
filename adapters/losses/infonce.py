"""InfoNCE over the cosines of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch


@dataclass(frozen=True, slots=True)
class Scores:
    """What the loss works on.

    `cosines`: (rows, columns) float32, each row asking. `positive`, `ignored`: as in `Relation`. `log_frequency`: (columns,) float32, what
    is taken off the logits of each column; or one zero for all. `weights`: (rows, columns) float32, of the pairs; None: 1 for all.
    """

    cosines: Tensor
    positive: Tensor
    ignored: Tensor
    log_frequency: Tensor
    weights: Tensor | None = None


def info_nce(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average over queries and their positives of -log softmax of the positive among itself and the negatives.

    Source: https://arxiv.org/abs/1807.03748; unlike there, each of several positives of a query is compared with the negatives alone,
    never with its fellow positives. The frequencies: https://doi.org/10.1145/3298689.3346996.
    """
    return contrast(score(batch, settings), settings.temperature)


def score(batch: EmbeddedBatch, settings: LossSettings) -> Scores:
    """Return the cosines of a batch, and what is taken off the logits of passages that many queries name."""
    relation = batch.relation
    frequency = torch.ones((), device=batch.queries.device) if relation.frequency is None else relation.frequency
    log_frequency = settings.frequency_correction * frequency.log()
    return Scores(batch.cosines, relation.positive, relation.ignored, log_frequency, batch.weights)


def contrast(scores: Scores, temperature: float) -> Tensor:
    """Return the loss of scores, a scalar; a row without negatives has none."""
    logits = scores.cosines / temperature - scores.log_frequency  # (rows, columns)
    negatives = logits.masked_fill(scores.positive | scores.ignored, -torch.inf)
    rest = torch.logsumexp(negatives, dim=1, keepdim=True)  # (rows, 1); -inf where a row has no negative
    losses = torch.nn.functional.softplus(rest - logits)  # = -log(e^l / (e^l + e^rest))
    shares = scores.positive / scores.positive.sum(1, keepdim=True).clamp_min(1)
    if scores.weights is not None:
        shares = shares * scores.weights
    return (losses * shares).sum(1).mean()
