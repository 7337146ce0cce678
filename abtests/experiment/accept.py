"""Which events are taken: of an answer that was issued here, an item that was shown, within the window, each once, and no more than a person makes.

The limits are for floods: whoever sends a thousand clicks under one name moves a report, and the training data made of the log, by no more than
the busiest shopper does.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import get_args

from ..log.folder import day_of
from ..log.lines import Answer, Event, EventKind
from .signing import time_of

REASONS: dict[str, str] = {
    "malformed": "expected an object with answer, item and kind, texts, the kind click or purchase",
    "forged": "the answer's id was not issued here",
    "late": "the answer is older than the event window",
    "forgotten": "the answer is not remembered: too many came after it, or it was taken out of the log",
    "not_shown": "the item is not in the answer's list",
    "repeated": "this event of this item was taken before",
    "answer_limit": "the answer has as many events as one may have",
    "user_limit": "the user has as many events today as one may have",
}
"""Why an event is refused: the word that is counted, and what it means."""
MOST_OF_ANSWER, MOST_OF_USER, MOST_ANSWERS = 20, 200, 1000
"""Events of an answer; events, and logged answers, of a user in a UTC day."""
MOST_BYTES = 100_000_000
"""What answers that are remembered may take: some 200,000 lists of ten."""
MOST_COUNTED = 200_000
"""Users of a day whose events are counted."""
_BYTES_OF_ONE = 400
"""What Python takes for an answer beside the ids of its items: 330 by tracemalloc, and more once events of it were taken."""
_AHEAD_S = 60.0
"""An answer from the future is not one; clocks that are set back a little are borne with."""


@dataclass(slots=True)
class Shown:
    """An answer that is remembered: when, to whom, what, and which (item, kind) were taken since. The items are JSON, which is a tenth as large."""

    at: float
    user: str | None
    packed: bytes
    taken: set[tuple[str, str]] | None = None

    @property
    def items(self) -> list[str]:
        """The ids of its items, the best first."""
        found: list[str] = json.loads(self.packed)
        return found

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        return _BYTES_OF_ONE + len(self.packed)

    def take(self, item: str, kind: str) -> None:
        """Note that an event was taken."""
        self.taken = {*(self.taken or ()), (item, kind)}


@dataclass(slots=True)
class Today:
    """What users did today, by user: at most `most` of them, those that were busy last. A clock set back over midnight does not begin a day."""

    most: int = MOST_COUNTED
    day: date | None = None
    counts: OrderedDict[str, list[int]] = field(default_factory=OrderedDict)

    def of(self, user: str, day: date) -> list[int]:
        """Return how many answers and events a user has today, to be counted up; another day begins with none."""
        if self.day is None or self.day - day not in (timedelta(0), timedelta(days=1)):
            self.day = day
            self.counts.clear()
        found = self.counts.setdefault(user, [0, 0])
        self.counts.move_to_end(user)
        if len(self.counts) > self.most:
            self.counts.popitem(last=False)
        return found


class Remembered:
    """The answers of which events may still come, in bounded memory, and what users did today. Used by one thread at a time."""

    def __init__(
        self, key: bytes, window_s: float, forgotten: Mapping[str, float] = MappingProxyType({}), *, most_bytes: int = MOST_BYTES
    ) -> None:
        """Remember nothing yet.

        Args:
            key: What signs the ids of answers.
            window_s: How long after an answer its events are taken, in seconds.
            forgotten: User -> until when; of that user's answers up to then no event is taken. Another thread may add to it.
            most_bytes: What they may take; the oldest is forgotten first.
        """
        self._key, self._window_s, self._most, self._size = key, window_s, most_bytes, 0
        self._answers: OrderedDict[str, Shown] = OrderedDict()
        self._today = Today()
        self._forgotten = forgotten

    def __len__(self) -> int:
        """Return how many answers are remembered."""
        return len(self._answers)

    def may_log(self, user: str | None, now: float) -> bool:
        """Return whether an answer to a user is logged: not the many of a flood."""
        return user is None or self._today.of(user, day_of(now))[0] < MOST_ANSWERS

    def remember(self, answer: str, at: float, user: str | None, items: Sequence[str]) -> None:
        """Remember an answer that was logged."""
        shown = self._answers[answer] = Shown(at, user, json.dumps(list(items), ensure_ascii=False, separators=(",", ":")).encode())
        self._size += shown.size
        if user is not None:
            self._today.of(user, day_of(at))[0] += 1
        while self._answers and (self._size > self._most or self._first().at < at - self._window_s):
            self._size -= self._answers.popitem(last=False)[1].size

    def _first(self) -> Shown:
        return next(iter(self._answers.values()))

    def judge(self, about: object, now: float) -> Event | str:
        """Take an event, or say why not: a word of `REASONS`. What is taken and then not written is given back by `give_back`."""
        if (read := _read(about)) is None:
            return "malformed"
        answer, item, kind = read
        at = time_of(self._key, answer)
        if at is None or at > now + _AHEAD_S:
            return "forged"
        if at < now - self._window_s:
            return "late"
        if (shown := self._answers.get(answer)) is None or self._is_out(shown.user, shown.at):
            return "forgotten"
        counts = [0, 0] if shown.user is None else self._today.of(shown.user, day_of(now))
        if (reason := _refusal(shown, item, kind, counts[1])) is not None:
            return reason
        shown.take(item, kind)
        counts[1] += 1
        return Event(kind=kind, at=now, answer=answer, item=item, position=shown.items.index(item) + 1)

    def give_back(self, event: Event) -> None:
        """Undo that an event was taken, because it could not be written."""
        if (shown := self._answers.get(event.answer)) is None:
            return
        shown.taken = (shown.taken or set()) - {(event.item, event.kind)}
        if shown.user is not None:
            self._today.of(shown.user, day_of(event.at))[1] -= 1

    def is_forgotten(self, entry: Answer | Event) -> bool:
        """Return whether the user of an entry was taken out of the log since it was made. Any thread may ask."""
        if isinstance(entry, Answer):
            return self._is_out(entry.user, entry.at)
        shown = self._answers.get(entry.answer)
        return shown is not None and self._is_out(shown.user, shown.at)

    def _is_out(self, user: str | None, at: float) -> bool:
        return user is not None and at <= self._forgotten.get(user, 0.0)

    def recall(self, entry: Answer | Event) -> None:
        """Remember what the log holds: after a restart, the entries of the window in their order."""
        if isinstance(entry, Answer):
            self.remember(entry.id, entry.at, entry.user, entry.shown)
        elif (shown := self._answers.get(entry.answer)) is not None:
            shown.take(entry.item, entry.kind)
            if shown.user is not None:
                self._today.of(shown.user, day_of(entry.at))[1] += 1


def _read(about: object) -> tuple[str, str, EventKind] | None:
    if not isinstance(about, Mapping):
        return None
    answer, item = about.get("answer"), about.get("item")
    kind = next((each for each in get_args(EventKind) if each == about.get("kind")), None)
    return (answer, item, kind) if isinstance(answer, str) and isinstance(item, str) and kind is not None else None


def _refusal(shown: Shown, item: str, kind: str, today: int) -> str | None:
    taken, items = shown.taken or set(), shown.items
    checks: dict[str, Callable[[], bool]] = {
        "not_shown": lambda: item not in items,
        "repeated": lambda: (item, kind) in taken,
        "answer_limit": lambda: len(taken) >= MOST_OF_ANSWER,
        "user_limit": lambda: shown.user is not None and today >= MOST_OF_USER,
    }
    return next((reason for reason, fails in checks.items() if fails()), None)
