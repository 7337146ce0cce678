"""Rows as text: a table where it fits, else a block for each row. No name is broken, no heading and no cell is dropped.

Widths are counted in columns of a terminal, of which a Chinese character takes two.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .shown_text import defuse, one_line

_GAP = "   "
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class TextTable:
    """Headings, and rows of as many cells. A cell may have several lines.

    Attributes:
        headings: One for each column; the first may be empty, where the first cell names the row by itself.
        rows: The cells. A first cell that is empty stands for the one above.
        title: A line above it.
        right: Columns whose cells stand at the right, by heading.
        prose: Columns whose cells may be broken between words, by heading.
    """

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str = ""
    right: frozenset[str] = frozenset()
    prose: frozenset[str] = frozenset()


def output_width() -> int | None:
    """Return the columns that text on stdout may take: what COLUMNS says, else the terminal's; None where it goes to a file or a pipe."""
    with contextlib.suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def lay_out(table: TextTable, width: int | None = None) -> str:
    """Return a table as text: one line a row where that fits into `width` columns (None: whatever it takes), else one block a row."""
    table = _defused(table)
    widths = [_widest([heading, *(row[column] for row in table.rows)]) for column, heading in enumerate(table.headings)]
    total = sum(widths) + len(_GAP) * (len(widths) - 1)
    fits = width is None or 1 + total <= width
    lines = list(_lines(table, widths, total) if fits else _blocks(table, width or 0))
    return "\n".join([*([table.title] if table.title else []), "", *lines])


def lay_out_facts(facts: Sequence[tuple[str, str]], width: int | None = None) -> str:
    """Return names with values as text, the values under one another; a value may have several lines, and none is broken within a word."""
    facts = [(one_line(name), defuse(value)) for name, value in facts]
    widest = max((cell_width(name) for name, _ in facts), default=0)
    return "\n".join(line for name, value in facts for line in _fact(_pad(name, widest) + _INDENT, value or "-", width, is_prose=False))


def fold(text: str, width: int | None, indent: str = _INDENT) -> list[str]:
    """Return a text as lines of at most `width` columns, broken between words alone; the lines after the first are indented."""
    if width is None or cell_width(text) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if not line or cell_width(longer) <= width - (len(indent) if lines else 0):
            line = longer
        else:
            lines.append(line)
            line = word
    return [each if row == 0 else indent + each for row, each in enumerate([*lines, line])]


def shorten(text: str, longest: int, mark: str = "…") -> str:
    """Return a text that is longer than so many characters with a mark at its cut end, and any other one as it is."""
    return text if len(text) <= longest else text[: longest - len(mark)] + mark


def cell_width(text: str) -> int:
    """Return how many columns of a terminal a line takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _defused(table: TextTable) -> TextTable:
    """Return a table whose cells are as wide as they are shown: text of others is shown, and not obeyed."""
    rows = [tuple(map(defuse, row)) for row in table.rows]
    return replace(table, headings=tuple(map(one_line, table.headings)), rows=rows, title=defuse(table.title))


def _widest(cells: Sequence[str]) -> int:
    return max(cell_width(line) for cell in cells for line in cell.split("\n"))


def _pad(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - cell_width(text))
    return blanks + text if right else text + blanks


def _lines(table: TextTable, widths: Sequence[int], total: int) -> Iterator[str]:
    """Yield the headings, a rule, and each row's lines."""
    yield _row(table, table.headings, widths)
    yield " " + "─" * total
    for row in table.rows:
        cells = [cell.split("\n") for cell in row]
        for number in range(max(map(len, cells))):
            yield _row(table, [lines[number] if number < len(lines) else "" for lines in cells], widths)


def _row(table: TextTable, cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (_pad(cell, width, right=heading in table.right) for heading, cell, width in zip(table.headings, cells, widths, strict=True))
    return (" " + _GAP.join(padded)).rstrip()


def _blocks(table: TextTable, width: int) -> Iterator[str]:
    """Yield each row as lines of `heading: value`, the first cell above the others, with an empty line between rows."""
    first, *others = table.headings
    widest = max((cell_width(heading) for heading in others), default=0) + 1
    above = ""
    for number, row in enumerate(table.rows):
        if number:
            yield ""
        above = row[0] or above
        yield from _fact(f"{first}: " if first else "", above, width, is_prose=first in table.prose)
        for heading, cell in zip(others, row[1:], strict=True):
            name = _INDENT + _pad(f"{heading}:", widest) + " "
            yield from _fact(name, cell or "-", width, is_prose=heading in table.prose)


def _fact(name: str, value: str, width: int | None, *, is_prose: bool) -> Iterator[str]:
    """Yield a name with the lines of its value beside it, or below it where a line would not fit, and would fit there."""
    beside = " " * cell_width(name)
    lines = value.split("\n")
    if is_prose and width is not None:
        lines = [part for line in lines for part in fold(line, max(width - len(beside), 20), "")]
    too_wide = width is not None and len(beside) > 4 and any(len(beside) + cell_width(line) > width for line in lines)
    if too_wide:
        yield name.rstrip()
        yield from (f"    {line}" for line in lines)
    else:
        yield from (f"{name if number == 0 else beside}{line}".rstrip() for number, line in enumerate(lines))
