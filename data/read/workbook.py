"""A sheet of a workbook (.xlsx) -> rows: merged cells are filled, hidden sheets are skipped, and both are told."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DataError, did_you_mean
from ...plurals import count
from .reading import BadCell, Reading
from .sheet_scan import cell_name, scan_sheet
from .workbook_zip import opening, read_through, sheet_parts

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

_HEADING_WITHIN = 10
"""Above the heading may stand a title and remarks, in so many rows that are not empty."""


def read_workbook(path: Path, check: Callable[[Sequence[str]], None], how: Reading) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield (file, sheet and row, cells by the heading) for each row that is not empty.

    Args:
        path: The file.
        check: Refuses what is not a heading, with a DataError; the first of the first rows that it takes is the heading.
        how: Which sheet is meant, and where notes go.

    Raises:
        DataError: the workbook, the sheet or its heading does not fit.
    """
    sheet = _open_sheet(path, how)
    rows = ((number, cells) for number, cells in enumerate(sheet.rows()) if any(cell != "" for cell in cells))
    last, heading = _find_heading(path, sheet, rows, check, how)
    columns = [(place, name) for place, name in enumerate(heading) if name]
    for number, cells in rows:
        if number > last and any(cells[place] != "" for place, _ in columns):
            yield f"{sheet.where}, row {number + 1}", {name: cells[place] for place, name in columns}


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet that is held in memory, what to call it, and its cells that are bad."""

    where: str
    sheet: CalamineSheet
    bad: dict[tuple[int, int], BadCell]

    def rows(self) -> Iterator[list[object]]:
        """Yield the rows from the first one on: texts, empty ones where there is nothing, and bad cells."""
        left = (self.sheet.start or (0, 0))[1]
        bad_rows = {row for row, _ in self.bad}
        fill = _Merged(sorted(self.sheet.merged_cell_ranges or []), left)
        for number, values in enumerate(self.sheet.iter_rows()):
            cells = [_text(value) for value in values]
            if number in bad_rows:
                cells = [self.bad.get((number, left + place), cell) for place, cell in enumerate(cells)]
            fill.row(number, cells)
            yield cells

    def heading(self, number: int, cells: Sequence[object]) -> tuple[int, list[str]]:
        """Return where a row ends if it is the heading, whose cells may be merged with those below, and its names, each once where it is wide."""
        left = (self.sheet.start or (0, 0))[1]
        names = [str(cell).strip() for cell in cells]
        ranges = [each for each in self.sheet.merged_cell_ranges or [] if each[0][0] <= number <= each[1][0]]
        for start, end in ranges:
            names[start[1] - left + 1 : end[1] - left + 1] = [""] * (min(end[1] - left + 1, len(names)) - (start[1] - left + 1))
        return max([number, *(end[0] for _, end in ranges)]), names


class _Merged:
    """Fills merged cells with the value of their first one, row by row."""

    def __init__(self, ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]], left: int) -> None:
        self.waiting, self.left = list(reversed(ranges)), left
        self.open: list[tuple[tuple[int, int], tuple[int, int], object]] = []

    def row(self, number: int, cells: list[object]) -> None:
        while self.waiting and self.waiting[-1][0][0] <= number:
            start, end = self.waiting.pop()
            place = start[1] - self.left
            self.open.append((start, end, cells[place] if 0 <= place < len(cells) else ""))
        self.open = [each for each in self.open if each[1][0] >= number]
        for start, end, value in self.open:
            for place in range(max(start[1] - self.left, 0), min(end[1] - self.left + 1, len(cells))):
                cells[place] = value


def _open_sheet(path: Path, how: Reading) -> _Sheet:
    """Open the sheet that is meant; nothing is given to the reader of workbooks before it has been read through once within bounds."""
    from python_calamine import CalamineError, CalamineWorkbook

    with opening(path) as opened:
        parts = {part.name: part.member for part in sheet_parts(opened)}
        read_through(opened, set(parts.values()))
        try:
            workbook = CalamineWorkbook.from_path(str(path))
            chosen = _choose(path, workbook, how)
            for name in chosen:
                bad = _scan(path, name, opened, parts)
                sheet = workbook.get_sheet_by_name(name)
                if sheet.start is not None:
                    _tell(path, name, workbook, how)
                    return _Sheet(f"{path}, sheet {name}", sheet, bad)
        except CalamineError as e:
            raise DataError(f"{path} could not be read as a workbook ({e}); open it in Excel and save it again") from e
    empty = f"the sheet {chosen[0]} of {path} is empty" if len(chosen) == 1 else f"{path} has no sheet that is visible and holds rows"
    raise DataError(f"{empty}; expected a heading and rows below it. Its sheets: {', '.join(parts)}")


def _scan(path: Path, name: str, opened: zipfile.ZipFile, parts: dict[str, str]) -> dict[tuple[int, int], BadCell]:
    try:
        return scan_sheet(opened, parts.get(name, ""))
    except DataError as e:
        raise DataError(f"{path}, sheet {name}: {e}") from None


def _choose(path: Path, workbook: CalamineWorkbook, how: Reading) -> list[str]:
    """Return the names of the sheets that may be meant, in their order.

    Raises:
        DataError: the one that the user names is not there.
    """
    names = workbook.sheet_names
    if (said := how.options.sheet) is None:
        return _sheets(workbook, visible=True)
    if said not in names and said.isdecimal() and 1 <= int(said) <= len(names):
        said = names[int(said) - 1]
    if said not in names:
        raise DataError(f"{path} has no sheet {said!r}; there are {', '.join(names)}.{did_you_mean(said, names)}")
    return [said]


def _sheets(workbook: CalamineWorkbook, *, visible: bool) -> list[str]:
    """Return the sheets of cells that are visible, or that are hidden."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    return [
        each.name
        for each in workbook.sheets_metadata
        if each.typ == SheetTypeEnum.WorkSheet and (each.visible == SheetVisibleEnum.Visible) is visible
    ]


