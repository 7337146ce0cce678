"""What the columns of pairs mean: which name holds the query, which a text that answers it, which one that does not.

One place for tables and FlagEmbedding lines alike. Case and separators do not count, and positives and negatives may be numbered, as
sentence-transformers' `mine_hard_negatives` does it: `Negative 1` is `negative_1`.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from ..errors import DataError
from .equal_queries import note_rows
from .gather import TextRow
from .read.bad_rows import BadRows
from .read.held_out_rows import HeldOutRows, is_split_column
from .readers import Row, text_of
from .unread_labels import UnreadLabels

Role = Literal["query", "positive", "negative"]
ROLES: dict[str, Role] = {
    "anchor": "query",
    "query": "query",
    "positive": "positive",
    "positives": "positive",
    "pos": "positive",
    "negative": "negative",
    "negatives": "negative",
    "neg": "negative",
    "negs": "negative",
    "hardnegative": "negative",
    "hardnegatives": "negative",
}
"""Name, in lower case and without separators -> what such a column holds."""
STATED_NAMES = {
    "weight": "weight",
    "posscores": "pos_scores",
    "negscores": "neg_scores",
    "group": "group",
    "time": "time",
    "class": "label",
}
STATED_NAMES |= {"权重": "weight", "分组": "group", "时间": "time", "權重": "weight", "分組": "group", "時間": "time"}
"""Name, as above -> what it states of a row's pairs: a field of `TextRow` (`stated.py` reads it)."""
LIST_NAMES = frozenset({"positives", "pos", "negatives", "neg", "negs", "hardnegatives"})
"""The names under which a list is usual: a text there may be a list written as JSON, as a csv has to hold it."""

_NAME = re.compile(r"(?P<name>[a-z\u4e00-\u9fff_\s.-]*?)[_\s.-]*(?P<number>[0-9]{0,9})")
_SEPARATORS = re.compile(r"[_\s.-]")


@dataclass(frozen=True, slots=True)
class ColumnRoles:
    """What each of some columns is used for, by their names as they are written.

    Attributes:
        query: The column of the query; None where there is none.
        positives: Those of texts that answer it, in the order of their numbers.
        negatives: Those of texts that do not.
        unused: All others.
        stated: Field of `TextRow` -> the column that states it of the row's pairs.
    """

    query: str | None
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    unused: tuple[str, ...]
    stated: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> tuple[str, ...]:
        """The columns that are used."""
        return (*((self.query,) if self.query is not None else ()), *self.positives, *self.negatives, *self.stated.values())


@dataclass(frozen=True, slots=True)
class PairRows:
    """The rows of a source of pairs, and a line that names the columns of it that are not used, if there are any."""

    rows: list[TextRow]
    notes: tuple[str, ...] = ()


def role_of(column: str) -> tuple[Role, int | None] | None:
    """Return what a column holds and its number (None: it has none); None where it is not used. A query has no number."""
    name, number = _split(column)
    role = ROLES.get(name)
    return None if role is None or (role == "query" and number is not None) else (role, number)


@lru_cache(maxsize=256)
def assign_roles(columns: tuple[str, ...]) -> ColumnRoles:
    """Describe what each column is used for.

    Raises:
        DataError: two columns claim the same place, such as `neg` and `NEG`.
    """
    places: dict[tuple[Role, int | None], str] = {}
    for column in columns:
        if (place := role_of(column)) is None:
            continue
        if place in places:
            raise DataError(f"the columns {places[place]!r} and {column!r} both name the {_describe(*place)}; rename or remove one of them")
        places[place] = column
    by_role: dict[Role, list[str]] = {"query": [], "positive": [], "negative": []}
    for role, number in sorted(places, key=lambda place: -1 if place[1] is None else place[1]):
        by_role[role].append(places[role, number])
    return ColumnRoles(
        query=next(iter(by_role["query"]), None),
        positives=tuple(by_role["positive"]),
        negatives=tuple(by_role["negative"]),
        unused=tuple(column for column in columns if role_of(column) is None and stated_by(column) is None),
        stated=_stated(columns),
    )


def stated_by(column: str) -> str | None:
    """Return the field of `TextRow` that a column states; None where it states none."""
    name, number = _split(column)
    return STATED_NAMES.get(name) if number is None else None


