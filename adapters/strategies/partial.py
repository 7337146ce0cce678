"""All weights of some layers."""

from __future__ import annotations

from torch import nn

from ...base.load import Base
from .layers import choose_layers, find_layers
from .weights import WeightStrategy, read_parameters

LAYERS = "last:4"
"""The layers that are trained where none are named."""


class PartialStrategy(WeightStrategy):
    """Matrices, biases and LayerNorms of the layers that a setting names; embeddings and the other layers stay as they are."""

    def choose(self, base: Base) -> dict[str, nn.Parameter]:
        """Return the parameters of those layers."""
        layers, numbers = find_layers(base), choose_layers(self.config.layers or LAYERS, base)
        return {name: parameter for name, parameter in read_parameters(base).items() if layers.number_of(name) in numbers}
