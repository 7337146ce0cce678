"""A user is taken out of a log: every answer that the user got, and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ... import disk
from ...errors import DataError
from ..keys import open_keys
from .folder import day_files, locked
from .lines import Lines


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
    """Remove every line of a user from a log; a file is rewritten whole or not at all.

    The newest file is rewritten first: events stand behind their answers, so that after a kill the same call finds what is left.

    Args:
        folder: Of the log.
        user: As the requests named the user.

    Raises:
        DataError: the key is empty, the folder is not a log, another process writes it, or it cannot be rewritten.
    """
    if not user:
        raise DataError("the user's key is empty; expected what requests named the user by")
    if not folder.is_dir():
        raise DataError(f"the log {folder} does not exist; expected the folder of adapt serve --events")
    name = open_keys(folder, may_make=False).user(user)
    with locked(folder):
        files = list(day_files(folder).values())
        try:
            own = {str(about.get("id")) for path in files for _, about in Lines(path) if about is not None and _is_answer_of(about, name)}
            removed = [_rewrite(path, name, own) for path in reversed(files)]
        except OSError as e:
            raise DataError(f"the log {folder} cannot be rewritten: {e.strerror or e}; run this again when that is mended") from e
    answers, events = sum(each[0] for each in removed), sum(each[1] for each in removed)
    return Forgotten(answers, events, sum(any(each) for each in removed))


def _is_answer_of(about: dict[str, Any], name: str) -> bool:
    return about.get("kind") == "answer" and about.get("user") == name


def _rewrite(path: Path, name: str, own: Collection[str]) -> tuple[int, int]:
    """Write a file without a user's lines; return how many answers and events went. One that has none is not touched."""
    kept, answers, events = [], 0, 0
    for line, about in Lines(path):
        if about is not None and _is_answer_of(about, name):
            answers += 1
        elif about is not None and about.get("answer") in own:
            events += 1
        else:
            kept.append(line)
    if answers or events:
        disk.replace_file(path, b"".join(kept), durability="name")
    return answers, events
