"""Tables of pairs: a csv, tsv, jsonl or parquet file with columns for the query, what answers it and, where there are any, negatives."""

from pathlib import Path

from .columns import ColumnRoles, PairRows, gather_rows, named_roles, texts_of
from .gather import TextRow
from .readers import Row, filled_text_of, read_table
from .stated import stated_of

COLUMNS = ("anchor", "positive")
"""The usual names; `columns.py` knows the others."""


def read_pair_table(path: Path) -> PairRows:
    """Read the rows of a table of pairs.

    Raises:
        DataError: the file is absent, empty or malformed, lacks a column, two columns claim the same place, or an anchor or positive is
            empty.
    """
    return gather_rows(str(path), read_table(path, COLUMNS, named_roles), _read)


def _read(where: str, row: Row, roles: ColumnRoles) -> TextRow:
    query = filled_text_of(where, row, roles.query or COLUMNS[0])
    columns = roles.positives or COLUMNS[1:]
    positives = tuple(text for column in columns for text in texts_of(where, row, column))
    if not positives and not isinstance(row.get(columns[0]), list):
        filled_text_of(where, row, columns[0])  # says what is wrong with it
    negatives = tuple(text for column in roles.negatives for text in texts_of(where, row, column))
    return TextRow(where, query, positives, negatives, **stated_of(where, row, roles.stated))
