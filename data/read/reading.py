"""One reading of a source: how its files are read, and what is to be told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..read_options import PLAIN, ReadOptions
from .bad_rows import BadRows
from .held_out_rows import HeldOutRows

UTF_8 = "utf-8-sig"


@dataclass(slots=True)
class Reading:
    """What goes along from file to rows.

    Attributes:
        options: What the user says.
        finds_out: Whether encodings and columns are found out where the user says nothing. It is told in notes; who has no place for them
            reads UTF-8 and the usual names alone.
        is_one_of_several: Whether other sources are read with the same options, so that named columns may be another's.
        bad: What becomes of rows that cannot be read.
        encodings: Those that were found so far, with the line on how.
        held_out: Counts rows that the source keeps for choosing or testing, which are then left out; None: they are read.
    """

    options: ReadOptions = PLAIN
    finds_out: bool = True
    is_one_of_several: bool = False
    bad: BadRows = field(default_factory=BadRows)
    encodings: dict[Path, tuple[str, str | None]] = field(default_factory=dict)
    held_out: HeldOutRows | None = None
    _notes: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bad.skip |= self.options.skip_bad

    def aside(self) -> Reading:
        """Return the same way of reading for a first look at a file: what is told of it comes with its rows."""
        return Reading(self.options, self.finds_out, self.is_one_of_several, encodings=self.encodings)

    def note(self, line: str) -> None:
        """Keep a line for the user; the same one is kept once."""
        self._notes[line] = None

    @property
    def notes(self) -> tuple[str, ...]:
        """The lines so far, and what was skipped."""
        return (*self._notes, *self.bad.notes())


def strictly() -> Reading:
    """Return a reading that finds nothing out: UTF-8, and the first bad row is an error."""
    return Reading(finds_out=False)


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell without a value that could be read, and why: it matters where its column is used."""

    problem: str

    def __str__(self) -> str:
        return self.problem
