"""All weights of some layers."""

from __future__ import annotations

from torch import nn

from ...base.load import Base
from .layers import choose_layers, find_layers
from .weights import WeightStrategy, read_parameters

LAST = 4
"""So many of the highest layers are trained where none are named, and no more than half of them."""


class PartialStrategy(WeightStrategy):
    """Matrices, biases and LayerNorms of the layers that a setting names; embeddings and the other layers stay as they are."""

    def choose(self, base: Base) -> dict[str, nn.Parameter]:
        """Return the parameters of those layers."""
        layers = find_layers(base)
        numbers = choose_layers(self.config.layers or f"last:{min(LAST, max(1, layers.depth // 2))}", base)
        return {name: parameter for name, parameter in read_parameters(base).items() if layers.number_of(name) in numbers}
