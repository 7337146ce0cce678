"""What a row states of its pairs beside their texts: a weight, a teacher's scores, a group and a time. For tables and lines alike.

`pos_scores` and `neg_scores` are FlagEmbedding's names (https://github.com/FlagOpen/FlagEmbedding); the other three are our own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from ..errors import DataError
from .readers import Row

_MISSING = ("NaTType", "NAType")
"""What pandas has in place of a time or a value that is missing; it is compared by name, so that pandas need not be there."""
Cell = Callable[[str, str, Any], Any]


def stated_of(where: str, row: Row, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return what a row states, by the names of `TextRow`'s fields; an empty cell states nothing.

    Args:
        where: The row's place, for a complaint.
        row: Column -> value.
        columns: Field -> the column that states it (`ColumnRoles.stated`).

    Raises:
        DataError: a value is not of its kind.
    """
    given = {field: column for field, column in columns.items() if not _is_empty(row.get(column))}
    return {field: STATED[field](where, column, row[column]) for field, column in given.items()}


def _is_empty(value: object) -> bool:
    return value is None or type(value).__name__ in _MISSING or value == "" or (isinstance(value, float) and value != value)


def _weight(where: str, column: str, value: object) -> float:
    number = _number(value)
    if number is None or number < 0:
        raise DataError(f"{where}: expected a weight of 0 or more under {column!r}, found {value!r}; correct it or rename the column")
    return number


def _scores(where: str, column: str, value: object) -> tuple[float | None, ...]:
    found: object = value
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
    given = found if isinstance(found, list | tuple) else [""]
    numbers = tuple(None if each is None else _number(each) for each in given)
    if any(number is None and each is not None for number, each in zip(numbers, given, strict=True)):
        raise DataError(f"{where}: expected a list of numbers under {column!r}, null for a text without one, found {str(value)[:80]!r}")
    return numbers


def _text(where: str, column: str, value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | dict):
        raise DataError(f"{where}: expected a text under {column!r}, found a {type(value).__name__}")
    return str(value).strip()


def _number(value: object) -> float | None:
    """Return a finite number; None where it is something else."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


STATED: dict[str, Cell] = {"weight": _weight, "pos_scores": _scores, "neg_scores": _scores, "group": _text, "time": _text, "label": _text}
"""Field -> what reads its cell."""
