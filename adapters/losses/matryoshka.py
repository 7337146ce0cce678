"""Matryoshka: a loss of the first numbers of each vector, for several numbers of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import normalize

from ..settings.loss import LossSettings
from .batch import EmbeddedBatch


def over_dims(compute: Callable[[EmbeddedBatch, LossSettings], Tensor], batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Add up a loss over the configured dimensions, each times its weight; vectors are cut, and brought to length 1 again.

    Raises:
        ConfigError: the vectors have fewer numbers than one of the dimensions.

    Source: https://arxiv.org/abs/2205.13147
    """
    settings.check_width(batch.queries.shape[1])
    weights = settings.dim_weights or (1.0,) * len(settings.dims)
    return sum(
        (weight * compute(_cut(batch, dim), settings) for dim, weight in zip(settings.dims, weights, strict=True)),
        start=batch.queries.new_zeros(()),
    )


def _cut(batch: EmbeddedBatch, dim: int) -> EmbeddedBatch:
    return dataclasses.replace(batch, queries=normalize(batch.queries[:, :dim]), passages=normalize(batch.passages[:, :dim]))