def _stated(columns: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in columns:
        if (stated := stated_by(column)) is None:
            continue
        if stated in found:
            raise DataError(f"the columns {found[stated]!r} and {column!r} both state the {stated}; rename or remove one of them")
        found[stated] = column
    return found


def numbered_like(name: str, columns: Iterable[str]) -> list[str]:
    """Return of some columns the one called `name`, and `name_1`, `name_2` ... (also `name1` or `name-1`), in the order of their numbers."""
    pattern = re.compile(re.escape(name) + r"[_\s.-]*([0-9]{1,9})")
    numbers = {column: int(found[1]) for column in columns if (found := pattern.fullmatch(column))}
    return [column for column in columns if column == name] + sorted(numbers, key=numbers.__getitem__)


def named_roles(columns: Sequence[str]) -> list[str]:
    """Return the roles that some columns have; a column without one keeps its name."""
    return [found[0] if (found := role_of(column)) else column for column in columns]


def gather_rows(
    source: str,
    rows: Iterable[tuple[str, Row]],
    read: Callable[[str, Row, ColumnRoles], TextRow],
    bad: BadRows | None = None,
    held_out: HeldOutRows | None = None,
) -> PairRows:
    """Read all rows by what their columns are used for, and note the columns that no row uses.

    Args:
        source: What they are called in notes.
        rows: Each with its place.
        read: Makes a row of texts of one.
        bad: What becomes of rows that cannot be read; None: the first one is an error.
        held_out: Counts the rows that are left out, as the source keeps them for choosing or testing; None: all rows are read.

    Raises:
        DataError: as `assign_roles` and `read`, with the place of the row; or all rows are held out.
    """
    bad = bad or BadRows()
    found: list[TextRow] = []
    used: dict[str, None] = {}
    unused: dict[str, None] = {}
    labels = UnreadLabels()
    for where, row in rows:
        if held_out is not None and held_out.meet(row):
            continue
        try:
            roles = assign_roles(tuple(row))
            found.append(read(where, row, roles))
        except DataError as e:
            bad.refuse_error(where, e)
            continue
        unused |= dict.fromkeys(column for column in roles.unused if held_out is None or not is_split_column(column))
        labels.meet(row, roles.unused)
        used |= dict.fromkeys(roles.used)
    several = note_rows(source, ((row.query, row.group, row.time) for row in found))
    left_out = () if held_out is None else held_out.notes(source, len(found))
    return PairRows(found, (*describe_unused(source, unused, used), *labels.notes(source), *several, *left_out))


def describe_unused(source: str, unused: Iterable[str], used: Iterable[str]) -> tuple[str, ...]:
    """Return the line that names the columns which are not used; none where all are."""
    names = ", ".join(map(_shown, unused))
    return (f"{source}: not used: {names} (used: {', '.join(map(_shown, used))})",) if names else ()


def texts_of(where: str, row: Row, column: str) -> tuple[str, ...]:
    """Return the texts of a cell: a text, a list of texts, or under a name of `LIST_NAMES` a list of texts written as JSON.

    A cell that is empty, or holds null, has none. What a list holds is checked by `TextRow`.

    Raises:
        DataError: it holds something else.
    """
    value = row.get(column)
    if isinstance(value, list):
        return tuple(value)
    text = text_of(where, row, column, optional=True)
    if holds_list(column) and text.strip().startswith("[") and text.strip().endswith("]"):
        return _listed(where, column, text)
    return (text,) if text.strip() else ()


def holds_list(column: str) -> bool:
    """Return whether a column's name is one under which a list is usual."""
    name, number = _split(column)
    return name in LIST_NAMES and number is None


def _listed(where: str, column: str, text: str) -> tuple[str, ...]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(
            f'{where}: expected a text or a JSON list of texts such as ["a", "b"] under {column!r}, found {text[:80]!r}'
        ) from None
    return tuple(values)


def _split(column: str) -> tuple[str, int | None]:
    """Return a column's name without case, separators and number, and its number."""
    parts = _NAME.fullmatch(column.strip().lower())
    if parts is None:
        return "", None
    digits = parts["number"]
    return _SEPARATORS.sub("", parts["name"]), int(digits) if digits else None


def _describe(role: Role, number: int | None) -> str:
    return role if number is None else f"{role} {number}"


def _shown(name: str) -> str:
    return name if name.isprintable() and name.strip() == name and name else repr(name)
