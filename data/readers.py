"""Files -> rows. Every complaint names the file and, where there is one, the line."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from ..json_text import parse_json
from .read.encodings import find_encoding
from .read.files import COMPRESSED, open_text, reading, table_suffix
from .read.json_array import is_json_array, read_json_array
from .read.lines import read_lines
from .read.reading import BadCell, Reading, strictly
from .read.separated import read_separated
from .read.workbook import read_workbook
from .read.workbook_zip import REFUSED

Row = dict[str, object]
Rows = Iterator[tuple[str, Row]]
Check = Callable[[Sequence[str]], None]
"""Refuses a heading with a DataError."""
ID = "_id"
_NOT_IN_IDS = re.compile("[\0\ud800-\udfff]")  # the end of a text in C, and halves of a character
Naming = Callable[[Sequence[str]], list[str]]
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ".json")
_LONGEST_HEADING = 1 << 16
_TEXT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json")


def read_jsonl(path: Path, how: Reading | None = None) -> Iterator[tuple[str, Row]]:
    """Yield (file and line, object) for each line of a JSON Lines file that is not blank.

    Args:
        path: The file.
        how: How it is read; None: strictly, as UTF-8.

    Raises:
        DataError: the file is absent, not text in its encoding, or a line is not a JSON object.
    """
    how = how or strictly()
    with reading(path):
        encoding = find_encoding(path, how)
        if table_suffix(path) == ".json" and is_json_array(path, encoding):
            yield from _read_array(path, encoding, how)
            return
        with open_text(path, encoding=encoding) as file:
            for line in read_lines(file, encoding):
                where = f"{path}, line {line.number}"
                if line.problem:
                    how.bad.refuse(where, line.problem)
                elif line.text.strip() and (row := _parsed(where, line.text, how)) is not None:
                    yield where, row


def _read_array(path: Path, encoding: str, how: Reading) -> Rows:
    with open_text(path, encoding=encoding, errors="strict") as file:
        for number, value in enumerate(read_json_array(file, str(path)), start=1):
            where = f"{path}, row {number}"
            if (row := _object(where, value, how)) is not None:
                yield where, row


def _parsed(where: str, line: str, how: Reading) -> Row | None:
    """Return the object of a line; None where it is none, and such lines are skipped."""
    try:
        return _object(where, parse_json(line), how)
    except (ValueError, RecursionError) as e:
        how.bad.refuse(where, f"not valid JSON ({e}); every line must be one JSON object")
        return None


def _object(where: str, value: object, how: Reading) -> Row | None:
    if not isinstance(value, dict):
        how.bad.refuse(where, f"a JSON {type(value).__name__}; every line must be one JSON object")
        return None
    return value


def text_of(where: str, row: Row, key: str, *, optional: bool = False) -> str:
    """Return a row's string under `key` (a whole number under `_id` is taken as one).

    Raises:
        DataError: it is absent (unless optional), or not a string.
    """
    value = row.get(key)
    if value is None and optional:
        return ""
    if key == ID:
        value = _id_of(where, value)
    if isinstance(value, BadCell):
        raise DataError(f"{where}: {value}")
    if not isinstance(value, str):
        found = f"a {type(value).__name__}" if value is not None else f"none (keys: {', '.join(row) or 'none'})"
        raise DataError(f"{where}: expected a text under {key!r}, found {found}")
    return value


def _id_of(where: str, value: object) -> object:
    """Return an id as a text: a whole number is one, and a text counts as it is written."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and (bad := _NOT_IN_IDS.search(value)):
        code = f"U+{ord(bad[0]):04X}"
        raise DataError(f"{where}: the id {value!r} holds the character {code}, which the scoring library does not support; use another id")
    return value


def filled_text_of(where: str, row: Row, key: str) -> str:
    """Return a row's string under `key`, which must hold more than white space.

    Raises:
        DataError: it is absent, not a string, or blank.
    """
    text = text_of(where, row, key)
    if not text.strip():
        raise DataError(f"{where}: the text under {key!r} is empty; fill it or remove the row")
    return text


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table, each with the file and line it stands on. `table["column"]` is a column as texts."""

    rows: list[tuple[str, Row]]

    def __getitem__(self, column: str) -> list[str]:
        return [_cell_text(where, row, column) for where, row in self.rows]

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def _cell_text(where: str, row: Row, column: str) -> str:
    value = row.get(column)
    if value != value:  # NaN, which stands for nothing
        raise DataError(f"{where}: there is no value under {column!r} (NaN); fill it or remove the row")
    return str(value) if isinstance(value, int | float) else text_of(where, row, column)


def read_table(path: Path, columns: Sequence[str], named: Naming = list, how: Reading | None = None) -> Table:
    """Read a csv, tsv, jsonl, json, parquet or xlsx table that must have `columns`. In a tsv, a quotation mark is a character like any other.

    Args:
        path: The file.
        columns: The columns without which it is refused.
        named: The heading -> what its columns count as, where they may have other names; of `columns`, too.
        how: How it is read; None: strictly, as UTF-8.

    Raises:
        DataError: the file is absent, empty or malformed, of another kind, lacks one of `columns`, or has two of one name.
    """
    return hold_table(path, stream_table(path, columns, named, how), columns)


def hold_table(path: Path, rows: Rows, columns: Sequence[str]) -> Table:
    """Return all rows of a table.

    Raises:
        DataError: there is none, which names the columns that were expected.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty; expected a table with the columns {', '.join(columns)}")
    table = Table(list(rows))
    if not table.rows:
        raise DataError(f"{path} holds no rows; expected a table with the columns {', '.join(columns)}")
    return table


