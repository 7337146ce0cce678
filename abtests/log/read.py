"""The event log as readers see it: the one place that knows how its lines look.

A line that cannot be read costs itself alone: it is skipped and counted, and what was counted is told. Lines are given one after the other,
so that a reader needs as much memory as it keeps.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...errors import DataError
from ...files import check_there
from .folder import EVENTS, day_files
from .lines import Answer, Event

LONGEST_LINE = 16_000_000
"""Bytes; the rest of a longer line is skipped."""
LATEST = 4_102_444_800.0
"""Seconds since 1970 at the start of 2100: no event is later."""


@dataclass(slots=True)
class Skipped:
    """How many lines were skipped, and why: `torn` is the last line of a file, cut off, `unknown` one of a kind that is not known."""

    torn: int = 0
    broken: int = 0
    unknown: int = 0


def log_files(folder: Path) -> list[Path]:
    """Return the files of a log, oldest first.

    Raises:
        DataError: there is no log.
    """
    check_there(folder, "the folder of events")
    found = list(day_files(folder).values())
    if not found:
        raise DataError(
            f"{folder} holds no event log; expected {folder / EVENTS}/YYYY-MM-DD.jsonl, which adapt serve --events {folder} writes"
        )
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
            yield from read_file(path, skipped)
        except FileNotFoundError:  # its day was kept long enough, and a server has deleted it meanwhile
            continue
        except OSError as e:
            raise DataError(f"{path} cannot be read: {e.strerror or e}") from e


def read_file(path: Path, skipped: Skipped) -> Iterator[Answer | Event]:
    """Give what one file of a log holds, as `read_log`; raises OSError where it cannot be read."""
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
        interleaved=None if row.get("interleaved") is None else {_text(item): _text(arm) for item, arm in row["interleaved"].items()},
        explored=None if row.get("explored") is None else tuple(map(_whole, row["explored"])),
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
