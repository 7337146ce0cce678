"""Records to and from JSON: what a key may hold is read off the record's own fields."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import RegistryError
from .records import BaseRecord, DataRecord, FileRecord, HubRecord, ParentRecord, ScoreRecord

R = TypeVar("R")


def as_json(record: object) -> dict[str, Any]:
    """Return a record as JSON can hold it; fields that are None by default and in fact are left out."""
    values = {each.name: (getattr(record, each.name), each.default) for each in fields(record)}  # type: ignore[arg-type]
    kept = {name: value for name, (value, default) in values.items() if not (value is None and default is None)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def read_record(cls: type[R], content: object, what: str) -> R:
    """Build a record from a JSON object.

    Raises:
        RegistryError: it is none, or a key is unknown, missing or of another type; the message begins with `what`.
    """
    if not isinstance(content, Mapping):
        raise RegistryError(f"{what} must be an object, found {content!r}")
    types_of, required = _TYPES[cls], _REQUIRED[cls]
    if stray := content.keys() - types_of.keys():
        raise RegistryError(f"{what} has the unknown key {min(stray)!r}; known: {', '.join(types_of)}")
    if missing := required - content.keys():
        raise RegistryError(f"{what} lacks the key {min(missing)!r}")
    for name, value in content.items():
        if not isinstance(value, types_of[name]) or isinstance(value, bool):  # no record holds a truth value
            raise RegistryError(f"{what}: {name} must be a {_describe(types_of[name])}, found {value!r}")
    return cls(**{name: tuple(map(str, value)) if isinstance(value, list) else value for name, value in content.items()})


def _types(hint: Any) -> tuple[type, ...]:
    """Return what JSON may hold of a field with this type."""
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(each for alternative in get_args(hint) for each in _types(alternative))
    own: type = get_origin(hint) or hint
    return {tuple: (list,), float: (int, float)}.get(own, (own,))


def _describe(accepted: tuple[type, ...]) -> str:
    names = {str: "text", int: "whole number", float: "number", list: "list", dict: "object", type(None): "null"}
    return " or ".join(name for kind, name in names.items() if kind in accepted and not (kind is int and float in accepted))


_RECORDS: tuple[type, ...] = (BaseRecord, FileRecord, ParentRecord, DataRecord, ScoreRecord, HubRecord)
_TYPES = {cls: {name: _types(hint) for name, hint in get_type_hints(cls).items()} for cls in _RECORDS}
_REQUIRED = {cls: frozenset(each.name for each in fields(cls) if each.default is MISSING) for cls in _RECORDS}
