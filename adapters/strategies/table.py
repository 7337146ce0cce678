"""What of a network is trained: one table. Importing it loads no torch: a row names its class, which is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import ConfigError, unknown_name
from ..settings.optimiser import RATE_OF_FACTORS

if TYPE_CHECKING:
    from torch import nn

    from ...base.head import Head
    from ...base.load import Base
    from ..settings.joined import TrainSettings
    from .protocol import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRow:
    """A row of the table.

    Attributes:
        make: A configuration -> the strategy of one run.
        settings: The names of the settings that it reads.
        source: The paper's URL.
        use: One line: when to use it.
        learning_rate: At its peak, where none is given.
        usual_rates: From where to where rates suit; above, a warning says so.
        has_pairs: Whether it trains pairs of factors, B @ A.
        has_matrices: Whether it trains linear modules' weights, or factors beside them.
        freezes_layers: Whether lower layers are frozen where no layers are named.
    """

    make: Callable[[TrainSettings], Strategy]
    settings: tuple[str, ...]
    source: str
    use: str
    learning_rate: float = RATE_OF_FACTORS
    usual_rates: tuple[float, float] | None = None
    has_pairs: bool = False
    has_matrices: bool = True
    freezes_layers: bool = False


def _in(module: str, name: str) -> Callable[[TrainSettings], Strategy]:
    """Return what makes the class `name` of `module`."""

    def make(config: TrainSettings) -> Strategy:
        made: Strategy = getattr(importlib.import_module(f".{module}", __package__), name)(config)
        return made

    return make


STRATEGIES: dict[str, StrategyRow] = {
    "lora": StrategyRow(
        make=_in("lora", "LoraStrategy"),
        settings=("init_from", "rank", "alpha", "rslora", "init", "dora", "dropout", "targets", "layers", "cache_frozen", "store"),
        source="https://arxiv.org/abs/2106.09685",
        use="by default: a few megabytes, merged in weight space",
        has_pairs=True,
    ),
    "full": StrategyRow(
        make=_in("full", "FullStrategy"),
        settings=("rank", "dropout", "keep", "store"),
        source="https://arxiv.org/abs/1810.04805",
        use="as the yardstick of what there is to gain; kept whole, where the file may be as large as the base",
        learning_rate=1e-4,
        usual_rates=(1e-5, 2e-4),
    ),
    "partial": StrategyRow(
        make=_in("partial", "PartialStrategy"),
        settings=("rank", "dropout", "layers", "cache_frozen", "keep", "store"),
        source="https://arxiv.org/abs/1911.03090",
        use="when steps are to be quick, and the lower layers to stay the base's",
        learning_rate=5e-5,
        usual_rates=(1e-5, 2e-4),
        freezes_layers=True,
    ),
    "layerwise": StrategyRow(
        make=_in("layerwise", "LayerwiseStrategy"),
        settings=("rank", "dropout", "layers", "cache_frozen", "layer_decay", "steps_per_layer", "keep", "store"),
        source="https://arxiv.org/abs/1801.06146",
        use="when full tuning forgets too much: the lower layers join later, and move less",
        learning_rate=5e-5,
        usual_rates=(1e-5, 2e-4),
    ),
    "bitfit": StrategyRow(
        make=_in("bitfit", "BitFitStrategy"),
        settings=("dropout", "keep"),
        source="https://arxiv.org/abs/2106.10199",
        use="for the smallest files, and few pairs: the biases alone, kept whole",
        learning_rate=1e-3,
        usual_rates=(1e-4, 5e-3),
        has_matrices=False,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRow:
    """A row of the table of what is kept.

    Attributes:
        settings: The names of the settings that it reads.
        use: One line: when to use it.
    """

    settings: tuple[str, ...]
    use: str


KEEPS: dict[str, KeepRow] = {
    "factors": KeepRow(settings=("rank", "store"), use="by default: a small file, which merges and combines like any adapter"),
    "model": KeepRow(settings=(), use="when every bit of the training is to be kept: a file as large as the base, in float32"),
}
"""What is kept of a network's own weights that were trained."""


def open_strategy(config: TrainSettings, start: Head | None = None) -> Strategy:
    """Return the strategy of one run, with a projection head beside it where the configuration has one.

    Args:
        config: How the run trains.
        start: What the head begins as; None: seeded directions.

    Raises:
        ConfigError: there is none of that name; the message lists those that exist.
    """
    if config.strategy not in STRATEGIES:
        raise ConfigError(unknown_name("strategy", config.strategy, tuple(STRATEGIES)))
    strategy = STRATEGIES[config.strategy].make(config)
    if config.head is None:
        return strategy
    from .head import WithHead

    return WithHead(strategy, config, start)


@contextmanager
def put_in(strategy: Strategy, base: Base) -> Iterator[list[nn.Parameter]]:
    """Put a strategy into a base and give its parameters; at the end, however it comes, the base is as it was."""
    try:
        yield strategy.put_in(base)
    finally:
        strategy.take_out()
