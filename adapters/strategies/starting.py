"""Factors of another adapter into a strategy, as what its own start from."""

from __future__ import annotations

from ...errors import ConfigError
from ...lora import LoraFactors, LoraModule
from .protocol import Strategy
from .trained import factors_of


def start_from(strategy: Strategy, start: LoraFactors) -> None:
    """Set the factors of a strategy that was put in. Where its scale is another, the second factor is multiplied, so that the update is the same.

    Raises:
        ConfigError: they are of other modules, or of another rank.
    """
    own = factors_of(strategy.read_out())
    if own.keys() != start.keys():
        first = min(own.keys() ^ start.keys())
        raise ConfigError(
            f"what is started from changes {len(start)} modules, and the settings name {len(own)} ({first} is of one of them alone); "
            "leave out targets and layers"
        )
    scaled = {name: LoraModule(each.a, each.b * (each.scale / own[name].scale), own[name].scale) for name, each in start.items()}
    if odd := next((name for name in own if own[name].rank != scaled[name].rank), None):
        raise ConfigError(
            f"what is started from has rank {scaled[odd].rank} at {odd}, and the settings rank {own[odd].rank}; leave out rank"
        )
    strategy.read_in(scaled)
