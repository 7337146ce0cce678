"""Texts that wait, and the one thread that runs the networks: what is queued goes through them together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from ...base.load import Network
from ...choices import Role
from ...encoders.lora import LoraEncoder
from ...encoders.protocol import Vectors
from ...encoders.standing import Row, StandingNetwork, way_of
from ..counters import Counters
from ..http.refusals import Refusal
from ..logs import log_failure
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


class Engine:
    """The queue and the thread. `submit` is called by the event loop's thread."""

    def __init__(self, most: int, counters: Counters, wait_ms: float = 0.0) -> None:
        self._most, self._wait_s, self._counters = most, wait_ms / 1000, counters
        self._waiting: deque[Job] = deque()
        self._ready = threading.Condition()
        self._ends = False
        self._standing: dict[int, StandingNetwork] = {}
        self._kept: tuple[set[int], set[str]] | None = None
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
        if self._ends:
            raise Refusal(503, "unhealthy", "the server is stopping")
        loop = asyncio.get_running_loop()
        job = Job(loaded, role, texts, loop, loop.create_future())
        with self._ready:
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
        networks = {id(network) for each in in_memory for network in each.networks}
        self._kept = networks, {key for each in in_memory for key in each.keys}

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
            _fail(job, Refusal(503, "unhealthy", "the server is stopping"))

    def _run(self) -> None:
        while (parts := self._take()) is not None:
            for group in _by_network(parts):
                started = time.perf_counter()
                try:
                    self._compute(group)
                except Refusal as refusal:
                    _fail_all(group, refusal)
                except Exception as e:  # the thread goes on serving everybody else
                    log_failure("encoding", e)
                    self._close_standing(list(self._standing))
                    _fail_all(group, Refusal(424, "backend", "the vectors could not be computed; the server's log says more"))
                else:
                    self._told(group, time.perf_counter() - started)
            self._drop()
        self._close_standing(list(self._standing))

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

    def _drop(self) -> None:
        """Drop what was made ready of versions that are no longer in memory; a job that waited for one may have made it ready again."""
        if self._kept is None:
            return
        networks, keys = self._kept
        self._close_standing([number for number in self._standing if number not in networks])
        for standing in self._standing.values():
            standing.keep(keys)

    def _close_standing(self, numbers: Sequence[int]) -> None:
        """Give networks their own weights again, whatever state a failure left them in."""
        for number in numbers:
            with suppress(Exception):
                self._standing[number].close()
            del self._standing[number]

    def _compute(self, parts: Sequence[Part]) -> None:
        """Encode the parts, which share a network and a way through it, or are of one encoder that has none of its own."""
        first = parts[0].job.loaded.encoder
        if not isinstance(first, LoraEncoder):
            self._release(parts[0].job.loaded)
            for part in parts:
                encoder, texts = part.job.loaded.encoder, [str(text) for text in part.texts]
                tokens = sum(len(ids) for ids in encoder.networks()[0].tokenize(texts, part.job.role).ids)
                encoded = encoder.encode(texts, part.job.role)
                part.job.truncated += encoded.truncated
                _keep(part, encoded.vectors, tokens)
            return
        rows = self._rows(parts)
        vectors = self._stand(first.base.network).embed(rows)
        start = 0
        for part in parts:
            end = start + part.end - part.start
            _keep(part, vectors[start:end], sum(len(row.ids) for row in rows[start:end]))
            start = end

    def _rows(self, parts: Sequence[Part]) -> list[Row]:
        """Tokenise the texts of the parts, those that are read alike in one go."""
        ids: dict[int, list[list[int]]] = {}
        alike: dict[tuple[int, Role, int], list[int]] = {}
        for number, part in enumerate(parts):
            member, role = part.job.loaded.encoder, part.job.role
            assert isinstance(member, LoraEncoder)
            if isinstance(part.texts[0], str):
                alike.setdefault((id(member.base), role, member.longest(role)), []).append(number)
            else:
                ids[number] = [list(each) for each in part.texts]  # type: ignore[arg-type]
        for (_, role, _), numbers in alike.items():
            member = parts[numbers[0]].job.loaded.encoder
            assert isinstance(member, LoraEncoder)
            tokens = member.tokenize([text for number in numbers for text in parts[number].texts], role)  # type: ignore[misc]
            each = iter(zip(tokens.ids, tokens.is_cut, strict=True))
            for number in numbers:
                read = [next(each) for _ in parts[number].texts]
                ids[number] = [own for own, _ in read]
                parts[number].job.truncated += sum(int(is_cut) for _, is_cut in read)
        return [Row(part.job.loaded.encoder, part.job.role, each) for number, part in enumerate(parts) for each in ids[number]]  # type: ignore[arg-type]

    def _stand(self, network: Network) -> StandingNetwork:
        standing = self._standing.get(id(network))
        if standing is None or standing.network is not network:
            standing = self._standing[id(network)] = StandingNetwork(network)
        return standing

    def _release(self, loaded: Loaded) -> None:
        """Let an encoder of several networks prepare them as it likes."""
        for network in loaded.networks:
            if id(network) in self._standing:
                self._standing.pop(id(network)).close()

    def _told(self, parts: Sequence[Part], seconds: float) -> None:
        """Hand the results over, all of one turn at once, and count."""
        texts = sum(part.end - part.start for part in parts)
        self._rate += 0.1 * (texts / seconds - self._rate)
        now = time.perf_counter()
        self._counters.batch(texts, seconds, [now - seconds - part.job.arrived for part in parts])
        done = [part.job for part in parts if part.end == len(part.job.texts) and not part.job.cancelled]
        for loop in {id(job.loop): job.loop for job in done}.values():
            _call(loop, [job for job in done if job.loop is loop])


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


def _by_network(parts: Sequence[Part]) -> list[list[Part]]:
    """Group parts that go through one network together; an encoder without one of its own stands alone."""
    groups: dict[object, list[Part]] = {}
    for part in parts:
        encoder = part.job.loaded.encoder
        way = (id(encoder.base.network), *way_of(encoder)) if isinstance(encoder, LoraEncoder) else id(encoder)
        groups.setdefault(way, []).append(part)
    return list(groups.values())


def _keep(part: Part, vectors: Vectors, tokens: int) -> None:
    part.job.parts.append(vectors)
    part.job.tokens += tokens


def _call(loop: asyncio.AbstractEventLoop, jobs: Sequence[Job]) -> None:
    def hand_over() -> None:
        for job in jobs:
            if not job.future.done():
                vectors = job.parts[0] if len(job.parts) == 1 else np.concatenate(job.parts)
                job.future.set_result((vectors, job.tokens))

    if not loop.is_closed():
        loop.call_soon_threadsafe(hand_over)


def _fail(job: Job, refusal: Refusal) -> None:
    def hand_over() -> None:
        if not job.future.done():
            job.future.set_exception(refusal)

    if not job.loop.is_closed():
        job.loop.call_soon_threadsafe(hand_over)


def _fail_all(parts: Sequence[Part], refusal: Refusal) -> None:
    for part in parts:
        part.job.taken = len(part.job.texts)
        _fail(part.job, refusal)
