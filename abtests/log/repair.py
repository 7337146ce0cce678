"""What a kill or a power cut left is removed: the end of a line that nobody was told was written, and copies that were not finished."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ... import disk
from .folder import EVENTS, day_files
from .lines import parse_line

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Repair:
    """A file that was cut, and by how many bytes."""

    path: Path
    cut_bytes: int


def repair_log(folder: Path) -> list[Repair]:
    """Cut what is not a whole line off the end of each file of a log, and remove unfinished copies.

    Raises:
        OSError: a file cannot be read or cut.
    """
    remove_copies(folder)
    repairs = []
    for path in day_files(folder).values():
        size = path.stat().st_size
        if (end := whole_end(path)) < size:
            disk.cut_file(path, end)
            repairs.append(Repair(path, size - end))
    return repairs


def remove_copies(folder: Path) -> None:
    """Remove what was left of a file's new content where rewriting was killed: nothing else would ever take users or old days out of it.

    Raises:
        OSError: one cannot be removed.
    """
    for path in (folder / EVENTS).glob(".*.tmp"):
        disk.remove_file(path)


def whole_end(path: Path) -> int:
    """Return where the last whole line of a file ends. A disk that lost power may hold zeros there, which are not one either."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = _line_start(file, end)
            file.seek(start)
            line = file.read(end - start)
            if line.endswith(b"\n") and parse_line(line) is not None:
                return end
            end = start
    return 0


def _line_start(file: BinaryIO, end: int) -> int:
    """Return where the line begins whose last byte is the one before `end`."""
    at = end - 1
    while at > 0:
        start = max(0, at - _BLOCK)
        file.seek(start)
        found = file.read(at - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        at = start
    return 0
