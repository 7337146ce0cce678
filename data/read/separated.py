"""Rows of separated values (csv, tsv), each with the line on which it begins and with what is wrong with it.

A quotation mark that opens a cell and is never closed swallows the rows behind it. Such a row is found out, and reading goes on in the line
below the one where it begins.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from .lines import LONGEST_LINE, Line

_END = Line(0, "\0the end of the file\0")  # what an open quotation mark swallows last, and no file holds
_CLOSE = "close it, or double those that belong to the text"


@dataclass(frozen=True, slots=True)
class SeparatedRow:
    """A row: the number of its first line, its cells, and what is wrong with it (None: nothing)."""

    line: int
    cells: list[str]
    problem: str | None = None


class _TooLongError(Exception):
    """A row has more characters than one may have."""


class _Feed:
    """Gives `csv.reader` as many lines as a row takes; those of a row can be given back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self.lines, self.back, self.taken, self.size = lines, deque[Line](), list[Line](), 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.taken and self.taken[-1] is _END:
            raise StopIteration
        line = self.back.popleft() if self.back else next(self.lines, _END)
        self.taken.append(line)
        self.size += len(line.text)
        if self.size > LONGEST_LINE and len(self.taken) > 1:
            raise _TooLongError
        return line.text

    def begin(self) -> None:
        """Begin a row."""
        self.taken, self.size = [], 0

    def give_back(self) -> None:
        """Read the lines of the row again, apart from its first one."""
        self.back.extendleft(reversed([line for line in self.taken[1:] if line is not _END]))


def read_separated(lines: Iterator[Line], delimiter: str | None) -> Iterator[SeparatedRow]:
    """Yield the rows that are not blank.

    Args:
        lines: Of a file that was opened with `newline=""`.
        delimiter: What a cell ends at; None: tabs, and a quotation mark is a character like any other.
    """
    csv.field_size_limit(2**31 - 1)  # a passage may be longer than the 128 KiB that csv allows by itself
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=delimiter or "\t", quoting=csv.QUOTE_NONE if delimiter is None else csv.QUOTE_MINIMAL)
    while True:
        feed.begin()
        problem = None
        try:
            cells = next(reader)
        except _TooLongError:
            cells, problem = [], f"a quotation mark opens a cell and none closes it within {LONGEST_LINE:,} characters; {_CLOSE}"
        except csv.Error as e:
            cells, problem = [], f"could not be read as separated values ({e})"
        first = feed.taken[0]
        if first is _END:
            return
        problem = next((line.problem for line in feed.taken if line.problem), None) or problem or _swallowed(feed.taken, delimiter or "\t")
        if problem:
            feed.give_back()
        if cells or problem:
            yield SeparatedRow(first.number, cells, problem)


def _swallowed(lines: list[Line], delimiter: str) -> str | None:
    """Say that a row has taken others into an open cell, if it has: its lines are not csv when they are read strictly."""
    if len(lines) == 1:
        return None
    if lines[-1] is _END:
        return f"a quotation mark opens a cell and none closes it before the end of the file; {_CLOSE}"
    try:
        next(csv.reader((line.text for line in lines), delimiter=delimiter, strict=True))
    except csv.Error:
        return f"a quotation mark opens a cell and meets the next one inside another cell, in line {lines[-1].number}; {_CLOSE}"
    return None
