"""Impressions: what every form of a log is read into, one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ...data.read.reading import Reading
from ...data.readers import Row
from ...errors import DataError

_YES = frozenset({"true", "yes", "y", "t", "是", "有"})
_NO = frozenset({"", "false", "no", "n", "f", "否", "无", "無", "null", "none"})
_ABSENT = frozenset({"null", "none", "nan", "n/a", "undefined", "\\n", "(null)"})
"""What databases, pandas and Hive write where nothing is stated: no name of a user, a session or a list."""
FIRST, LAST = 1, 10_000
_COMMON = {str(number): float(number) for number in range(1000)}  # what nearly every cell holds, so that it costs one look-up


class Impression(NamedTuple):
    """An item that was shown for a query, or so many times that it was.

    `position` counts from 1; 0: not known. `user` and `list` are empty where they are not known; a list is what was shown at once to a user
    for a query, because shops count lists anew for each user, session or day.
    """

    query: str
    item: str
    position: int
    shown: float
    clicked: float
    bought: float
    user: str
    list: str
    randomised: bool


@dataclass(frozen=True, slots=True)
class OpenLog:
    """A log that can be read.

    Attributes:
        fields: Which of `LOG_FIELDS` it has.
        rows: (place of a row, what reads it into an impression or raises DataError), one after another.
        how: How it is read: what is told of it, and what becomes of bad rows.
        hint: What would let such a log tell position bias, where it does not.
    """

    fields: frozenset[str]
    rows: Iterator[tuple[str, Callable[[], Impression]]]
    how: Reading
    hint: str = ""


def read_impression(where: str, row: Row, fields: Mapping[str, str]) -> Impression:
    """Return what a row of a table says.

    Args:
        where: File and row, for messages.
        row: Column -> value.
        fields: Field -> column, as `assign_fields` gives it.

    Raises:
        DataError: a value is absent, or not of its kind.
    """
    query, item = _text(where, row.get(fields["query"]), "query"), _text(where, row.get(fields["item"]), "item")
    if not query or not item:
        raise DataError(f"{where}: the {'item' if query else 'query'} is empty; fill it or remove the row")
    clicked = _number(where, row.get(fields["clicked"]), "clicked")
    bought = _number(where, row.get(fields["bought"]), "bought") if "bought" in fields else 0.0
    shown = _number(where, row.get(fields["shown"]), "shown") if "shown" in fields else max(1.0, clicked)
    if clicked > shown:
        raise DataError(f"{where}: clicked {clicked:g} times and shown {shown:g} times; a click needs an impression")
    user, session, shown_list = (
        _name(where, row.get(fields[name]), name) if name in fields else "" for name in ("user", "session", "list")
    )
    together = f"{shown_list or session}\0{user}\0{query}" if shown_list or session else ""
    randomised = "randomised" in fields and _number(where, row.get(fields["randomised"]), "randomised") > 0
    position = _position(where, row.get(fields["position"])) if "position" in fields else 0
    return Impression(query, item, position, shown, clicked, bought, user, together, randomised)


def _text(where: str, value: object, name: str) -> str:
    if isinstance(value, str):
        return value.strip()
    if value is None or value != value:  # NaN, as pandas and parquet write what is not there
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise DataError(f"{where}: the {name} is {value!r}; expected a text or a whole number")


def _name(where: str, value: object, name: str) -> str:
    """Return who or what it was; empty where that is not stated. A message does not show it."""
    try:
        text = _text(where, value, name)
    except DataError:
        raise DataError(f"{where}: the {name} is no text and no whole number, but {type(value).__name__}") from None
    return "" if text.lower() in _ABSENT else text


def _number(where: str, value: object, name: str) -> float:
    if isinstance(value, bool) or value is None:
        return float(value or 0)
    if isinstance(value, str):
        if (common := _COMMON.get(value)) is not None:
            return common
        word = value.strip().lower()
        if word in _YES or word in _NO:
            return float(word in _YES)
        try:
            value = float(word)
        except ValueError:
            raise DataError(f"{where}: {name} is {value!r}; expected 0 or 1, or how many times") from None
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise DataError(f"{where}: {name} is {value!r}; expected 0 or 1, or how many times")
    return float(value)


def _position(where: str, value: object) -> int:
    number = math.nan if value in (None, "") else _number(where, value, "position")
    if not FIRST <= number <= LAST or number != int(number):
        raise DataError(f"{where}: the position is {value!r}; expected a whole number from {FIRST} (the first place) to {LAST}")
    return int(number)
