"""Tables of pairs: a csv, tsv, jsonl or parquet file with the columns anchor, positive and, where there are any, negative."""

from collections.abc import Iterator
from pathlib import Path

from .pooling import TextRow, pool_rows
from .readers import filled_text_of, read_table, text_of
from .retrieval import Corpus, Pairs

COLUMNS = ("anchor", "positive")
NEGATIVE = "negative"


def load_table(path: Path) -> tuple[Corpus, Pairs]:
    """Read a table of pairs; rows of the same anchor are joined, and an empty negative is none.

    Raises:
        DataError: the file is absent, empty or malformed, lacks a column, or an anchor or positive is empty.
    """
    return pool_rows(_rows(path), str(path))


def _rows(path: Path) -> Iterator[TextRow]:
    for where, row in read_table(path, COLUMNS):
        negative = text_of(where, row, NEGATIVE, optional=True)
        anchor, positive = (filled_text_of(where, row, column) for column in COLUMNS)
        yield TextRow(where, anchor, (positive,), (negative,) if negative.strip() else ())