def _tell(path: Path, name: str, workbook: CalamineWorkbook, how: Reading) -> None:
    others = [each for each in _sheets(workbook, visible=True) if each != name]
    hidden = [each for each in _sheets(workbook, visible=False) if each != name]
    if how.options.sheet is None and (others or hidden):
        told = [f"not read: {', '.join(others)}"] if others else []
        told += [f"skipped, because hidden: {', '.join(hidden)}"] if hidden else []
        how.note(f"{path.name}: the sheet {name} is read; {'; '.join(told)} (choose with --sheet)")


def _tell_merged(path: Path, sheet: _Sheet, heading: int, how: Reading) -> None:
    """Say which cells are filled; those of a title above the heading are not read."""
    merged = sorted(each for each in sheet.sheet.merged_cell_ranges or [] if each[1][0] >= heading and each[0] != each[1])
    if merged:
        (start, end), number = merged[0], count(len(merged), "merged range")
        such = f"{'' if len(merged) == 1 else 'such as '}{cell_name(*start)}:{cell_name(*end)}"
        how.note(f"{path.name}, sheet {sheet.sheet.name}: the cells of {number} ({such}) get its first cell's value")


def _find_heading(
    path: Path, sheet: _Sheet, rows: Iterator[tuple[int, list[object]]], check: Callable[[Sequence[str]], None], how: Reading
) -> tuple[int, list[str]]:
    """Return the last row of the heading and the names, of the first row that is one, and leave `rows` at the one below it.

    Raises:
        DataError: none of the first rows is; the message is on the one with the most names.
    """
    refusal, most = DataError(f"{sheet.where} is empty; expected a heading and rows below it"), 0
    for tried, (number, cells) in enumerate(rows):
        last, names = sheet.heading(number, cells)
        try:
            check([name for name in names if name])
        except DataError as e:
            refusal, most = (e, len(set(names))) if len(set(names)) > most else (refusal, most)
            if tried + 1 >= _HEADING_WITHIN:
                break
            continue
        _tell_merged(path, sheet, number, how)
        if tried:
            how.note(f"{path.name}: the heading is row {number + 1} of {sheet.sheet.name}; what stands above it is not read")
        return last, names
    raise refusal


def _text(value: Any) -> object:
    """Return a cell as the text that a spreadsheet would show; a number has at most 15 digits there."""
    match value:
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return str(int(value)) if value == int(value) and abs(value) < 1e15 else format(value, ".15g")
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case date():
            return value.isoformat()
    return str(value)
