"""Queries that wait for an index: what is queued is compared with it together, so that its rows are read once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .index import Item, SearchIndex

if TYPE_CHECKING:
    from ...encoders.protocol import Vectors


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A query that waits: its vector, (1, d), how many rows it wants, and what receives them."""

    vector: Vectors
    k: int
    future: asyncio.Future[list[Item]]


@dataclass(slots=True, eq=False)
class SearchQueue:
    """The queue of one index; nothing waits for more to come. Used by the event loop's thread.

    Attributes:
        index: What is searched.
        pool: Whose threads search.
    """

    index: SearchIndex
    pool: ThreadPoolExecutor
    _waiting: list[_Waiting] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    async def nearest(self, vector: Vectors, k: int) -> list[Item]:
        """Return the rows nearest to a query, as `SearchIndex.nearest`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Item]] = loop.create_future()
        self._waiting.append(_Waiting(vector, k, future))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while taken := [each for each in self._waiting if not each.future.done()]:
            self._waiting = []
            try:
                found = await loop.run_in_executor(self.pool, self._search, taken)
            except Exception as e:  # each of those who wait tells it
                for each in taken:
                    if not each.future.done():
                        each.future.set_exception(e)
                continue
            for each, items in zip(taken, found, strict=True):
                if not each.future.done():
                    each.future.set_result(items)
        self._waiting = []

    def _search(self, taken: Sequence[_Waiting]) -> list[list[Item]]:
        import numpy as np

        every = self.index.nearest(np.concatenate([each.vector for each in taken]), max(each.k for each in taken))
        return [items[: each.k] for each, items in zip(taken, every, strict=True)]
