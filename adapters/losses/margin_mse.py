"""MarginMSE: the difference of the cosines of a positive and a negative is to be a teacher's."""

from __future__ import annotations

from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch


def margin_mse(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average the squared error of the differences over each scored positive with each scored negative of its query.

    Source: https://arxiv.org/abs/2010.02666. The product of vectors of length 1 is their cosine, so that no difference exceeds 2: a
    teacher's scores are divided by `teacher_temperature`.
    """
    assert batch.targets is not None  # the table says that they are needed
    targets, positive = batch.targets / settings.teacher_temperature, batch.relation.positive
    cosines, has_score = batch.cosines, batch.targets.isfinite()
    queries, passages = (positive & has_score).nonzero(as_tuple=True)
    counts = (has_score & ~positive)[queries]  # (positives, p)
    margins = cosines[queries, passages].unsqueeze(1) - cosines[queries]
    wanted = targets[queries, passages].unsqueeze(1) - targets[queries]
    errors = (margins - wanted.where(counts, margins.detach())) ** 2  # 0 where nothing is wanted
    return (errors * batch.weights_at(queries, passages).unsqueeze(1)).sum() / counts.sum().clamp_min(1)
