"""The event log as readers see it: the one place that knows how its lines look.

A line that cannot be read costs itself alone: it is skipped and counted, and what was counted is told. Lines are given one after the other,
so that a reader needs as much memory as it keeps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import DataError
from ..files import check_exists
from ..plurals import count

EventKind = Literal["click", "purchase"]
LONGEST_LINE = 16_000_000
"""Bytes; the rest of a longer line is skipped."""
LATEST = 4_102_444_800.0
"""Seconds since 1970 at the start of 2100: no event is later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered: `shown` has the ids of items, best first; `at` is in seconds since 1970, `ms` how long it took.

    `user` is None where the caller gave none; `interleaved` has the arm of each item that is in a team, `explored` the positions, from 1,
    that were swapped.
    """

    id: str
    at: float
    user: str | None
    experiment: str | None
    arm: str | None
    query: str
    shown: tuple[str, ...]
    ms: float
    interleaved: Mapping[str, str] = field(default_factory=dict)
    explored: tuple[int, ...] = ()
    segment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What was done with an item of an answer; `position` counts from 1."""

    kind: EventKind
    at: float
    answer: str
    item: str
    position: int


@dataclass(slots=True)
class Skipped:
    """How many lines were skipped, and why: `torn` is the last line of a file, cut off, `unknown` one of a kind that is not known."""

    torn: int = 0
    broken: int = 0
    unknown: int = 0

    def notes(self) -> list[str]:
        """Return what is told of them."""
        whys = {
            "torn": "cut off at the end of a file, as a kill leaves it",
            "broken": "not in the log's format",
            "unknown": "of a kind that this version does not know",
        }
        return [f"skipped: {count(number, 'line')} {why}" for name, why in whys.items() if (number := getattr(self, name))]


def log_files(folder: Path) -> list[Path]:
    """Return the files of a log, oldest first.

    Raises:
        DataError: there is no log.
    """
    check_exists(folder, "the folder of events")
    found = sorted((folder / "events").glob("*.jsonl")) if folder.is_dir() else []
    if not found:
        raise DataError(f"{folder} holds no event log; expected {folder / 'events'}/YYYY-MM-DD.jsonl, which adapt serve --events {folder} writes")
    return found


def read_log(folder: Path, skipped: Skipped) -> Iterator[Answer | Event]:
    """Give what a log holds, in the order in which it was written.

    Args:
        folder: What `adapt serve --events` was given.
        skipped: Lines that are skipped are counted here.

    Raises:
        DataError: there is no log, or a file cannot be read.
    """
    for path in log_files(folder):
        try:
            yield from _read_file(path, skipped)
        except OSError as e:
            raise DataError(f"{path} cannot be read: {e.strerror or e}") from e


def _read_file(path: Path, skipped: Skipped) -> Iterator[Answer | Event]:
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            is_whole = line.endswith(b"\n")
            read = _read_line(line)
            if isinstance(read, Answer | Event):
                yield read
            elif read == "unknown" and is_whole:
                skipped.unknown += 1
            elif is_whole or len(line) == LONGEST_LINE:
                skipped.broken += 1
                while not is_whole and (line := file.readline(LONGEST_LINE)):
                    is_whole = line.endswith(b"\n")
            else:
                skipped.torn += 1


def _read_line(line: bytes) -> Answer | Event | Literal["broken", "unknown"]:
    try:
        row = json.loads(line)
        kind = row["kind"]
        read = _KINDS.get(kind) if isinstance(kind, str) else None
        return read(row) if read else "unknown"
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return "broken"


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(
        id=_text(row["id"]),
        at=_moment(row["at"]),
        user=_text_or_none(row.get("user")),
        experiment=_text_or_none(row.get("experiment")),
        arm=_text_or_none(row.get("arm")),
        query=_text(row["query"]),
        shown=tuple(map(_text, row["shown"])),
        ms=_number(row["ms"]),
        interleaved={_text(item): _text(arm) for item, arm in (row.get("interleaved") or {}).items()},
        explored=tuple(map(_whole, row.get("explored") or ())),
        segment=_text_or_none(row.get("segment")),
    )


def _event(row: dict[str, Any]) -> Event:
    position = _whole(row["position"])
    return Event(kind=row["kind"], at=_moment(row["at"]), answer=_text(row["answer"]), item=_text(row["item"]), position=position)


_KINDS: dict[str, Callable[[dict[str, Any]], Answer | Event]] = {"answer": _answer, "click": _event, "purchase": _event}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise TypeError
    return float(value)


def _moment(value: object) -> float:
    moment = _number(value)
    if not 0 <= moment < LATEST:
        raise ValueError
    return moment


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TypeError
    return value
