"""The anchor loss: how far vectors have moved away from the frozen base's."""

from __future__ import annotations

import torch
from torch import Tensor

from .batch import EmbeddedBatch


def distance_to_anchor(batch: EmbeddedBatch) -> Tensor:
    """Average the squared distance between the vectors of a batch's texts and the base's own of them, a scalar from 0 to 4."""
    assert batch.anchor is not None  # its caller asked for it
    return moved(torch.cat([batch.queries, batch.passages]), torch.cat([batch.anchor.queries, batch.anchor.passages]))


def moved(vectors: Tensor, before: Tensor) -> Tensor:
    """Average the squared distance between vectors of the same texts, (n, d) of length 1 each."""
    return ((vectors - before) ** 2).sum(1).mean()
