"""How the one who writes a log is asked to take a user out of it: by a file with the user's pseudonym as its name, which is answered by another."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path
from typing import Any

from ... import disk
from ...errors import DataError
from .folder import is_written, make_private_folder

ASKED = "forget"
LONGEST_S = 600.0
_DONE = ".done"
_NAME = re.compile("[0-9a-f]{32}")
_LOOK_S = 0.05


def ask_writer(folder: Path, name: str, longest_s: float = LONGEST_S) -> dict[str, int]:
    """Ask who writes a log to take a user out, wait until it is done, and return what was removed; nothing: ask again.

    Raises:
        DataError: it cannot be asked, does not answer in time, or could not rewrite the log.
    """
    asked = folder / ASKED / name
    done = asked.with_suffix(_DONE)
    try:
        make_private_folder(asked.parent)
        disk.remove_file(done)
        with contextlib.suppress(FileExistsError):  # somebody asks for the same
            disk.write_private(asked, b"")
        answer = _wait(folder, asked, longest_s)
        disk.remove_file(asked)
        disk.remove_file(done)
    except OSError as e:
        raise DataError(f"the log {folder} is written by another process, which cannot be asked: {e.strerror or e}; stop it first") from e
    if answer is None:
        raise DataError(
            f"another process writes the log {folder} and did not take the user out within {longest_s:g} s; "
            "run this again later, or stop it first"
        )
    if "error" in answer:
        raise DataError(f"the log {folder} cannot be rewritten: {answer['error']}; run this again when that is mended")
    return {key: int(found) for key, found in answer.items()}


def asked_names(folder: Path) -> list[str]:
    """Return the users that are to be taken out."""
    try:
        return sorted(path.name for path in (folder / ASKED).iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return []


def tell_done(folder: Path, name: str, answer: dict[str, Any]) -> None:
    """Answer who asked; raises OSError where that cannot be written."""
    asked = folder / ASKED / name
    disk.replace_file(asked.with_suffix(_DONE), json.dumps(answer).encode(), durability="none")
    disk.remove_file(asked)


def _wait(folder: Path, asked: Path, longest_s: float) -> dict[str, Any] | None:
    """Return what is answered; None where nothing came in time, empty where nobody writes the log any more, or another took the answer."""
    end = time.monotonic() + longest_s
    while time.monotonic() < end:
        is_over = not (asked.exists() and is_written(folder))
        with contextlib.suppress(FileNotFoundError):
            found: dict[str, Any] = json.loads(asked.with_suffix(_DONE).read_bytes())
            return found
        if is_over:
            return {}
        time.sleep(_LOOK_S)
    return None
