"""Layer by layer from the top: the lower ones join while the run goes on, with lower rates."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from ...base.load import Base
from .layers import choose_layers, find_layers
from .weights import WeightStrategy, read_parameters

OPEN_AT = 0.5
"""The share of the steps after which all layers are trained, where no number of steps is given for each."""


@dataclass(slots=True)
class LayerwiseStrategy(WeightStrategy):
    """The topmost layer from the first step on, the next one below some steps later, and so on down to the embeddings.

    Source: https://arxiv.org/abs/1801.06146 (gradual unfreezing and discriminative rates), where a layer joins each epoch.
    """

    _above: dict[str, int] = field(default_factory=dict, init=False)
    """How many trained layers lie above that of a parameter, by its name."""

    def choose(self, base: Base) -> dict[str, nn.Parameter]:
        """Return the parameters of the named layers; of all layers, where none are named, and of the embeddings below them."""
        layers, numbers = find_layers(base), choose_layers(self.config.layers, base)
        places: dict[int | None, int] = {number: sum(each > number for each in numbers) for number in numbers}
        if self.config.layers is None:
            places[None] = len(numbers)
        chosen = {name: each for name, each in read_parameters(base).items() if layers.number_of(name) in places}
        self._above = {name: places[layers.number_of(name)] for name in chosen}
        return chosen

    def rate_share(self, name: str) -> float:
        """Return `layer_decay` to the power of how many trained layers lie above."""
        return self.config.layer_decay ** self._above[name]

    def begin_step(self, step: int, steps: int) -> None:
        """Let the layers whose time has come get gradients."""
        joined = self.joined(step, steps)
        for name, parameter in self.parameters.items():
            parameter.requires_grad_(self._above[name] <= joined)

    def joined(self, step: int, steps: int) -> int:
        """Return how many layers have joined the topmost one by a step, counted from 0 of so many."""
        lowest, each = max(self._above.values()), self.config.steps_per_layer
        if each is None:
            return min(lowest, int(step * lowest / (OPEN_AT * steps)))
        return lowest if each == 0 else min(lowest, step // each)
