"""What of a network is trained: one table. Importing it loads no torch: a row names its class, which is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from torch import nn

    from ...base.load import Base
    from ..settings.joined import TrainSettings
    from .protocol import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRow:
    """A row of the table.

    Attributes:
        make: A configuration -> the strategy of one run.
        settings: The names of the settings that it reads beside `store`, which all have.
        source: The paper's URL.
        use: One line: when to use it.
        has_pairs: Whether it trains pairs of factors, B @ A.
    """

    make: Callable[[TrainSettings], Strategy]
    settings: tuple[str, ...]
    source: str
    use: str
    has_pairs: bool = False


def _in(module: str, name: str) -> Callable[[TrainSettings], Strategy]:
    """Return what makes the class `name` of `module`."""

    def make(config: TrainSettings) -> Strategy:
        made: Strategy = getattr(importlib.import_module(f".{module}", __package__), name)(config)
        return made

    return make


STRATEGIES: dict[str, StrategyRow] = {
    "lora": StrategyRow(
        make=_in("lora", "LoraStrategy"),
        settings=("init_from", "rank", "alpha", "dropout", "targets", "layers"),
        source="https://arxiv.org/abs/2106.09685",
        use="by default: a few megabytes, merged in weight space",
        has_pairs=True,
    ),
}


def open_strategy(config: TrainSettings) -> Strategy:
    """Return the strategy of one run.

    Raises:
        ConfigError: there is none of that name; the message lists those that exist.
    """
    if config.strategy not in STRATEGIES:
        raise ConfigError(unknown_name("strategy", config.strategy, tuple(STRATEGIES)))
    return STRATEGIES[config.strategy].make(config)


@contextmanager
def put_in(strategy: Strategy, base: Base) -> Iterator[list[nn.Parameter]]:
    """Put a strategy into a base and give its parameters; at the end, however it comes, the base is as it was."""
    try:
        yield strategy.put_in(base)
    finally:
        strategy.take_out()
