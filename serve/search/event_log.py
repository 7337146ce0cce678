"""The log beside the event loop: what was answered and what became of it is on the disk before a client is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ...abtests.experiment.live import Found, LiveLog
from ...abtests.log.lines import Answer, Event
from ..logs import LOGGER
from .counters import SearchCounters

_QUIET_S = 60.0


class EventLog:
    """A `LiveLog` whose writes do not hold up the event loop where each is flushed to the disk."""

    def __init__(self, live: LiveLog, counters: SearchCounters) -> None:
        self.live, self.counters = live, counters
        self._pool = ThreadPoolExecutor(1, "event log") if live.settings.fsync == "each" else None
        self._turn = asyncio.Lock()  # what is being written may fail yet: until then, the same event sent again is not a repeated one
        self._told_at: float | None = None

    def close(self) -> None:
        """Finish what is being written."""
        if self._pool is not None:
            self._pool.shutdown()

    async def answer(self, found: Found) -> Answer | None:
        """Write an answer; None: it is not in the log, and no event of it will be taken."""
        draft = self.live.draft(found)
        if draft is None:
            self.counters.unlogged("user_limit")
            return None
        if not await self._write(draft):
            self.counters.unlogged("disk")
            return None
        self.live.remember(draft)
        return draft

    async def events(self, sent: Sequence[object]) -> list[Event | str] | None:
        """Take events; of each the event, or why it was refused. None: those to be taken could not be written, and none was taken."""
        async with self._turn:
            judged = self.live.judge(sent)
            taken = [each for each in judged if isinstance(each, Event)]
            if taken and not await self._write(*taken):
                self.live.give_back(taken)
                for _ in taken:
                    self.counters.refused("disk")
                return None
        for each in judged:
            self.counters.refused(each) if isinstance(each, str) else self.counters.event(each.kind)
        return judged

    async def _write(self, *entries: Answer | Event) -> bool:
        try:
            if self._pool is None:
                self.live.write(*entries)
            else:
                await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._pool, self.live.write, *entries))
        except OSError as e:
            self._tell(e)
            return False
        return True

    def _tell(self, error: OSError) -> None:
        """Write down that the log cannot be written, once a minute: a disk that is nearly full takes a short line and refuses a long one."""
        now = time.monotonic()
        if self._told_at is None or now > self._told_at + _QUIET_S:
            why = error.strerror or type(error).__name__
            LOGGER.error("the event log cannot be written (%s); answers go on without it, and events are refused", why)
            self._told_at = now
