"""The log of a server while users are taken out of it, and events wait to be written."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from pathlib import Path

from adapt_embed.abtests.experiment.live import Found, LiveLog, LogSettings
from adapt_embed.abtests.log.folder import day_files
from adapt_embed.abtests.log.forget import forget_user
from adapt_embed.abtests.log.lines import Answer, Event
from adapt_embed.serve.search.counters import SearchCounters
from adapt_embed.serve.search.event_log import EventLog
from prometheus_client import CollectorRegistry

NOON = 1_796_000_000.0


def found(live: LiveLog, user: str | None = "u") -> Found:
    return Found(id=live.new_id(), user=live.user(user), arm="base", experiment=None, query="my name", items=["d1", "d2"], ms=1.0)


def shown(live: LiveLog, user: str | None = "u") -> Answer:
    draft = live.draft(found(live, user))
    live.write(draft)
    live.remember(draft)
    return draft


def click(answer: Answer, item: str = "d1") -> dict[str, str]:
    return {"answer": answer.id, "item": item, "kind": "click"}


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for path in day_files(folder).values() for line in path.read_bytes().splitlines()]


def test_what_waits_to_be_written_while_its_user_is_taken_out_is_not_written(tmp_path: Path) -> None:
    now = [NOON]
    with LiveLog(LogSettings(folder=tmp_path), clock=lambda: now[0]) as live:
        first, other = shown(live), shown(live, "other")
        waiting = [live.draft(found(live)), *live.judge([click(first), click(other)])]
        now[0] += 0.0004
        late = live.draft(found(live))
        now[0] += 0.0002
        assert forget_user(tmp_path, "u").as_dict() == {"answers": 1, "events": 0, "files": 1}
        live.write(*waiting, late)
        live.remember(late)
        assert live.judge([click(late), click(first, "d2")]) == ["forgotten", "forgotten"]
        now[0] += 0.01
        again = shown(live)
        assert isinstance(live.judge([click(again)])[0], Event)
    assert [(each["kind"], each.get("id", each.get("answer"))) for each in logged(tmp_path)] == [
        ("answer", other.id),
        ("click", other.id),
        ("answer", again.id),
    ]


def test_the_limits_of_a_day_hold_across_a_restart_whatever_the_window(tmp_path: Path) -> None:
    settings, now = LogSettings(folder=tmp_path, window_s=60.0), [NOON]
    with LiveLog(settings, clock=lambda: now[0]) as live:
        user = shown(live).user
    now[0] += 3600
    with LiveLog(settings, clock=lambda: now[0]) as live:
        assert live.remembered._today.counts[user] == [1, 0]


def test_an_event_that_is_sent_again_while_it_is_written_is_not_repeated_where_that_fails(tmp_path: Path) -> None:
    with LiveLog(LogSettings(folder=tmp_path, fsync="each")) as live:
        log, answer, may_fail = EventLog(live, SearchCounters(CollectorRegistry())), shown(live), threading.Event()
        write, tried = live.write, []

        def fails_once(*entries: Answer | Event) -> None:
            tried.append(entries)
            if len(tried) == 1:
                may_fail.wait(5)
                raise OSError(errno.ENOSPC, "No space left on device")
            write(*entries)

        live.write = fails_once  # type: ignore[method-assign]

        async def send() -> list[object]:
            first = asyncio.create_task(log.events([click(answer)]))
            second = asyncio.create_task(log.events([click(answer)]))
            await asyncio.sleep(0.05)
            may_fail.set()
            return [await first, await second]

        failed, taken = asyncio.run(send())
        log.close()
    assert failed is None
    assert isinstance(taken[0], Event)
    assert [each["kind"] for each in logged(tmp_path)] == ["answer", "click"]
