"""An A/B test while a server runs: who gets which arm, and a log in which every answer and event stands before anybody is told of it."""

from __future__ import annotations

import contextlib
import math
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ...errors import ConfigError
from ...events import QUIET, Events
from ..log.folder import day_files
from ..log.lines import Answer, Event
from ..log.recall import recent_entries
from ..log.writer import Fsync, LogWriter
from .accept import Remembered
from .explore import explore
from .interleave import Interleaved, interleave
from .keys import Keys, as_user, open_keys
from .record import Experiment, Kind, PinnedArm, open_experiment, read_experiments
from .signing import make_id
from .split import WHOLE, Slices

DEFAULT_WINDOW_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How a log is kept.

    Attributes:
        folder: Where.
        fsync: When lines reach the disk.
        keep_days: Older files are deleted; None: none.
        window_s: How long after an answer its events are taken, in seconds.
        explore: In which share of the answers neighbours are swapped, 0 to 1.
    """

    folder: Path
    fsync: Fsync = "interval"
    keep_days: int | None = None
    window_s: float = DEFAULT_WINDOW_S
    explore: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found, before it is shown.

    Attributes:
        id: As `LiveLog.new_id` gave it.
        user: As `LiveLog.user` gave it.
        arm: What answered; None: an interleaved list.
        experiment: Its id; None: the request belongs to none.
        query: The text.
        items: Ids, the best first.
        ms: How long it took.
        interleaved: Item -> arm; None: the list is not interleaved.
        segment: As the request names it.
    """

    id: str
    user: str | None
    arm: str | None
    experiment: str | None
    query: str
    items: Sequence[str]
    ms: float
    interleaved: Mapping[str, str] | None = None
    segment: str | None = None


class LiveLog:
    """The log of a server; a context manager. All but `write` belongs to one thread."""

    def __init__(self, settings: LogSettings, events: Events = QUIET, clock: Callable[[], float] = time.time) -> None:
        """Set it up; `__enter__` opens it.

        Args:
            settings: How it is kept.
            events: Told what was repaired, deleted and begun.
            clock: Gives unix seconds.
        """
        self.settings, self._events, self._clock = settings, events, clock
        self._forgotten: dict[str, float] = {}
        self._writer = LogWriter(
            settings.folder,
            fsync=settings.fsync,
            keep_days=settings.keep_days,
            events=events,
            clock=clock,
            on_forget=self._forget,
        )
        self._closing = contextlib.ExitStack()
        self._drawn = random.Random(secrets.randbits(64))
        self.experiment: Experiment | None = None
        self._slices: Slices | None = None

    def __enter__(self) -> LiveLog:
        """Open the log, and read back the answers of which events may still come.

        Raises:
            AdaptError: it cannot be written, another process writes it, or its secret is missing.
        """
        settings = self.settings
        with contextlib.ExitStack() as opened:
            try:
                opened.enter_context(self._writer)
                self.keys: Keys = open_keys(settings.folder, may_make=not (day_files(settings.folder) or read_experiments(settings.folder)))
                self._signing = self.keys.derived("answers")
                self.remembered = Remembered(self._signing, settings.window_s, self._forgotten)
                for entry in recent_entries(settings.folder, self._clock(), settings.window_s):
                    self.remembered.recall(entry)
            except OSError as e:
                raise ConfigError(f"the log {settings.folder} cannot be used: {e.strerror or e}; name another folder with --events") from e
            self._closing.push(opened.pop_all())
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Flush and close."""
        self._closing.close()

    def _forget(self, user: str, until: float) -> None:
        self._forgotten[user] = max(until, self._forgotten.get(user, 0.0))

    def compare(self, kind: Kind, arms: Sequence[PinnedArm], shares: Sequence[float]) -> Experiment:
        """Resume the experiment of these arms, or begin one; from now on users get them.

        Raises:
            DataError: a record is damaged.
            ConfigError: the record cannot be written.
        """
        try:
            self.experiment, told = open_experiment(self.settings.folder, kind, arms, shares, self._clock())
        except OSError as e:
            raise ConfigError(f"the experiment cannot be recorded in {self.settings.folder}: {e.strerror or e}; free some space") from e
        self._slices = self.experiment.slices()
        self._events.note(told)
        return self.experiment

    def user(self, key: str | None) -> str | None:
        """Return what stands for a user in the log; None: the request named none."""
        return self.keys.user(key) if key and as_user(key) else None

    def arm_of(self, user: str | None) -> PinnedArm:
        """Return the arm of a user, always the same one; without a user, one drawn by the shares."""
        assert self.experiment is not None
        assert self._slices is not None
        point = self._drawn.randrange(WHOLE) if user is None else self.keys.point(self.experiment.id, user)
        return self.experiment.arms[self._slices.arm_at(point)]

    def interleave(
        self, rankings: Sequence[Sequence[str]], length: int, *, experiment: str, user: str | None, query: str, answer: str
    ) -> Interleaved:
        """Put the rankings of the arms into one list: for a user and a query the same, as long as the rankings are.

        Args:
            rankings: Of each arm, in the experiment's order.
            length: Of the list.
            experiment: Its id.
            user: As `user` gave it; None: the answer's id decides.
            query: The text.
            answer: The answer's id.
        """
        of = (user, query) if user is not None else (answer,)
        return interleave(rankings, length, self.keys.seed("interleave", experiment, *of))

    def new_id(self) -> str:
        """Return the id of the next answer."""
        return make_id(self._signing, self._clock())

    def draft(self, found: Found) -> Answer | None:
        """Return the answer as it is to be written and shown, explored where it is drawn; None: the user's flood is not logged."""
        now = math.floor(self._clock() * 1000) / 1000  # as the log keeps it, and not after a user was taken out
        if not self.remembered.may_log(found.user, now):
            return None
        shown, explored = found.items, None
        if random.Random(self.keys.seed("explored", found.id)).random() < self.settings.explore:
            shown, explored = explore(found.items, self.keys.seed("swaps", found.id))
        return Answer(
            at=now,
            id=found.id,
            user=found.user,
            experiment=found.experiment,
            arm=found.arm,
            query=found.query,
            shown=shown,
            ms=found.ms,
            interleaved=found.interleaved,
            explored=explored,
            segment=found.segment,
        )

    def write(self, *entries: Answer | Event) -> None:
        """Add lines to the log, all of them or none; may be called from any thread.

        Of a user who is taken out just now nothing is added, as if it had been added and removed.

        Raises:
            OSError: they were not written.
        """
        self._writer.append(lambda: b"".join(each.line() for each in entries if not self.remembered.is_forgotten(each)))

    def remember(self, answer: Answer) -> None:
        """Take events of an answer from now on, which was written."""
        self.remembered.remember(answer.id, answer.at, answer.user, answer.shown)

    def judge(self, events: Sequence[object]) -> list[Event | str]:
        """Return for each event what is to be written of it, or the reason of `REASONS` for which it is refused."""
        now = self._clock()
        return [self.remembered.judge(each, now) for each in events]

    def give_back(self, events: Sequence[Event]) -> None:
        """Undo that events were taken, because they could not be written."""
        for each in events:
            self.remembered.give_back(each)
