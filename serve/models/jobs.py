"""Requests that wait for a network: how much of each a turn takes, which of them go through a network together, and how they are answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...choices import Role
from ...encoders.lora import LoraEncoder
from ...encoders.protocol import Vectors
from ...encoders.standing import way_of
from ..http.refusals import Refusal
from .shelf import Loaded

SHARE = 2
"""A turn takes as many tokens as so many batches of the encoder hold: what comes meanwhile waits no longer than these."""


@dataclass(slots=True, eq=False)
class Job:
    """The texts of one request.

    Attributes:
        loaded: What gives their vectors.
        role: Of all of them.
        texts: They; or token ids, as the network reads them.
        loop: Whose thread waits for the future.
        future: Receives the vectors, (n, d), and the number of tokens.
    """

    loaded: Loaded
    role: Role
    texts: Sequence[str] | Sequence[list[int]]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[tuple[Vectors, int]]
    arrived: float = field(default_factory=time.perf_counter)
    taken: int = 0
    tokens: int = 0
    truncated: int = 0
    cancelled: bool = False
    parts: list[Vectors] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many of its texts no turn has taken yet."""
        return len(self.texts) - self.taken


@dataclass(frozen=True, slots=True)
class Part:
    """The texts of a job that a turn takes: those from `start` to `end`."""

    job: Job
    start: int
    end: int

    @property
    def texts(self) -> Sequence[str] | Sequence[list[int]]:
        """They, or their token ids."""
        return self.job.texts[self.start : self.end]

    def keep(self, vectors: Vectors, tokens: int) -> None:
        """Add its vectors, (n, d), and the tokens that they took to what the job has."""
        self.job.parts.append(vectors)
        self.job.tokens += tokens


def take(waiting: Sequence[Job]) -> list[Part]:
    """Take texts of the jobs that wait: of each a share of a turn, then more of the oldest while there is room. Each job gives at least one."""
    first = waiting[0].loaded.encoder.networks()[0]
    room = SHARE * first.batch_budget
    share = max(1, room // len(waiting))
    starts = {id(job): job.taken for job in waiting}
    jobs = []
    for limit in (share, room):
        for job in waiting:
            if room <= 0:
                break
            room -= _take_of(job, min(limit, room))
            jobs.append(job)
    return [Part(job, starts[id(job)], job.taken) for job in dict.fromkeys(jobs) if job.taken > starts[id(job)]]


def _take_of(job: Job, room: int) -> int:
    """Take texts of a job for so many tokens, at least one where any is left; return the tokens that they will take, about."""
    used = 0
    longest = job.loaded.longest(job.role)
    while job.left and used < room:
        text = job.texts[job.taken]
        length = len(text) // 4 if isinstance(text, str) and text.isascii() else len(text)
        used += min(length + 2, longest)
        job.taken += 1
    return used


def by_network(parts: Sequence[Part]) -> list[list[Part]]:
    """Group parts that go through one network together; an encoder without one of its own stands alone."""
    groups: dict[object, list[Part]] = {}
    for part in parts:
        encoder = part.job.loaded.encoder
        way = (id(encoder.base.network), *way_of(encoder)) if isinstance(encoder, LoraEncoder) else id(encoder)
        groups.setdefault(way, []).append(part)
    return list(groups.values())


def hand_over(loop: asyncio.AbstractEventLoop, jobs: Sequence[Job]) -> None:
    """Give the requests of one event loop their vectors, all in one of its turns."""

    def give() -> None:
        for job in jobs:
            if not job.future.done():
                vectors = job.parts[0] if len(job.parts) == 1 else np.concatenate(job.parts)
                job.future.set_result((vectors, job.tokens))

    if not loop.is_closed():
        loop.call_soon_threadsafe(give)


def fail(job: Job, refusal: Refusal) -> None:
    """Refuse a request, unless it was answered or went away."""

    def give() -> None:
        if not job.future.done():
            job.future.set_exception(refusal)

    if not job.loop.is_closed():
        job.loop.call_soon_threadsafe(give)


def fail_all(parts: Sequence[Part], refusal: Refusal) -> None:
    """Refuse the requests of all parts; what is left of them is not taken."""
    for part in parts:
        part.job.taken = len(part.job.texts)
        fail(part.job, refusal)
