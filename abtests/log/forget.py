"""A user is taken out of a log: every answer that the user got, and what became of it."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from ... import disk
from ...errors import DataError
from ..experiment.keys import as_user, open_keys
from .asking import ask_writer
from .folder import BusyLogError, day_files, locked
from .lines import parse_line, whole_lines
from .repair import remove_copies

Holding = Callable[[Path], AbstractContextManager[object]]
"""What keeps lines from being added to a file, as long as it lasts."""
_Kind = Literal["answer", "event", "kept"]
_OF_ANSWER = re.compile(rb'"answer"\s*:\s*"([^"]*)"')


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
    if not as_user(user):
        raise DataError("the user's key is empty; expected what requests named the user by")
    if not folder.is_dir():
        raise DataError(f"the log {folder} does not exist; expected the folder of adapt serve --events")
    name = open_keys(folder, may_make=False).user(user)
    try:
        while True:
            with suppress(BusyLogError), locked(folder):
                return remove_user(folder, name)
            if answer := ask_writer(folder, name):
                return Forgotten(**answer)
    except OSError as e:
        raise DataError(f"the log {folder} cannot be rewritten: {e.strerror or e}; run this again when that is mended") from e


def remove_user(folder: Path, name: str, until: float = math.inf, holding: Holding = nullcontext) -> Forgotten:
    """Remove a user's lines; a file is rewritten whole or not at all.

    The newest file is rewritten first: events stand behind their answers, so that after a kill the same call finds what is left.

    Args:
        folder: Of the log.
        name: As `Keys.user` gives it.
        until: Answers that were given later stay, unix seconds. Nothing of earlier ones may be added any more.
        holding: Held while what was added meanwhile is copied, and a file is put in its place.

    Raises:
        OSError: a file cannot be read or rewritten.
    """
    remove_copies(folder)
    files = list(day_files(folder).values())
    user = _User(name.encode(), until)
    for path in files:
        user.answers.update(filter(None, map(user.own_answer, whole_lines(path))))
    removed = [_rewrite(path, user, holding) for path in reversed(files)]
    answers, events = sum(each["answer"] for each in removed), sum(each["event"] for each in removed)
    return Forgotten(answers, events, sum(any(each.values()) for each in removed))


@dataclass(frozen=True, slots=True)
class _User:
    """Who is forgotten: the pseudonym, until which time, and the ids of the answers. Lines that hold none of these are not parsed."""

    name: bytes
    until: float
    answers: set[bytes] = field(default_factory=set)

    def own_answer(self, line: bytes) -> bytes | None:
        """Return the id of a line that is an answer to the user; None: it is not one."""
        about = parse_line(line) if self.name in line else None
        if about is None or about.get("kind") != "answer" or about.get("user") != self.name.decode():
            return None
        at = about.get("at")
        return str(about.get("id")).encode() if not isinstance(at, int | float) or at <= self.until else None

    def kind(self, line: bytes) -> _Kind:
        """Return what a line is of the user's."""
        if self.own_answer(line) is not None:
            return "answer"
        about = parse_line(line) if not self.answers.isdisjoint(_OF_ANSWER.findall(line)) else None
        return "event" if about is not None and str(about.get("answer")).encode() in self.answers else "kept"


def _rewrite(path: Path, user: _User, holding: Holding) -> Counter[_Kind]:
    """Write a file without a user's lines; return how many answers and events went. One that has none is not touched."""
    found = Counter(map(user.kind, whole_lines(path)))
    del found["kept"]
    if not found:
        return found
    with ExitStack() as held:

        def write(file: BinaryIO) -> None:
            end = 0
            for line in whole_lines(path):
                end += len(line)
                if user.kind(line) == "kept":
                    file.write(line)
            file.flush()
            os.fsync(file.fileno())  # what takes long is done before others wait
            held.enter_context(holding(path))
            file.writelines(whole_lines(path, end))

        disk.replace_file(path, write, durability="name")
    return found
