"""Layer by layer from the top: the lower ones join while the run goes on, with lower rates."""

from __future__ import annotations

from torch import nn

from ...base.load import Base
from .layers import choose_layers, find_layers
from .weights import WeightStrategy, read_parameters

OPEN_AT = 0.5
"""The share of the steps after which all layers are trained, where no number of steps is given for each."""


class LayerwiseStrategy(WeightStrategy):
    """The topmost layer from the first step on, the next one below some steps later, and so on down to the embeddings.

    Source: https://arxiv.org/abs/1801.06146 (gradual unfreezing and discriminative rates), where a layer joins each epoch.
    """

    def choose(self, base: Base) -> dict[str, nn.Parameter]:
        """Return the parameters of the named layers; of all layers, where none are named, and of the embeddings below them."""
        layers, numbers = find_layers(base), {*choose_layers(self.config.layers, base)}
        also_below = {None} if self.config.layers is None else set()
        return {name: parameter for name, parameter in read_parameters(base).items() if layers.number_of(name) in numbers | also_below}

    def rate_share(self, name: str) -> float:
        """Return `layer_decay` to the power of how many trained layers lie above."""
        return self.config.layer_decay ** self._order(name)

    def begin_step(self, step: int, steps: int) -> None:
        """Let the layers whose time has come get gradients."""
        each = self.config.steps_per_layer
        lowest = max(self._order(name) for name in self.former.values)
        opened = lowest if each == 0 else int(step / (each or max(1.0, OPEN_AT * steps / max(1, lowest))))
        for name, parameter in self.parameters.items():
            parameter.requires_grad_(self._order(name) <= opened)

    def _order(self, name: str) -> int:
        """Return how many trained layers lie above that of a parameter."""
        layers = find_layers(self.base)
        numbers = choose_layers(self.config.layers, self.base)
        number = layers.number_of(name)
        return sum(each > (-1 if number is None else number) for each in numbers)
