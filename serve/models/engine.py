"""Texts that wait, and the one thread that runs the networks: what is queued goes through them together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence

from ...choices import Role
from ..counters import Counters
from ..http.refusals import Refusal
from ..logs import log_failure
from .jobs import Job, Part, by_network, fail, fail_all, hand_over, take
from .networks import Networks
from .shelf import Loaded


class Engine:
    """The queue and the thread. `submit` is called by the event loop's thread."""

    def __init__(self, most: int, counters: Counters, wait_ms: float = 0.0) -> None:
        self._most, self._wait_s, self._counters = most, wait_ms / 1000, counters
        self._waiting: deque[Job] = deque()
        self._ready = threading.Condition()
        self._ends = False
        self._networks = Networks()
        self._rate = 100.0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def is_stopping(self) -> bool:
        """Whether it takes nothing more."""
        return self._ends

    @property
    def queued(self) -> int:
        """How many texts wait."""
        return sum(job.left for job in self._waiting.copy())

    def submit(self, loaded: Loaded, role: Role, texts: Sequence[str] | Sequence[list[int]]) -> Job:
        """Queue texts.

        Raises:
            Refusal: too many wait, or the server stops.
        """
        loop = asyncio.get_running_loop()
        job = Job(loaded, role, texts, loop, loop.create_future())
        with self._ready:
            if self._ends:
                raise Refusal(503, "unhealthy", "the server is stopping")
            if (waiting := sum(each.left for each in self._waiting)) + len(texts) > self._most and waiting:
                seconds = max(1, round(waiting / self._rate))
                raise Refusal(429, "overloaded", f"{waiting} texts are waiting; try again", headers={"Retry-After": str(seconds)})
            self._waiting.append(job)
            self._ready.notify()
        return job

    def cancel(self, job: Job) -> None:
        """Take a job, or what is left of it, out of the queue."""
        with self._ready:
            job.cancelled = True
            if job in self._waiting:
                self._waiting.remove(job)

    def keep(self, in_memory: Sequence[Loaded]) -> None:
        """Keep of what was made ready for products that of these versions alone, from the next turn on."""
        self._networks.keep(in_memory)

    def stop(self, timeout_s: float) -> None:
        """Take nothing more, finish what is queued, and end the thread; after so many seconds what is left is refused."""
        with self._ready:
            self._ends = True
            self._ready.notify()
        self._thread.join(timeout_s)
        with self._ready:
            left = list(self._waiting)
            self._waiting.clear()
        for job in left:
            fail(job, Refusal(503, "unhealthy", "the server is stopping"))

    def _run(self) -> None:
        while (parts := self._take()) is not None:
            for group in by_network(parts):
                started = time.perf_counter()
                try:
                    self._networks.compute(group)
                except Refusal as refusal:
                    fail_all(group, refusal)
                except Exception as e:  # the thread goes on serving everybody else
                    log_failure("encoding", e)
                    self._networks.close()
                    fail_all(group, Refusal(424, "backend", "the vectors could not be computed; the server's log says more"))
                else:
                    self._told(group, time.perf_counter() - started)
            self._networks.drop()
        self._networks.close()

    def _take(self) -> list[Part] | None:
        """Wait for texts, and take some of each job that waits, the oldest first; None: the server stops."""
        with self._ready:
            while not self._waiting:
                if self._ends:
                    return None
                self._ready.wait()
            if self._wait_s and not self._ends:
                self._ready.wait_for(lambda: self._ends, self._wait_s)
            if not self._waiting:
                return []
            parts = take(self._waiting)
            while self._waiting and not self._waiting[0].left:
                self._waiting.popleft()
            for job in [job for job in self._waiting if not job.left]:
                self._waiting.remove(job)
            return parts

    def _told(self, parts: Sequence[Part], seconds: float) -> None:
        """Hand the results over, all of one turn at once, and count."""
        texts = sum(part.end - part.start for part in parts)
        self._rate += 0.1 * (texts / seconds - self._rate)
        now = time.perf_counter()
        self._counters.batch(texts, seconds, [now - seconds - part.job.arrived for part in parts])
        done = [part.job for part in parts if part.end == len(part.job.texts) and not part.job.cancelled]
        for loop in {id(job.loop): job.loop for job in done}.values():
            hand_over(loop, [job for job in done if job.loop is loop])
