"""InfoNCE of live queries against the stored vectors of a whole corpus."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import CorpusTargets
from .drawn_sum import log_sum_over_drawn
from .log_sum import log_sum_over_corpus


def info_nce_against_corpus(queries: Tensor, targets: CorpusTargets, settings: LossSettings) -> Tensor:
    """Average over queries and their positives of -log softmax of the positive among itself and all other passages of the corpus.

    As in `info_nce`, each of several positives is compared with the negatives alone and the mean is taken, so that every one of them is
    pulled; the logarithm of their sum would be content with the nearest one, and nDCG counts them all.
    """
    owner, row = targets.positive
    positives, owner = targets.vectors.rows(row).to(queries), owner.to(queries.device)  # (p, d), (p,)
    logits = (queries[owner] * positives).sum(1) / settings.temperature  # (p,)
    rest = _log_sum(queries, targets, settings.temperature)
    losses = torch.nn.functional.softplus(rest[owner] - logits)
    if targets.weights is not None:
        losses = losses * targets.weights.to(losses)
    counts = torch.bincount(owner, minlength=len(queries)).clamp_min(1)
    return (losses / counts[owner]).sum() / len(queries)


def _log_sum(queries: Tensor, targets: CorpusTargets, temperature: float) -> Tensor:
    if targets.drawn is None:
        return log_sum_over_corpus(queries, targets, temperature)
    return log_sum_over_drawn(queries, targets, targets.drawn, temperature)
