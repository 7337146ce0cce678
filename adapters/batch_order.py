"""Which queries stand in which batch: mixed over all sources, or one source a batch. A function of the step alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ..errors import ConfigError
from .config import TrainConfig


class BatchOrder(Protocol):
    """Which queries stand in the batch of a step."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        ...

    def ids(self, step: int) -> list[str]:
        """Return the queries of the batch of a step, counted from 0, in the order of their ids."""
        ...


class MixedOrder:
    """All queries in one order, drawn anew each epoch."""

    def __init__(self, ids: Sequence[str], config: TrainConfig, *more: int) -> None:
        """`more`: what an epoch's order is drawn by beside the seed and the epoch."""
        self._ids, self._size, self._seed, self._more = sorted(ids), config.batch_size, config.seed, more

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch; a last batch of a single query joins no batch."""
        full, rest = divmod(len(self._ids), self._size)
        return max(1, full + (rest > 1))

    def ids(self, step: int) -> list[str]:
        """As `BatchOrder`."""
        epoch, row = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self._seed, epoch, *self._more]).permutation(len(self._ids))
        return [self._ids[number] for number in sorted(order[row * self._size : (row + 1) * self._size])]


class OneSourceOrder:
    """Each batch of one source: a source's batches are in an order of its own, and the sources' turns are drawn anew each epoch."""

    def __init__(self, ids: Sequence[str], config: TrainConfig) -> None:
        """Raises ConfigError where the sources are not as many as their weights, or there is one alone."""
        sources = split_by_source(ids)
        check_sources(len(sources), config)
        self._seed = config.seed
        self._orders = [MixedOrder(of_source, config, 1 + number) for number, of_source in enumerate(sources)]
        own = [order.steps_per_epoch for order in self._orders]
        self._turns = allot(sum(own), config.source_weights or own)

    @property
    def steps_per_epoch(self) -> int:
        """As many batches as the sources have together."""
        return sum(self._turns)

    def ids(self, step: int) -> list[str]:
        """As `BatchOrder`."""
        epoch, row = divmod(step, self.steps_per_epoch)
        turns = np.repeat(np.arange(len(self._turns)), self._turns)
        turns = np.random.default_rng([self._seed, epoch, 0]).permutation(turns)
        source = int(turns[row])
        earlier = int((turns[:row] == source).sum())
        return self._orders[source].ids(epoch * self._turns[source] + earlier)


def order_batches(ids: Sequence[str], config: TrainConfig) -> BatchOrder:
    """Return which queries stand in which batch.

    Raises:
        ConfigError: as `check_sources`.
    """
    return OneSourceOrder(ids, config) if config.one_source else MixedOrder(ids, config)


def split_by_source(ids: Sequence[str]) -> list[list[str]]:
    """Return the ids of each source: joined data have its number before a slash (`data/joining.py`)."""
    sources: dict[str, list[str]] = defaultdict(list)
    for each in ids:
        number, slash, _ = each.partition("/")
        sources[number if slash and number.isdecimal() else ""].append(each)
    return [sources[number] for number in sorted(sources, key=lambda number: int(number or -1))]


def check_sources(count: int, config: TrainConfig) -> None:
    """Refuse batches of one source each where there is only one, and weights that are not one for each.

    Raises:
        ConfigError: as said.
    """
    if not config.one_source:
        return
    if count < 2:
        raise ConfigError("one_source is for data of several sources, and these are of one; give --data several times, or leave it out")
    if config.source_weights and len(config.source_weights) != count:
        raise ConfigError(
            f"source_weights holds {len(config.source_weights)} numbers, and the data are of {count} sources; expected one for each"
        )


def allot(total: int, weights: Sequence[float]) -> list[int]:
    """Divide batches among sources by weight: at least 1 each, the rest by the largest remainders."""
    shares = [total * weight / sum(weights) for weight in weights]
    counts = [max(1, int(share)) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda number: int(shares[number]) - shares[number])
    for number in by_remainder[: max(0, total - sum(counts))]:
        counts[number] += 1
    return counts
