"""How files of the user's are read: which columns are meant, in what encoding, which sheet, and what becomes of rows that are bad."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import ConfigError, unknown_name

ColumnRole = Literal["query", "positive", "negative", "weight", "pos_scores", "neg_scores", "group", "time"]
ROLES: tuple[ColumnRole, ...] = get_args(ColumnRole)
"""What a column may be named for; the last five are those of a pair line (docs/data.md)."""
NamedColumns = tuple[tuple[ColumnRole, str], ...]
"""(role, column) in the order in which they were named."""

_SEVERAL = ("positive", "negative")
_COMMA = re.compile(r",(?=\s*\w+\s*=)")  # a comma in the name of a column has no role behind it
_EXPECTED = "expected ROLE=COLUMN, such as query=question,positive=answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How files are read; None leaves a choice to what the file shows.

    Attributes:
        columns: Which column holds what, as (role, column) pairs, a mapping, or the text of `--columns`. A role that is not named is found by
            the usual names of columns.
        encoding: As Python names it (`gb18030`, `big5`, `cp1252`); None: a byte-order mark, else what the bytes of the whole file show.
        sheet: Of a workbook, the name of a sheet, or its number from 1; None: the first visible one that holds rows.
        skip_bad: Whether a row that cannot be read is skipped and counted, instead of refused.

    Raises:
        ConfigError: a role or an encoding is unknown, or a role that takes one column is named twice.
    """

    columns: NamedColumns | Mapping[str, str] | str = ()
    encoding: str | None = None
    sheet: str | None = None
    skip_bad: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _read_columns(self.columns))
        if self.encoding is not None:
            object.__setattr__(self, "encoding", read_encoding(self.encoding))
        if self.sheet is not None:
            object.__setattr__(self, "sheet", str(self.sheet))

    @property
    def named(self) -> NamedColumns:
        """The columns that were named, as (role, column) pairs."""
        return self.columns  # type: ignore[return-value]  # __post_init__ has made them so


def read_encoding(name: str) -> str:
    """Return an encoding's name as Python writes it.

    Raises:
        ConfigError: there is none of that name, or it is not one of texts.
    """
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        found = None
    if found is None or not getattr(found, "_is_text_encoding", True):
        raise ConfigError(f"{name!r} is not an encoding; expected one such as utf-8, gb18030, big5, utf-16 or cp1252")
    return found.name


def _read_columns(value: NamedColumns | Mapping[str, str] | str) -> NamedColumns:
    if isinstance(value, str):
        pairs: Iterable[tuple[str, str]] = map(_assignment, filter(str.strip, _COMMA.split(value)))
    else:
        pairs = value.items() if isinstance(value, Mapping) else value
    named = tuple((_role(role), str(column)) for role, column in pairs)
    for row, (role, column) in enumerate(named):
        earlier = named[:row]
        if role not in _SEVERAL and any(role == each for each, _ in earlier):
            raise ConfigError(f"two columns are named for {role}; name one")
        if any(column == each for _, each in earlier):
            raise ConfigError(f"the column {column!r} is named twice; name it once")
    return named


def _assignment(text: str) -> tuple[str, str]:
    role, equals, column = text.partition("=")
    if not equals or not column.strip():
        raise ConfigError(f"{text.strip()!r} does not name a column; {_EXPECTED}")
    return role, column.strip()


def _role(text: str) -> ColumnRole:
    word = text.strip().lower()
    if word not in ROLES:
        raise ConfigError(f"{unknown_name('role of a column', text.strip(), ROLES)}; {_EXPECTED}")
    return word  # type: ignore[return-value]  # it is one of them


PLAIN = ReadOptions()
"""Nothing is said."""