def stream_table(path: Path, columns: Sequence[str], named: Naming = list, how: Reading | None = None) -> Rows:
    """Yield (file and line, row) of a table as `read_table` reads it, one row after another; raises as that."""
    return table_rows(path, lambda found: _require(path, found, columns, named), how)


def table_rows(path: Path, check: Check, how: Reading | None = None) -> Rows:
    """Yield (file and line, row) of a table whose heading `check` takes; `check` sees it before the first row comes.

    Raises:
        DataError: the file is absent or malformed, or of another kind, or `check` refuses its heading.
    """
    return _reader(path)(path, check, how or strictly())


def read_heading(path: Path, how: Reading | None = None, check: Check | None = None) -> list[str]:
    """Return the columns of a table (of JSON, the keys of the first object) without reading its rows.

    Raises:
        DataError: the file is absent, empty or malformed, or of another kind, or `check` refuses the heading.
    """
    found: list[str] = []

    def meet(heading: Sequence[str]) -> None:
        if check is not None:
            check(heading)
        found.extend(heading)
        raise _HeadingMetError

    rows = table_rows(path, meet, how)
    with reading(path):
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty; expected a table with a heading")
        with suppress(_HeadingMetError):
            next(rows, None)
    return found


class _HeadingMetError(Exception):
    """Ends the reading of a table once its heading is known."""


def check_heading(path: Path, columns: Sequence[str], named: Naming) -> None:
    """Refuse a file that is not a table with these columns; its rows are not read.

    Raises:
        DataError: as `read_heading`, or one of `columns` is not there.
    """
    _require(path, read_heading(path), columns, named)


def _read_separated(path: Path, check: Check, how: Reading) -> Rows:
    with reading(path):
        encoding = find_encoding(path, how)
        with open_text(path, newline="", encoding=encoding) as file:
            heading: list[str] | None = None
            for row in read_separated(read_lines(file, encoding), _delimiter(path, encoding, how)):
                where = f"{path}, line {row.line}"
                if heading is None:
                    if row.problem:
                        raise DataError(f"{where}: {row.problem}")
                    heading = row.cells
                    check(heading)
                elif row.problem:
                    how.bad.refuse(where, row.problem)
                elif len(row.cells) != len(heading):
                    how.bad.refuse(where, f"{len(row.cells)} cells where the heading has {len(heading)} ({', '.join(heading)})")
                else:
                    yield where, dict(zip(heading, row.cells, strict=True))


def _delimiter(path: Path, encoding: str, how: Reading) -> str | None:
    """Return what a cell ends at, None in a tsv; of a csv another one than the comma where its heading has no comma, which is noted."""
    if table_suffix(path) == ".tsv":
        return None
    if how.finds_out:
        with open_text(path, encoding=encoding) as file:
            heading = file.readline(_LONGEST_HEADING)
        for delimiter, name in ((";", "semicolons"), ("\t", "tabs")):
            if delimiter in heading and "," not in heading:
                how.note(f"{path.name}: its cells end at {name}, as its heading shows")
                return delimiter
    return ","


def _read_json_table(path: Path, check: Check, how: Reading) -> Rows:
    first = True
    for where, row in read_jsonl(path, how):
        if first:
            check(list(row))
            first = False
        yield where, row


def _read_parquet(path: Path, check: Check, how: Reading) -> Rows:  # noqa: ARG001  # it states all that could be asked
    from pyarrow import ArrowException, parquet

    number = 0
    with reading(path):
        try:
            file = parquet.ParquetFile(path)
            check(file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row
        except ArrowException as e:
            raise DataError(f"{path} could not be read as parquet: {str(e).splitlines()[0]}") from e


def _read_workbook(path: Path, check: Check, how: Reading) -> Rows:
    with reading(path):
        yield from read_workbook(path, check, how)


_READERS: dict[str, Callable[[Path, Check, Reading], Rows]] = {
    ".csv": _read_separated,
    ".tsv": _read_separated,
    ".jsonl": _read_json_table,
    ".json": _read_json_table,
    ".parquet": _read_parquet,
    ".xlsx": _read_workbook,
}


def _reader(path: Path) -> Callable[[Path, Check, Reading], Rows]:
    """Return what reads a table of this name.

    Raises:
        DataError: it is not one.
    """
    suffix = table_suffix(path)
    if suffix in REFUSED:
        raise DataError(f"{path} is {REFUSED[suffix]}")
    if suffix not in _READERS or (suffix not in _TEXT_SUFFIXES and path.suffix.lower() in COMPRESSED):
        raise DataError(f"{path} is not a table: its name ends in {path.suffix or 'nothing'}, expected {', '.join(TABLE_SUFFIXES)}")
    return _READERS[suffix]


def _require(path: Path, found: Sequence[str], columns: Sequence[str], named: Naming) -> None:
    refuse_twice(path, found)
    wanted, there = named(columns), named(found)
    missing = [column for column, name in zip(columns, wanted, strict=True) if name not in there]
    if missing:
        raise DataError(f"{path} lacks the column {', '.join(missing)}; expected {', '.join(columns)}, it has {', '.join(found) or 'none'}")


def refuse_twice(source: object, found: Sequence[str]) -> None:
    """Refuse a heading with two columns of one name.

    Raises:
        DataError: it has two.
    """
    if twice := [name for row, name in enumerate(found) if name.strip() and name in found[:row]]:
        raise DataError(f"{source} has two columns called {twice[0]!r}, of which one would be lost; rename or remove one of them")
