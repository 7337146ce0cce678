"""The tables of a page: cells with what they say, what they sort by, and what draws the eye to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NONE = "–"


@dataclass(frozen=True, slots=True)
class IntervalMark:
    """Where a difference and its interval lie in a small picture 120 units wide, and where 0 is."""

    low: float
    high: float
    at: float
    zero: float


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell.

    `sort` is what the column is sorted by (None: the text), `mood` how it looks (good, bad, quiet), `more` stands small under the text, and
    `interval` is drawn beside it.
    """

    text: str
    sort: float | None = None
    mood: str = ""
    more: str = ""
    interval: IntervalMark | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table; `numeric` are the columns whose cells stand to the right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    numeric: frozenset[int] = frozenset()


def plain(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table of texts."""
    return Table(tuple(headings), tuple(tuple(TableCell(text) for text in row) for row in rows))


def signed(value: float, digits: int = 4) -> str:
    """Write a difference with its sign, a real minus among them."""
    return f"{value:+.{digits}f}".replace("-", "−")
