"""The answers of one experiment as arrays, with what was clicked and bought of them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..experiment.record import Experiment
from ..log.lines import Answer, Event
from ..log.read import Skipped, read_log

NOBODY = -1
CLICK, PURCHASE = 0, 1
_OUTSIDE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTable:
    """Answers of users, `n` of them, and `m` events.

    Attributes:
        users: How many there are; `user` counts from 0.
        queries: Each text once; `query` (n,) points into it.
        segments: Each name once; `segment` (n,) points into it, -1 where an answer has none.
        user, arm: (n,); `arm` is -1 where lists are interleaved.
        at: (n,) seconds since 1970.
        ms: (n,) how long the answer took.
        event_answer: (m,) which answer.
        event_at: (m,) seconds since 1970.
        event_position: (m,) from 1.
        event_kind: (m,) `CLICK` or `PURCHASE`; one position has each at most once.
        event_team: (m,) the arm whose team the item was in, -1: in none.
    """

    users: int
    queries: tuple[str, ...]
    segments: tuple[str, ...]
    user: NDArray[np.int32]
    arm: NDArray[np.int32]
    at: NDArray[np.float64]
    ms: NDArray[np.float64]
    query: NDArray[np.int32]
    segment: NDArray[np.int32]
    event_answer: NDArray[np.int32]
    event_at: NDArray[np.float64]
    event_position: NDArray[np.int32]
    event_kind: NDArray[np.int32]
    event_team: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.user)


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What a log holds beside the table: all that is told and not counted in an arm.

    Attributes:
        skipped: Lines that cannot be read.
        orphans: Events whose answer is not in the log.
        misplaced: Events of a position that was not shown.
        repeated: Events that came again.
        unassigned: Answers without a user, by arm's name.
        outside: Answers of no experiment, or of another one.
        stray: Answers of the experiment whose arm its record does not know.
    """

    skipped: Skipped = field(default_factory=Skipped)
    orphans: int = 0
    misplaced: int = 0
    repeated: int = 0
    unassigned: dict[str, int] = field(default_factory=dict)
    outside: int = 0
    stray: int = 0


class _Columns:
    def __init__(self) -> None:
        self.user, self.arm, self.query, self.segment, self.shown = (array("i") for _ in range(5))
        self.at, self.ms = array("d"), array("d")
        self.event_answer, self.event_position, self.event_kind, self.event_team = (array("i") for _ in range(4))
        self.event_at = array("d")


def gather_answers(folder: Path, experiment: Experiment) -> tuple[AnswerTable, Gathered]:
    """Read the answers of an experiment.

    Raises:
        DataError: there is no log, or a file of it cannot be read.
    """
    gathering = _Gathering(experiment)
    for each in read_log(folder, gathering.found.skipped):
        if isinstance(each, Answer):
            gathering.take_answer(each)
        else:
            gathering.take_event(each)
    return gathering.table(), gathering.found


class _Gathering:
    """What is known while a log is read; answers by id, users, queries and segments by the order in which they came."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment, self.found, self.columns = experiment, Gathered(), _Columns()
        self.arms: Mapping[str, int] = {arm.name: number for number, arm in enumerate(experiment.arms)}
        self.ids: dict[str, int] = {}
        self.users: dict[str, int] = {}
        self.queries: dict[str, int] = {}
        self.segments: dict[str, int] = {}
        self.teams: dict[int, bytes] = {}

    def take_answer(self, answer: Answer) -> None:
        """Keep an answer, or count why not."""
        why_not = self._why_not(answer)
        if answer.id in self.ids:
            return
        self.ids[answer.id] = _OUTSIDE if why_not else len(self.columns.user)
        if why_not or answer.user is None:
            return
        columns = self.columns
        columns.user.append(self.users.setdefault(answer.user, len(self.users)))
        columns.arm.append(self.arms.get(answer.arm or "", NOBODY))
        columns.query.append(self.queries.setdefault(answer.query, len(self.queries)))
        columns.segment.append(NOBODY if answer.segment is None else self.segments.setdefault(answer.segment, len(self.segments)))
        columns.shown.append(len(answer.shown))
        columns.at.append(answer.at)
        columns.ms.append(answer.ms)
        if answer.interleaved:
            self.teams[self.ids[answer.id]] = bytes(self.arms.get(answer.interleaved.get(item, ""), 255) for item in answer.shown)

    def _why_not(self, answer: Answer) -> bool:
        found = self.found
        if answer.experiment != self.experiment.id:
            found.outside += 1
        elif self.experiment.kind == "split" and answer.arm not in self.arms:
            found.stray += 1
        elif answer.user is None:
            name = answer.arm or ""
            found.unassigned[name] = found.unassigned.get(name, 0) + 1
        else:
            return False
        return True

    def take_event(self, event: Event) -> None:
        """Keep an event, or count why not."""
        row = self.ids.get(event.answer)
        if row is None:
            self.found.orphans += 1
            return
        if row == _OUTSIDE:
            return
        columns = self.columns
        if event.position > columns.shown[row]:
            self.found.misplaced += 1
            return
        team = self.teams[row][event.position - 1] if row in self.teams else 255
        columns.event_answer.append(row)
        columns.event_position.append(event.position)
        columns.event_kind.append(CLICK if event.kind == "click" else PURCHASE)
        columns.event_at.append(event.at)
        columns.event_team.append(NOBODY if team == 255 else team)

    def table(self) -> AnswerTable:
        """Return what was kept; of an event that came again, the first is."""
        made: dict[str, NDArray[Any]] = {name: np.asarray(column) for name, column in vars(self.columns).items()}
        order = np.lexsort([made[name] for name in ("event_at", "event_kind", "event_position", "event_answer")])
        keys = np.stack([made[name][order] for name in ("event_answer", "event_position", "event_kind")], axis=1)
        is_first = np.ones(len(order), bool)
        is_first[1:] = (np.diff(keys, axis=0) != 0).any(axis=1)
        self.found.repeated = int((~is_first).sum())
        kept = order[is_first]
        values = {name: column[kept] if name.startswith("event_") else column for name, column in made.items() if name != "shown"}
        return AnswerTable(users=len(self.users), queries=tuple(self.queries), segments=tuple(self.segments), **values)
