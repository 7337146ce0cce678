"""What comes of a strategy: factors over a base, or a network's own weights."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...errors import AdapterError
from ...lora import LoraFactors


@dataclass(frozen=True, slots=True)
class ModelWeights:
    """The parameters that training has changed, as a whole model is kept by them.

    Attributes:
        parameters: By their names in the base's network (`embeddings.LayerNorm.weight`), on the CPU, in float32, of the base's shapes; those
            that are not named are the base's.
    """

    parameters: dict[str, Tensor]


Trained = LoraFactors | ModelWeights
"""What a run has trained, as it is kept: `keep=factors`, or `keep=model`."""


def factors_of(trained: Trained) -> LoraFactors:
    """Return what was trained as factors.

    Raises:
        AdapterError: it is kept as a whole model, which has none.
    """
    if isinstance(trained, ModelWeights):
        raise no_factors()
    return trained


def no_factors() -> AdapterError:
    """Return the error of asking a whole model for its factors."""
    return AdapterError("a whole model has no factors; train with keep=factors to have the low-rank part of its difference to the base")
