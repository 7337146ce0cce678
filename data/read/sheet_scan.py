"""What a sheet's XML shows that its values do not: formulas without a stored value, errors, and how large the table is."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field

from ...errors import DataError
from .reading import BadCell
from .workbook_zip import parse

MOST_CELLS = 20_000_000
"""Of the rectangle around all cells, which is held in memory."""
_MOST_BAD = 10_000
_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


@dataclass(slots=True)
class SheetScan:
    """Goes over the cells of a sheet. `bad`: (row, column) from 0 -> what is wrong with a cell."""

    bad: dict[tuple[int, int], BadCell] = field(default_factory=dict)
    _row: int = -1
    _column: int = -1
    _last: tuple[int, int] = (0, 0)
    _kind: str = ""
    _has_formula: bool = False
    _has_value: bool = False

    def start(self, name: str, values: dict[str, str]) -> None:
        """Meet the start of an element."""
        match name.rpartition(":")[2]:
            case "row":
                self._row, self._column = _row_number(values.get("r", str(self._row + 2))) - 1, -1
            case "c":
                self._column += 1
                if found := _PLACE.fullmatch(values.get("r", "")):
                    self._row, self._column = int(found[2]) - 1, column_number(found[1])
                self._kind, self._has_formula, self._has_value = values.get("t", ""), False, False
            case "f":
                self._has_formula = True
            case "v" | "is":
                self._has_value = True

    def end(self, name: str) -> None:
        """Meet the end of an element.

        Raises:
            DataError: the sheet has too many cells, or too many that are bad.
        """
        if name.rpartition(":")[2] != "c":
            return
        if self._has_value or self._has_formula:
            self._last = (max(self._last[0], self._row), max(self._last[1], self._column))
            if (self._last[0] + 1) * (self._last[1] + 1) > MOST_CELLS:
                place = cell_name(*self._last)
                raise DataError(f"its cells reach to {place}, which is more than {MOST_CELLS:,} cells; save the sheet as .csv")
        if self._has_formula and not self._has_value:
            self._add("holds a formula without a stored value; open the file in Excel and save it, so that values are stored")
        elif self._kind == "e":
            self._add("holds an error in place of a value; mend its formula")

    def _add(self, what: str) -> None:
        if len(self.bad) >= _MOST_BAD:
            raise DataError(
                f"more than {_MOST_BAD:,} cells hold no value, such as the formula or error in {cell_name(*next(iter(self.bad)))}"
            )
        self.bad[self._row, self._column] = BadCell(f"the cell {cell_name(self._row, self._column)} {what}")


def _row_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 7):
        raise DataError(f"a row has the number {text[:20]!r}; the file is damaged: open it in Excel and save it again")
    return int(text)


def scan_sheet(opened: zipfile.ZipFile, member: str) -> dict[tuple[int, int], BadCell]:
    """Return the cells of a sheet that are bad, by (row, column) from 0.

    Raises:
        DataError: as `SheetScan`.
    """
    scan = SheetScan()
    parse(opened, member, scan.start, scan.end)
    return scan.bad


def column_number(letters: str) -> int:
    """Return the number of a column from 0: A is 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def cell_name(row: int, column: int) -> str:
    """Return what a spreadsheet calls a cell: (1, 0) is A2."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"
