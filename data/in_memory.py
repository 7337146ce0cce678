"""Pairs that a program holds in memory: tuples, mappings, a table of `datasets`, pandas or polars -> rows of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import DataError
from .columns import ColumnRoles, gather_rows, texts_of
from .gather import TextRow, pool_rows
from .pairs import TrainingData
from .read.bad_rows import BadRows
from .read.held_out_rows import HeldOutRows
from .read.reading import Reading
from .read_options import PLAIN, ReadOptions
from .readers import Row, filled_text_of
from .shapes import shape_rows
from .stated import stated_of

IN_MEMORY = "in memory"
_EXPECTED = (
    "expected pairs (query, positive), triples (query, positive, negative), or mappings such as "
    '{"query": ..., "positive": ..., "negative": ...}'
)


def read_in_memory(source: object, language: str | None = None, read: ReadOptions = PLAIN) -> TrainingData:
    """Make training data of rows in memory, without a dev split. Rows of the same query are joined.

    Args:
        source: An iterable of (query, positive), of (query, positive, negative, ...), or of mappings whose keys are those of a table's columns
            (docs/data.md); a list of texts stands for several. A `datasets.Dataset`, a pandas or a polars frame is one of mappings.
        language: What the texts are in.
        read: Which columns are meant, and what becomes of bad rows.

    Raises:
        DataError: it holds no rows, or a row is something else; the row is named.
    """
    how = Reading(read, held_out=HeldOutRows())
    rows = gather_rows(IN_MEMORY, shape_rows(IN_MEMORY, _rows(source, how.bad), how), read_mapping, how.bad, how.held_out)
    corpus, pairs = pool_rows(rows.rows, "the data in memory")
    return TrainingData(corpus=corpus, train=pairs, dev=None, source=IN_MEMORY, language=language, notes=(*how.notes, *rows.notes))


def _rows(source: object, bad: BadRows) -> Iterator[tuple[str, Row]]:
    for number, row in enumerate(_items(source), start=1):
        try:
            yield f"row {number}", _row(f"row {number}", row)
        except DataError as e:
            bad.refuse_error(f"row {number}", e)


def _items(source: Any) -> Iterable[object]:
    if isinstance(source, Mapping):
        raise DataError(
            f"the data are one mapping with the keys {', '.join(map(repr, list(source)[:5]))}; {_EXPECTED} in a list, or one split of a "
            "DatasetDict, such as data['train']"
        )
    if hasattr(source, "to_dicts"):  # polars
        return list(source.to_dicts())
    if hasattr(source, "to_dict") and hasattr(source, "columns"):  # pandas; a Dataset has `to_dict` and `column_names`
        return list(source.to_dict("records"))
    if not isinstance(source, Iterable):
        raise DataError(f"the data are of the type {type(source).__name__}; {_EXPECTED} in a list, or the path of a file or folder")
    return source


def _row(where: str, row: object) -> Row:
    if isinstance(row, Mapping):
        return dict(row)
    if isinstance(row, Sequence) and not isinstance(row, str) and len(row) >= 2:
        query, positive, *negatives = row
        return {"query": query, "positive": positive, **({"negatives": _flat(negatives)} if negatives else {})}
    raise DataError(f"{where} is {_shown(row)}; {_EXPECTED}")


def _flat(values: Sequence[object]) -> list[object]:
    return [each for value in values for each in (value if isinstance(value, list | tuple) else [value])]


def _shown(row: object) -> str:
    return f"the text {row[:40]!r}" if isinstance(row, str) else f"of the type {type(row).__name__}"


def read_mapping(where: str, row: Row, roles: ColumnRoles) -> TextRow:
    """Make a row of texts of a mapping whose keys are names of columns.

    Raises:
        DataError: it has no query or no positive, or holds something else.
    """
    if not roles.query or not roles.positives:
        raise DataError(f"{where} has the keys {', '.join(row) or 'none'}; {_EXPECTED}")
    return TextRow(
        where,
        filled_text_of(where, row, roles.query),
        tuple(text for key in roles.positives for text in _texts(where, row, key)),
        tuple(text for key in roles.negatives for text in _texts(where, row, key)),
        **stated_of(where, row, roles.stated),
    )


def _texts(where: str, row: Row, key: str) -> tuple[str, ...]:
    """The texts of a cell; a tuple, or an array, is a list too, and a number that stands for nothing (NaN) is none."""
    value: Any = row.get(key)
    if value is None or (isinstance(value, float) and value != value):
        return ()
    if isinstance(value, tuple) or hasattr(value, "tolist"):
        value = list(value)
    return texts_of(where, {key: value}, key)
