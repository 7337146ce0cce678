"""What training sees of the processes that share its steps. One process alone does nothing here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")
Item = TypeVar("Item")


class World(Protocol):
    """The processes of one training. Each of them calls the same methods in the same order.

    Raises, in each method: `LostProcessError`, where another process has ended.
    """

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    @property
    def sharers(self) -> int:
        """How many of them share the memory that this one computes in."""
        ...

    def from_first(self, make: Callable[[], T]) -> T:
        """Return what the first process makes; the others wait for it, and do not call `make`."""
        ...

    def gather(self, rows: Tensor, counts: Sequence[int]) -> list[Tensor]:
        """Return the rows of each process, without gradients.

        Args:
            rows: (counts[rank], d) of this process.
            counts: How many rows each process has.
        """
        ...

    def add_up(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make each gradient the sum over the processes, the same bits in all; one that none of them has stays None."""
        ...

    def first_alone(self) -> AbstractContextManager[None]:
        """Have the first process do the body before the others, which then find what it left on the disk."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """One process; see `World`."""

    rank: int = 0
    size: int = 1
    sharers: int = 1

    def from_first(self, make: Callable[[], T]) -> T:
        """Make it."""
        return make()

    def gather(self, rows: Tensor, counts: Sequence[int]) -> list[Tensor]:  # noqa: ARG002
        """Return the rows."""
        return [rows]

    def add_up(self, parameters: Sequence[nn.Parameter]) -> None:
        """Do nothing."""

    def first_alone(self) -> AbstractContextManager[None]:
        """Do nothing beside the body."""
        return nullcontext()


ALONE = Alone()


def share_rows(world: World, items: Sequence[Item], compute: Callable[[Sequence[Item]], Tensor]) -> Tensor:
    """Compute a row for each item, each process for a stretch of them, and return all rows: (len, d), the same bits in all processes.

    Args:
        world: The processes.
        items: One or more.
        compute: Some items -> their rows, without gradients.
    """
    if world.size == 1:
        return compute(items)
    ends = [len(items) * rank // world.size for rank in range(world.size + 1)]
    start, end = ends[world.rank], ends[world.rank + 1]
    own = compute(items[start:end]) if end > start else compute(items[:1])[:0]  # the width is known by computing alone
    return torch.cat(world.gather(own, [after - before for before, after in pairwise(ends)]))
