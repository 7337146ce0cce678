"""The rows of a table as CSV, in a link that holds them: a click saves them, without a script and without a network."""

import base64
import csv
import io
import re

from .table import NONE, Table, TableCell

_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*( \*| to [+-]?[0-9.]+)?")  # with the star of significance, or both ends of an interval
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_link(table: Table) -> str:
    """Return a data: link to the rows as UTF-8, with the mark that spreadsheets know it by."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(csv_text(table).encode("utf-8-sig", "replace")).decode()


def csv_text(table: Table) -> str:
    """Return the rows as they are shown, numbers with a plain minus; what stands small under the cells of a column is one of its own."""
    has_more = [any(row[column].more for row in table.rows) for column in range(len(table.headings))]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(
        [name for heading, more in zip(table.headings, has_more, strict=True) for name in (heading, f"{heading}: more")[: 1 + more]]
    )
    for row in table.rows:
        writer.writerow(
            [_plain(text) for cell, more in zip(row, has_more, strict=True) for text in (_written(cell), cell.more)[: 1 + more]]
        )
    return buffer.getvalue()


def _written(cell: TableCell) -> str:
    return "" if cell.text == NONE else cell.text


def _plain(text: str) -> str:
    """Return a text as a spreadsheet takes it: numbers as numbers, and a text that it would compute marked as a text."""
    plain = text.replace("\N{MINUS SIGN}", "-")
    if plain.startswith(_FORMULA) and not _NUMBER.fullmatch(plain):
        return "'" + plain
    return plain
