"""InfoNCE in both directions."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch
from .infonce import Scores, contrast, score


def symmetric_info_nce(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Average `info_nce` from queries to passages and from passages to queries.

    Source: https://arxiv.org/abs/2103.00020, for one positive each; passages that are no query's positive have no row of the second part,
    where the queries, which are all drawn equally often, are the columns.
    """
    there = score(batch, settings)
    wanted = there.positive.any(0)
    weights = None if there.weights is None else there.weights.T[wanted]
    back = Scores(there.cosines.T[wanted], there.positive.T[wanted], there.ignored.T[wanted], torch.zeros(()), weights)
    return (contrast(there, settings.temperature) + contrast(back, settings.temperature)) / 2
