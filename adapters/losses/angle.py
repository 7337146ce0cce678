"""AnglE: CoSENT on angles in the complex plane, which have a gradient where cosines are near 1 or -1 and have little."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch
from .cosent import rank_by_score, scored_pairs


def angle(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Return the loss of `cosent`, with the similarity |real part + imaginary part| of the quotient of two vectors.

    The first half of a vector's numbers are its real parts, the second its imaginary ones; of an odd number, a 0 is added.
    Source: https://arxiv.org/abs/2309.12871; the loss there has a contrastive part beside this one.
    """
    rows, columns = scored_pairs(batch)
    queries, passages = batch.queries[rows], batch.passages[columns]  # (n, d) each
    half = (queries.shape[1] + 1) // 2
    (a, b), (c, d) = (_parts(vectors, half) for vectors in (queries, passages))
    real, imaginary = (a * c).sum(1) + (b * d).sum(1), (b * c).sum(1) - (a * d).sum(1)
    return rank_by_score((real + imaginary).abs(), batch, settings)


def _parts(vectors: Tensor, half: int) -> tuple[Tensor, Tensor]:
    """Return real and imaginary parts, (n, half) each."""
    padded = torch.nn.functional.pad(vectors, (0, 2 * half - vectors.shape[1]))
    return padded[:, :half], padded[:, half:]
