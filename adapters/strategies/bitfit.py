"""Biases alone."""

from __future__ import annotations

from torch import nn

from ...base.load import Base
from ...errors import ConfigError
from ...lora import is_bias
from .weights import WeightStrategy, read_parameters


class BitFitStrategy(WeightStrategy):
    """All biases, those of LayerNorms included.

    Source: https://arxiv.org/abs/2106.10199.
    """

    def choose(self, base: Base) -> dict[str, nn.Parameter]:
        """Return the biases."""
        biases = {name: parameter for name, parameter in read_parameters(base).items() if is_bias(name)}
        if not biases:
            raise ConfigError(f"{base.spec.name} has no biases, which are all that bitfit trains; take strategy=lora")
        return biases
