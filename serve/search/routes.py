"""`POST /search`: the items of an index that are nearest to a query, by the references that are named, or by the arm of the user."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ...abtests.experiment.live import Found
from ...abtests.experiment.record import Experiment
from ...abtests.log.lines import Answer
from ..http.leaving import unless_gone
from ..http.refusals import invalid
from ..models.pins import Pinned
from ..models.served import Served
from .arms import Arms
from .counters import SearchCounters
from .event_log import EventLog
from .index import Item, SearchIndex
from .queue import SearchQueue
from .request import USER_HEADER, SearchAsked, read_search

INTERLEAVED = "interleaved"
"""What a list of several arms is called; the arm of an item is in the log alone, so that a page cannot show it."""
_THREADS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """A list before it is shown: its items by id, in their order; `id` where it was needed to make the list, of an interleaved one."""

    model: str
    pinned: Pinned | None
    items: Mapping[str, Item]
    started: float
    interleaved: Mapping[str, str] | None = None
    id: str | None = None


class Searcher:
    """Answers searches."""

    def __init__(self, served: Served, arms: Arms, counters: SearchCounters, log: EventLog | None = None) -> None:
        """Set it up.

        Args:
            served: What embeds queries.
            arms: Which index each reference searches, and what answers where a request names no model.
            counters: What is counted.
            log: Where answers are written; None: nowhere.
        """
        self._served, self._arms, self._counters, self._log = served, arms, counters, log
        self._pool = ThreadPoolExecutor(_THREADS, "search")
        self._queues: dict[int, SearchQueue] = {}

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def search(self, asked: SearchAsked) -> dict[str, Any]:
        """Return what `POST /search` answers.

        Raises:
            Refusal: a model is unknown, does not fit the index, or the server is busy.
        """
        experiment = None if asked.models else await self._arms.experiment()
        if experiment is None:
            names = asked.models or (self._arms.default,)
            lists = await asyncio.gather(*(self._by_name(name, asked) for name in names))
            return {"results": [await self._shown(each, asked, None) for each in lists]}
        assert self._log is not None
        user = self._log.live.user(asked.user)
        is_split = experiment.kind == "split"
        found = await (self._by_arm(user, asked) if is_split else self._interleaved(experiment, user, asked))
        about = {"results": [await self._shown(found, asked, experiment)], "experiment": experiment.id}
        about |= {"arm": found.model} if is_split else {}
        return about | ({"unassigned": True} if user is None else {})

    async def _by_name(self, name: str, asked: SearchAsked) -> _List:
        pinned = self._served.pin(name)
        return await self._ranked(pinned.name, pinned, await self._arms.index_of(pinned), asked)

    async def _by_arm(self, user: str | None, asked: SearchAsked) -> _List:
        assert self._log is not None
        name = self._log.live.arm_of(user).name
        return await self._ranked(name, *self._arms.of_arm(name), asked)

    async def _ranked(self, name: str, pinned: Pinned, index: SearchIndex, asked: SearchAsked) -> _List:
        started = time.perf_counter()
        vectors, _ = await self._served.encode_pinned([asked.query], pinned, "query")
        items = await self._queue_of(index).nearest(vectors, asked.k)
        return _List(model=name, pinned=pinned, items={item.id: item for item in items}, started=started)

    def _queue_of(self, index: SearchIndex) -> SearchQueue:
        return self._queues.setdefault(id(index), SearchQueue(index, self._pool))

    async def _interleaved(self, experiment: Experiment, user: str | None, asked: SearchAsked) -> _List:
        """Return one list of the results of all arms."""
        assert self._log is not None
        live, started, names = self._log.live, time.perf_counter(), [arm.name for arm in experiment.arms]
        lists = await self._by_every_arm(names, asked)
        answer = live.new_id()
        rankings = [list(each.items) for each in lists]
        drafted = live.interleave(rankings, asked.k, experiment=experiment.id, user=user, query=asked.query, answer=answer)
        every = {name: item for each in reversed(lists) for name, item in each.items.items()}
        teams = {item: names[team] for item, team in drafted.teams.items()}
        items = {name: every[name] for name in drafted.items}
        return _List(model=INTERLEAVED, pinned=None, items=items, started=started, interleaved=teams, id=answer)

    async def _by_every_arm(self, names: Sequence[str], asked: SearchAsked) -> list[_List]:
        """Return the results of each arm; arms of one version have the same list, to the last bit, whatever else is computed with it."""
        versions = {name: self._arms.of_arm(name) for name in names}
        keys = {name: (pinned.reference, pinned.sha256, id(index)) for name, (pinned, index) in versions.items()}
        first = {keys[name]: name for name in reversed(names)}
        lists = await asyncio.gather(*(self._ranked(name, *versions[name], asked) for name in first.values()))
        found = dict(zip(first, lists, strict=True))
        return [found[keys[name]] for name in names]

    async def _shown(self, found: _List, asked: SearchAsked, experiment: Experiment | None) -> dict[str, Any]:
        """Write a list to the log, where there is one, and return it as it is shown."""
        self._counters.search(found.model)
        ms = 1000 * (time.perf_counter() - found.started)
        answer = await self._logged(found, asked, experiment, ms)
        reference = {} if found.pinned is None else {"reference": found.pinned.reference}
        ids: Sequence[str] = answer.shown if answer is not None else list(found.items)
        items = [_told(found, found.items[name]) for name in ids]
        logged = {} if self._log is None else {"logged": False} if answer is None else {"answer": answer.id}
        return {"model": found.model} | reference | logged | {"items": items, "ms": round(ms, 2)}

    async def _logged(self, found: _List, asked: SearchAsked, experiment: Experiment | None, ms: float) -> Answer | None:
        if self._log is None:
            return None
        live = self._log.live
        return await self._log.answer(
            Found(
                id=found.id or live.new_id(),
                user=live.user(asked.user),
                arm=None if found.interleaved is not None else found.model,
                experiment=None if experiment is None else experiment.id,
                query=asked.query,
                items=list(found.items),
                ms=ms,
                interleaved=found.interleaved,
                segment=asked.segment,
            )
        )


def _told(found: _List, item: Item) -> dict[str, Any]:
    """Return an item as it is shown; the scores of several arms cannot be compared, and would tell whose an item is."""
    about = item.about()
    return about if found.interleaved is not None else about | {"score": round(item.score, 6)}


def search_route(searcher: Searcher) -> Route:
    """Return the route."""

    async def search(request: Request) -> JSONResponse:
        if len(set(request.headers.getlist(USER_HEADER))) > 1:
            raise invalid("the header X-Adapt-User names two users; give one of them", "user")
        asked = read_search(await request.body(), request.headers)
        return JSONResponse(await unless_gone(request, searcher.search(asked)))

    return Route("/search", search, methods=["POST"])
