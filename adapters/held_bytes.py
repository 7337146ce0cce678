"""What training holds for each number that it trains, beside the number itself. No torch."""

from __future__ import annotations

from .config import TrainConfig
from .optimisers import OPTIMISERS

_FLOAT32 = 4


def bytes_per_number(config: TrainConfig) -> int:
    """Return the bytes in memory: gradient, optimiser's state, the best state, and the average where there is one."""
    averages = 1 if config.averaging != "none" else 0
    return _FLOAT32 * (2 + averages) + OPTIMISERS[config.optimiser].bytes_per_number


def saved_bytes_per_number(config: TrainConfig) -> int:
    """Return the bytes in a run's file of its state: the number as it is and in the best state, the average, the optimiser's state."""
    averages = 1 if config.averaging != "none" else 0
    return _FLOAT32 * (2 + averages) + OPTIMISERS[config.optimiser].bytes_per_number
