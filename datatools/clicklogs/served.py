"""The event logs of `adapt serve --events DIR` as impressions: what each answer showed, and what was clicked and bought of it.

Lists in which neighbours were swapped, and interleaved ones, count like any other: an item that stood at several positions for one query is
what position bias is estimated by, whatever moved it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ...abtests.log.folder import EVENTS
from ...abtests.log.lines import Answer, Event
from ...abtests.log.read import Skipped, read_log
from ...data.read.reading import Reading
from ...errors import ConfigError
from ...plurals import count
from .impressions import Impression, OpenLog

FIELDS = frozenset({"query", "item", "position", "clicked", "bought", "user", "list"})
HINT = "; to have the server swap neighbours from now on: adapt serve --explore 1%"
SKIPPED = {
    "torn": "cut off at the end of a file, as a kill leaves it",
    "broken": "not in the log's format",
    "unknown": "of a kind that this version does not know",
}
Rows = Iterator[tuple[str, Callable[[], Impression]]]


def holds_events(path: Path) -> bool:
    """Return whether a folder is one that `adapt serve --events` writes."""
    return (path / EVENTS).is_dir()


def open_events(path: Path, columns: Mapping[str, str], how: Reading) -> OpenLog:
    """Open the event logs of a server. They are read twice, and memory grows with the answers that were clicked, not with what was shown.

    Answers without a user are left out where others have one: nobody could tell how many of them are one person's.

    Raises:
        ConfigError: columns are named, which such a log does not have.
        DataError: the folder holds no log, or a file cannot be read.
    """
    if columns:
        raise ConfigError(f"--columns names columns of a table; {path} is a server's event log, whose fields are known")
    acts = read_acts(path)
    return OpenLog(FIELDS if acts.has_users else FIELDS - {"user"}, _impressions(path, acts, how), how, HINT)


@dataclass(slots=True)
class Acts:
    """What users did.

    Attributes:
        of_answer: Answer -> position -> whether the item there was bought, else clicked.
        events: How many events that are.
        has_users: Whether any answer names its user.
    """

    of_answer: dict[str, dict[int, bool]] = field(default_factory=dict)
    events: int = 0
    has_users: bool = False

    def add(self, line: Answer | Event) -> None:
        """Note a line; what was bought was clicked, whether or not the click was told."""
        if isinstance(line, Answer):
            self.has_users |= line.user is not None
            return
        at = self.of_answer.setdefault(line.answer, {})
        at[line.position] = at.get(line.position, False) or line.kind == "purchase"
        self.events += 1


def read_acts(path: Path) -> Acts:
    """Read what users did, of the whole log; raises DataError where there is none."""
    acts = Acts()
    for line in read_log(path, Skipped()):
        acts.add(line)
    return acts


@dataclass(slots=True)
class Told:
    """What is to be told of a log: answers, how many were swapped, interleaved and without a user, and places that were never shown."""

    answers: int = 0
    explored: int = 0
    interleaved: int = 0
    unassigned: int = 0
    misplaced: int = 0

    def add(self, answer: Answer, done: Mapping[int, bool]) -> None:
        """Count an answer."""
        self.answers += 1
        self.explored += bool(answer.explored)
        self.interleaved += bool(answer.interleaved)
        self.unassigned += answer.user is None
        self.misplaced += sum(position > len(answer.shown) for position in done)

    def notes(self, path: Path, acts: Acts, skipped: Skipped) -> list[str]:
        """Return the lines for the user; `acts`: what belongs to no answer is left in it."""
        lost = sum(map(len, acts.of_answer.values()))
        left_out = f"; the {self.unassigned} without a user are left out" if self.unassigned and acts.has_users else ""
        return [
            f"{path}: {count(self.answers, 'answer')} ({self.explored} with neighbours swapped, {self.interleaved} interleaved) and "
            f"{count(acts.events, 'event')}{left_out}",
            *(f"{path}: skipped {count(number, 'line')} {why}" for name, why in SKIPPED.items() if (number := getattr(skipped, name))),
            *([f"{count(lost, 'item')} clicked or bought of answers that are not in the log"] if lost else []),
            *([f"{count(self.misplaced, 'event')} at a place where nothing was shown"] if self.misplaced else []),
        ]


def _impressions(path: Path, acts: Acts, how: Reading) -> Rows:
    told, skipped = Told(), Skipped()
    for answer in read_log(path, skipped):
        if not isinstance(answer, Answer):
            continue
        done = acts.of_answer.pop(answer.id, {})
        told.add(answer, done)
        if answer.user is None and acts.has_users:
            continue
        for position, item in enumerate(answer.shown, 1):
            yield f"answer {answer.id} of {path}", partial(_impression, answer, item, position, done)
    for line in told.notes(path, acts, skipped):
        how.note(line)


def _impression(answer: Answer, item: str, position: int, done: Mapping[int, bool]) -> Impression:
    clicked, bought = float(position in done), float(done.get(position, False))
    return Impression(answer.query, item, position, 1.0, clicked, bought, answer.user or "", answer.id, False)
