"""The shop's catalogue: item id -> text, made of its columns by a template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from ...data.read.reading import Reading
from ...data.readers import Row, read_heading, stream_table
from ...errors import ConfigError, DataError, unknown_name
from .columns import ID_NAMES, folded

_CODE = re.compile(r"[\w.-]*\d[\w.-]*")
_NOT_DIGITS = re.compile(r"\D")
LEAST_DIGITS = 7
"""Shorter numbers are never taken for personal data."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The items of a shop.

    Attributes:
        texts: Item id -> its text. Of items with the same text the first alone.
        same: Item id -> the id of the item whose text it has; of an item of `texts`, its own.
        codes: Ids and whole cells that are codes, in lower case, and their digits alone.
        template: How the texts were made.
        notes: What is to be told of how it was read, and what was skipped.
        skipped: Rows that could not be read.
    """

    texts: dict[str, str]
    same: dict[str, str]
    codes: frozenset[str]
    template: str
    notes: tuple[str, ...] = ()
    skipped: int = 0


def read_catalogue(path: Path, template: str | None = None, id_column: str | None = None, how: Reading | None = None) -> Catalogue:
    """Read a catalogue: any table.

    Raises:
        ConfigError: the template cannot be read, or names a column that is not there.
        DataError: the file is absent or malformed, has no column of ids, or a row has no id, an id that was there, or no text, and such
            rows are not to be skipped.
    """
    how = how or Reading()
    heading = read_heading(path, Reading(how.options))
    id_name = _id_column(path, heading, id_column)
    template = template or " ".join(f"{{{name}}}" for name in heading if name != id_name and "{" not in name and "}" not in name)
    render = _renderer(path, template, heading)
    texts: dict[str, str] = {}
    same: dict[str, str] = {}
    first: dict[str, str] = {}
    codes: set[str] = set()
    for where, row in stream_table(path, [id_name], how=how):
        item, text = _cell(row.get(id_name)), render(row)
        if fault := _fault(item, text, same):
            how.bad.refuse(where, fault)
            continue
        same[item] = first.setdefault(text, item)
        if same[item] == item:
            texts[item] = text
        codes.update(_codes([item, *map(_cell, row.values())]))
    if not texts:
        raise DataError(f"{path} holds no items; expected one a row, with the columns {', '.join(heading) or 'id, title'}")
    return Catalogue(texts, same, frozenset(codes), template, how.notes, how.bad.reasons.total())


def _id_column(path: Path, heading: Sequence[str], named: str | None) -> str:
    if named is not None:
        if named not in heading:
            raise DataError(f"{path} has no column {named!r} for its ids; it has {', '.join(heading)}")
        return named
    usual = sorted(
        (column for column in heading if folded(column) in _FOLDED_ID_NAMES), key=lambda name: _FOLDED_ID_NAMES.index(folded(name))
    )
    if not usual:
        raise DataError(
            f"{path} has no column that is known by its name as the item's id; name it: --id-column COLUMN (it has {', '.join(heading)})"
        )
    return usual[0]


_FOLDED_ID_NAMES = [folded(name) for name in ID_NAMES]


def _renderer(path: Path, template: str, heading: Sequence[str]) -> Callable[[Row], str]:
    try:
        parts = [(before, name) for before, name, form, conversion in Formatter().parse(template) if not (form or conversion)]
        whole = len(parts) == len(list(Formatter().parse(template)))
    except ValueError:
        whole, parts = False, []
    if not whole or not any(name for _, name in parts):
        raise ConfigError(f"the template {template!r} cannot be read; expected columns in braces, such as '{{title}} {{brand}}'")
    for _, name in parts:
        if name is not None and name not in heading:
            raise ConfigError(f"template: {unknown_name(f'column of {path}', name, tuple(heading))}")
    return lambda row: " ".join("".join(before + (_cell(row.get(name)) if name else "") for before, name in parts).split())


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, list):
        return " ".join(map(_cell, value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _fault(item: str, text: str, there: dict[str, str]) -> str:
    if not item:
        return "the item has no id; fill it or remove the row"
    if item in there:
        return f"the id {item!r} stands in the catalogue before; each item needs an id of its own"
    return "" if text else f"the text of item {item!r} is empty; fill the columns of the template or remove the row"


def _codes(cells: Iterable[str]) -> Iterable[str]:
    for cell in cells:
        if _CODE.fullmatch(cell) and len(digits := _NOT_DIGITS.sub("", cell)) >= LEAST_DIGITS:
            yield from (cell.lower(), digits)
