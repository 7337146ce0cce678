"""The lines of a log: what was answered, and what became of it. One JSON object each, in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

EventKind = Literal["click", "purchase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A list that was shown.

    Attributes:
        at: Unix seconds.
        id: Signed, as `signing.make_id` gives it.
        user: As `Keys.user` gives it; None: the request named none.
        experiment: Its id; None: the request belongs to none.
        arm: What answered; None: an interleaved list.
        query: The text.
        shown: The ids of the items, the best first.
        ms: How long it took.
        interleaved: Of an interleaved list, item -> the arm whose it is; what is in no team is absent.
        explored: The positions, from 1, whose items were swapped with their neighbours; None: the answer was not explored.
        segment: As the request names it.
    """

    at: float
    id: str
    user: str | None
    experiment: str | None
    arm: str | None
    query: str
    shown: Sequence[str]
    ms: float
    interleaved: Mapping[str, str] | None = None
    explored: Sequence[int] | None = None
    segment: str | None = None

    def line(self) -> bytes:
        """Return it as a line."""
        about: dict[str, Any] = {"kind": "answer", "at": round(self.at, 3), "id": self.id, "user": self.user, "experiment": self.experiment}
        about |= {"arm": self.arm, "query": self.query, "shown": list(self.shown), "ms": round(self.ms, 2)}
        about |= {"interleaved": dict(self.interleaved)} if self.interleaved is not None else {}
        about |= {"explored": list(self.explored)} if self.explored is not None else {}
        return _line(about | {"segment": self.segment})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a user did with an item that was shown; `position` counts from 1."""

    kind: EventKind
    at: float
    answer: str
    item: str
    position: int

    def line(self) -> bytes:
        """Return it as a line."""
        about = {"kind": self.kind, "at": round(self.at, 3), "answer": self.answer, "item": self.item, "position": self.position}
        return _line(about)


def _line(about: Mapping[str, Any]) -> bytes:
    return json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def whole_lines(path: Path, start: int = 0) -> Iterator[bytes]:
    """Give the lines of a file from a byte on, at which one begins, each with its end, up to one without end, which is being written."""
    with path.open("rb") as file:
        file.seek(start)
        yield from takewhile(lambda line: line.endswith(b"\n"), file)


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return what a line says; None where it is not an object."""
    try:
        about = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return about if isinstance(about, dict) else None
