"""A user is taken out of a log: every answer that the user got, and what became of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ... import disk
from ...errors import DataError
from ..experiment.keys import open_keys
from .asking import ask_writer
from .folder import BusyLogError, day_files, locked
from .lines import Lines

Holding = Callable[[Path], AbstractContextManager[None]]
"""What keeps lines from being added to a file, as long as it lasts."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed: answers, and events of them, from so many files."""

    answers: int
    events: int
    files: int

    def as_dict(self) -> dict[str, int]:
        """Return it for JSON."""
        return asdict(self)


def forget_user(folder: Path, user: str) -> Forgotten:
    """Remove every line of a user from a log; where a server writes it, that does it.

    Args:
        folder: Of the log.
        user: As the requests named the user.

    Raises:
        DataError: the key is empty, the folder is not a log, it cannot be rewritten, or who writes it does not answer.
    """
    if not user:
        raise DataError("the user's key is empty; expected what requests named the user by")
    if not folder.is_dir():
        raise DataError(f"the log {folder} does not exist; expected the folder of adapt serve --events")
    name = open_keys(folder, may_make=False).user(user)
    try:
        with locked(folder):
            return remove_user(folder, name)
    except BusyLogError:
        return Forgotten(**ask_writer(folder, name))
    except OSError as e:
        raise DataError(f"the log {folder} cannot be rewritten: {e.strerror or e}; run this again when that is mended") from e


def remove_user(folder: Path, name: str, until: float = math.inf, holding: Holding = lambda _: nullcontext()) -> Forgotten:
    """Remove a user's lines; a file is rewritten whole or not at all.

    The newest file is rewritten first: events stand behind their answers, so that after a kill the same call finds what is left.

    Args:
        folder: Of the log.
        name: As `Keys.user` gives it.
        until: Answers that were given later stay, unix seconds.
        holding: Held while a file is rewritten.

    Raises:
        OSError: a file cannot be read or rewritten.
    """
    files = list(day_files(folder).values())
    own = {str(about.get("id")) for path in files for _, about in Lines(path) if about is not None and _is_own(about, name, until)}
    removed = []
    for path in reversed(files):
        with holding(path):
            removed.append(_rewrite(path, name, own, until))
    answers, events = sum(each[0] for each in removed), sum(each[1] for each in removed)
    return Forgotten(answers, events, sum(any(each) for each in removed))


def _is_own(about: dict[str, Any], name: str, until: float) -> bool:
    """Return whether a line is an answer to the user."""
    at = about.get("at")
    return about.get("kind") == "answer" and about.get("user") == name and (not isinstance(at, int | float) or at <= until)


def _rewrite(path: Path, name: str, own: Collection[str], until: float) -> tuple[int, int]:
    """Write a file without a user's lines, line by line; return how many answers and events went. One that has none is not touched."""

    def kind(about: dict[str, Any] | None) -> Literal["answer", "event", "kept"]:
        if about is not None and _is_own(about, name, until):
            return "answer"
        return "event" if about is not None and about.get("answer") in own else "kept"

    def write(file: BinaryIO) -> None:
        file.writelines(line for line, about in Lines(path) if kind(about) == "kept")

    found = Counter(kind(about) for _, about in Lines(path))
    if found["answer"] or found["event"]:
        disk.replace_file(path, write, durability="name")
    return found["answer"], found["event"]
