"""Files -> rows. Every complaint names the file and, where there is one, the line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError

if TYPE_CHECKING:
    import pandas

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


def read_jsonl(path: Path) -> Iterator[tuple[int, dict]]:
    """Yield (line number, object) for each line of a JSON Lines file that is not blank.

    Raises:
        DataError: the file is absent, not UTF-8, or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _object(path, number, line)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except UnicodeDecodeError as e:
        raise DataError(f"{path} is not UTF-8 text ({e.reason} at byte {e.start}); save it as UTF-8") from e
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}") from e


def _object(path: Path, number: int, line: str) -> dict:
    try:
        value = json.loads(line)
    except ValueError as e:
        raise DataError(f"{path}, line {number}: not valid JSON ({e}); every line must be one JSON object") from e
    if not isinstance(value, dict):
        raise DataError(f"{path}, line {number}: a JSON {type(value).__name__}; every line must be one JSON object")
    return value


def text_of(path: Path, number: int, row: dict, key: str, *, optional: bool = False) -> str:
    """Return a row's string under `key`.

    Raises:
        DataError: it is absent (unless optional), or no string.
    """
    value = row.get(key)
    if value is None and optional:
        return ""
    if isinstance(value, int) and key == "_id":
        return str(value)
    if not isinstance(value, str):
        found = f"a {type(value).__name__}" if value is not None else f"none (keys: {', '.join(row) or 'none'})"
        raise DataError(f"{path}, line {number}: expected a text under {key!r}, found {found}")
    return value


def read_table(path: Path, columns: tuple[str, ...]) -> "pandas.DataFrame":
    """Read a csv, tsv, jsonl or parquet table; empty cells are empty strings.

    Raises:
        DataError: the file is absent, empty or malformed, or lacks one of `columns`.
    """
    import pandas

    if not path.is_file():
        raise DataError(f"{path} does not exist")
    try:
        table = _read_table(path, pandas)
    except DataError:
        raise
    except pandas.errors.EmptyDataError:
        raise DataError(f"{path} is empty; expected a table with the columns {', '.join(columns)}") from None
    except Exception as e:  # pandas and pyarrow raise a dozen unrelated types for malformed files
        raise DataError(f"{path} could not be read as {path.suffix[1:]}: {str(e).splitlines()[0]}") from e
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(f"{path} lacks the column {', '.join(missing)}; it has {', '.join(map(str, table.columns)) or 'none'}")
    if table.empty:
        raise DataError(f"{path} holds no rows; expected a table with the columns {', '.join(columns)}")
    return table


def _read_table(path: Path, pandas: "type") -> "pandas.DataFrame":
    if path.suffix == ".parquet":
        return pandas.read_parquet(path).fillna("")
    if path.suffix == ".jsonl":
        return pandas.DataFrame([row for _, row in read_jsonl(path)]).fillna("")
    separator = "\t" if path.suffix == ".tsv" else ","
    quoting = 3 if path.suffix == ".tsv" else 0  # a quotation mark in a tsv is a character like any other
    return pandas.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig", quoting=quoting)
