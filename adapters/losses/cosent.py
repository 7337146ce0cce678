"""CoSENT: pairs with a higher score are to have a higher cosine."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch


def cosent(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Return log(1 + sum of exp((cosine of the pair with the lower score - that of the one with the higher) / temperature)).

    Source: https://kexue.fm/archives/8847, https://doi.org/10.1109/TASLP.2024.3402087. All scored pairs of a batch are compared with one
    another, whichever query they are of.
    """
    queries, passages = scored_pairs(batch)
    return rank_by_score(batch.cosines[queries, passages], batch, settings)


def scored_pairs(batch: EmbeddedBatch) -> tuple[Tensor, Tensor]:
    """Return the numbers of the queries and of the passages that have a score together and a weight above 0, (n,) each."""
    assert batch.targets is not None  # the table says that they are needed
    has_score = batch.targets.isfinite()
    queries, passages = (has_score if batch.weights is None else has_score & (batch.weights > 0)).nonzero(as_tuple=True)
    return queries, passages


def rank_by_score(similarities: Tensor, batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Return the loss of the similarities of `scored_pairs`, (n,); takes n * n numbers.

    What two pairs add to the sum is multiplied by the weights of both.
    """
    assert batch.targets is not None
    queries, passages = scored_pairs(batch)
    targets, weights = batch.targets[queries, passages], batch.weights_at(queries, passages).log()
    lower, higher = similarities / settings.temperature + weights, weights - similarities / settings.temperature
    is_ordered = targets.unsqueeze(1) < targets.unsqueeze(0)  # (n, n): the row's pair has the lower score
    excess = (lower.unsqueeze(1) + higher.unsqueeze(0)).masked_fill(~is_ordered, -torch.inf)
    return torch.cat([excess.new_zeros(1), excess.flatten()]).logsumexp(0)
