"""Files -> rows. Every complaint names the file and, where there is one, the line."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from ..errors import DataError
from ..files import near_files
from ..json_text import parse_json

R = TypeVar("R")
Row = dict[str, object]
ID = "_id"
_NOT_IN_IDS = re.compile("[\0\ud800-\udfff]")  # the end of a text in C, and halves of a character
Naming = Callable[[Sequence[str]], list[str]]
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
GZIP = ".gz"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a text file is read into a DataError."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.{near_files(path)}") from None
    except UnicodeDecodeError as e:
        raise DataError(f"{path} is not UTF-8 text ({e.reason} at byte {e.start}); save it as UTF-8") from e
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}") from e
    except (EOFError, zlib.error) as e:
        raise DataError(f"{path} is cut or damaged: {e}") from e


def table_suffix(path: Path) -> str:
    """Return what the name of a table ends in: of one that is compressed (`.csv.gz`), what is before that."""
    return Path(path.stem).suffix if path.suffix == GZIP else path.suffix


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """Open a text file, compressed by gzip or not; UTF-8, with or without a byte order mark."""
    if path.suffix == GZIP:
        return io.TextIOWrapper(gzip.GzipFile(path), encoding="utf-8-sig", newline=newline)
    return path.open(encoding="utf-8-sig", newline=newline)


def read_jsonl(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield (file and line, object) for each line of a JSON Lines file that is not blank.

    Raises:
        DataError: the file is absent, not UTF-8, or a line is not a JSON object.
    """
    with reading(path), open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                where = f"{path}, line {number}"
                yield where, _object(where, line)


def _object(where: str, line: str) -> Row:
    try:
        value = parse_json(line)
    except (ValueError, RecursionError) as e:
        raise DataError(f"{where}: not valid JSON ({e}); every line must be one JSON object") from e
    if not isinstance(value, dict):
        raise DataError(f"{where}: a JSON {type(value).__name__}; every line must be one JSON object")
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
    return str(value) if isinstance(value, int | float) else text_of(where, row, column)


def read_table(path: Path, columns: Sequence[str], named: Naming = list) -> Table:
    """Read a csv, tsv, jsonl or parquet table that must have `columns`. In a tsv, a quotation mark is a character like any other.

    Args:
        path: The file.
        columns: The columns without which it is refused.
        named: The heading -> what its columns count as, where they may have other names; of `columns`, too.

    Raises:
        DataError: the file is absent, empty or malformed, of another kind, lacks one of `columns`, or has two of one name.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty; expected a table with the columns {', '.join(columns)}")
    table = Table(list(stream_table(path, columns, named)))
    if not table.rows:
        raise DataError(f"{path} holds no rows; expected a table with the columns {', '.join(columns)}")
    return table


def stream_table(path: Path, columns: Sequence[str], named: Naming = list) -> Iterator[tuple[str, Row]]:
    """Yield (file and line, row) of a table as `read_table` reads it, one row after another; raises as that."""
    return _reader(_READERS, path)(path, lambda found: _require(path, found, columns, named))


def read_heading(path: Path) -> list[str]:
    """Return the columns of a table (of JSON lines, the keys of the first one) without reading its rows.

    Raises:
        DataError: the file is absent, empty or malformed, or of another kind.
    """
    read = _reader(_HEADINGS, path)
    with reading(path):
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty; expected a table with a heading")
        return read(path)


def check_heading(path: Path, columns: Sequence[str], named: Naming) -> None:
    """Refuse a file that is not a table with these columns; its rows are not read.

    Raises:
        DataError: as `read_heading`, or one of `columns` is not there.
    """
    _require(path, read_heading(path), columns, named)


def _separated_heading(path: Path) -> list[str]:
    with open_text(path, newline="") as file:
        return next(csv.reader(file, delimiter="\t" if table_suffix(path) == ".tsv" else ","), [])


def _json_heading(path: Path) -> list[str]:
    return next((list(row) for _, row in read_jsonl(path)), [])


def _parquet_heading(path: Path) -> list[str]:
    from pyarrow import ArrowException, parquet

    try:
        return list(parquet.read_schema(path).names)
    except ArrowException as e:
        raise DataError(f"{path} could not be read as parquet: {str(e).splitlines()[0]}") from e


def _read_separated(path: Path, check: Callable[[Sequence[str]], None]) -> Iterator[tuple[str, Row]]:
    csv.field_size_limit(2**31 - 1)  # a passage may be longer than the 128 KiB that csv allows by itself
    tab = table_suffix(path) == ".tsv"
    with reading(path), open_text(path, newline="") as file:
        lines = csv.reader(file, delimiter="\t" if tab else ",", quoting=csv.QUOTE_NONE if tab else csv.QUOTE_MINIMAL)
        heading: list[str] | None = None
        try:
            for cells in lines:
                where = f"{path}, line {lines.line_num}"
                if heading is None:
                    heading = cells
                    check(heading)
                elif len(cells) not in (0, len(heading)):
                    raise DataError(f"{where}: {len(cells)} cells where the heading has {len(heading)} ({', '.join(heading)})")
                elif cells:
                    yield where, dict(zip(heading, cells, strict=True))
        except csv.Error as e:
            raise DataError(f"{path}, line {lines.line_num}: could not be read as {path.suffix[1:]} ({e})") from e


def _read_json_table(path: Path, check: Callable[[Sequence[str]], None]) -> Iterator[tuple[str, Row]]:
    first = True
    for where, row in read_jsonl(path):
        if first:
            check(list(row))
            first = False
        yield where, row


def _read_parquet(path: Path, check: Callable[[Sequence[str]], None]) -> Iterator[tuple[str, Row]]:
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


_READERS = {".csv": _read_separated, ".tsv": _read_separated, ".jsonl": _read_json_table, ".parquet": _read_parquet}
_HEADINGS = {".csv": _separated_heading, ".tsv": _separated_heading, ".jsonl": _json_heading, ".parquet": _parquet_heading}


def _reader(readers: Mapping[str, R], path: Path) -> R:
    """Return what reads a table of this name.

    Raises:
        DataError: it is not one.
    """
    suffix = table_suffix(path)
    if suffix not in readers or (suffix == ".parquet" and path.suffix == GZIP):
        raise DataError(f"{path} is not a table: its name ends in {path.suffix or 'nothing'}, expected {', '.join(TABLE_SUFFIXES)}")
    return readers[suffix]


def _require(path: Path, found: Sequence[str], columns: Sequence[str], named: Naming) -> None:
    if twice := [name for row, name in enumerate(found) if name.strip() and name in found[:row]]:
        raise DataError(f"{path} has two columns called {twice[0]!r}, of which one would be lost; rename or remove one of them")
    wanted, there = named(columns), named(found)
    missing = [column for column, name in zip(columns, wanted, strict=True) if name not in there]
    if missing:
        raise DataError(f"{path} lacks the column {', '.join(missing)}; expected {', '.join(columns)}, it has {', '.join(found) or 'none'}")
