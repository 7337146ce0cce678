"""Tables of pairs: a csv, tsv, jsonl, json, parquet or xlsx file with columns for the query, what answers it and, where there are any, negatives."""

from pathlib import Path

from .columns import ColumnRoles, PairRows, gather_rows, texts_of
from .gather import TextRow
from .read.reading import Reading, strictly
from .readers import Row, filled_text_of, hold_table, read_heading, table_rows
from .shapes import PairShape
from .stated import stated_of

COLUMNS = ("anchor", "positive")
"""The usual names; `columns.py` knows the others."""


def read_pair_table(path: Path, how: Reading | None = None) -> PairRows:
    """Read the rows of a table of pairs.

    Args:
        path: The file.
        how: How it is read, and where notes on that go; None: strictly, with the usual names of columns.

    Raises:
        DataError: the file is absent, empty or malformed, lacks a column, two columns claim the same place, or an anchor or positive is
            empty.
    """
    how = how or strictly()
    shape = PairShape(str(path), how)
    table = hold_table(path, shape.rows(table_rows(path, shape.meet, how)), COLUMNS)
    return gather_rows(str(path), table, _read, how.bad, how.held_out)


def check_pair_table(path: Path, how: Reading) -> None:
    """Refuse what is not a table of pairs by its heading.

    Raises:
        DataError: it is absent or empty, of another kind, or lacks a column.
    """
    shape = PairShape(str(path), how)
    if not read_heading(path, how, shape.meet):
        shape.meet([])


def _read(where: str, row: Row, roles: ColumnRoles) -> TextRow:
    query = filled_text_of(where, row, roles.query or COLUMNS[0])
    columns = roles.positives or COLUMNS[1:]
    positives = tuple(text for column in columns for text in texts_of(where, row, column))
    if not positives and not isinstance(row.get(columns[0]), list):
        filled_text_of(where, row, columns[0])  # says what is wrong with it
    negatives = tuple(text for column in roles.negatives for text in texts_of(where, row, column))
    return TextRow(where, query, positives, negatives, **stated_of(where, row, roles.stated))
