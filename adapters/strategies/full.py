"""All weights of the network: the yardstick."""

from __future__ import annotations

from torch import nn

from ...base.load import Base
from .weights import WeightStrategy, read_parameters


class FullStrategy(WeightStrategy):
    """Every parameter that vectors come from: embeddings, LayerNorms, matrices, biases."""

    def choose(self, base: Base) -> dict[str, nn.Parameter]:
        """Return all of them."""
        return read_parameters(base)
