"""The event logs of `adapt serve --events DIR` as impressions: what each answer showed, and what was clicked and bought of it.

Lists in which neighbours were swapped, and interleaved ones, count like any other: an item that stood at several positions for one query is
what position bias is estimated by, whatever moved it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ...abtests.log.lines import Answer, Event
from ...abtests.read_log import Skipped, log_files, read_log
from ...data.read.reading import Reading
from ...errors import ConfigError
from ...plurals import count
from .impressions import Impression, OpenLog

FIELDS = frozenset({"query", "item", "position", "clicked", "bought", "user", "list"})
SKIPPED = {
    "torn": "cut off at the end of a file, as a kill leaves it",
    "broken": "not in the log's format",
    "unknown": "of a kind that this version does not know",
}
Rows = Iterator[tuple[str, Callable[[], Impression]]]


def holds_events(path: Path) -> bool:
    """Return whether a folder is one that `adapt serve --events` writes."""
    return (path / "events").is_dir()


def open_events(path: Path, columns: Mapping[str, str], how: Reading) -> OpenLog:
    """Open the event logs of a server. They are read twice, and memory grows with the answers that were clicked, not with what was shown.

    Raises:
        ConfigError: columns are named, which such a log does not have.
        DataError: the folder holds no log, or a file cannot be read.
    """
    if columns:
        raise ConfigError(f"--columns names columns of a table; {path} is a server's event log, whose fields are known")
    log_files(path)
    return OpenLog(FIELDS, _impressions(path, how), how)


@dataclass(slots=True)
class Acts:
    """What users did: answer -> position -> whether the item there was bought, else clicked; and how many events that are."""

    of_answer: dict[str, dict[int, bool]] = field(default_factory=dict)
    events: int = 0

    def add(self, event: Event) -> None:
        """Note an event; what was bought was clicked, whether or not the click was told."""
        at = self.of_answer.setdefault(event.answer, {})
        at[event.position] = at.get(event.position, False) or event.kind == "purchase"
        self.events += 1


@dataclass(slots=True)
class Told:
    """What is to be told of a log: answers, how many of them were swapped and interleaved, and places that were never shown."""

    answers: int = 0
    explored: int = 0
    interleaved: int = 0
    unassigned: int = 0
    misplaced: int = 0

    def add(self, answer: Answer, acts: Mapping[int, bool]) -> None:
        """Count an answer."""
        self.answers += 1
        self.explored += bool(answer.explored)
        self.interleaved += bool(answer.interleaved)
        self.unassigned += answer.user is None
        self.misplaced += sum(position > len(answer.shown) for position in acts)

    def notes(self, path: Path, acts: Acts, skipped: Skipped) -> list[str]:
        """Return the lines for the user; `acts`: what was not asked for by any answer is left in it."""
        lost = sum(map(len, acts.of_answer.values()))
        return [
            f"{path}: {count(self.answers, 'answer')} ({self.explored} with neighbours swapped, {self.interleaved} interleaved, "
            f"{self.unassigned} without a user) and {count(acts.events, 'event')}",
            *(f"{path}: skipped {count(number, 'line')} {why}" for name, why in SKIPPED.items() if (number := getattr(skipped, name))),
            *([f"{count(lost, 'item')} clicked or bought of answers that are not in the log"] if lost else []),
            *([f"{count(self.misplaced, 'event')} at a place where nothing was shown"] if self.misplaced else []),
        ]


def _impressions(path: Path, how: Reading) -> Rows:
    acts, told, skipped = Acts(), Told(), Skipped()
    for event in read_log(path, Skipped()):
        if isinstance(event, Event):
            acts.add(event)
    for answer in read_log(path, skipped):
        if isinstance(answer, Answer):
            done = acts.of_answer.pop(answer.id, {})
            told.add(answer, done)
            for position, item in enumerate(answer.shown, 1):
                yield f"answer {answer.id} of {path}", partial(_impression, answer, item, position, done)
    for line in told.notes(path, acts, skipped):
        how.note(line)


def _impression(answer: Answer, item: str, position: int, done: Mapping[int, bool]) -> Impression:
    clicked, bought = float(position in done), float(done.get(position, False))
    return Impression(answer.query, item, position, 1.0, clicked, bought, answer.user or "", answer.id, False)
