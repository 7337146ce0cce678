"""An entry as `adapt.json` and `registry.json` hold it, in one numbered format; older formats are migrated when they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import RegistryError
from .entry import Entry
from .format_1 import entry_from_format_1
from .places import PLACES, put_back, take_out
from .record_json import as_json, read_record
from .records import BaseRecord, DataRecord, FileRecord, HubRecord, ParentRecord, ScoreRecord

FORMAT = 3


class NewerFormatError(RegistryError):
    """It was written by a newer version, and nothing of it is to be touched."""


def _entry_from_format_2(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry's JSON in format 3, which has one key more: `hub`, empty where nothing is known."""
    return entry


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: entry_from_format_1, 2: _entry_from_format_2}
"""Format n -> the function that turns an entry of format n into one of format n + 1."""

_TYPES: dict[str, type] = {
    "name": str,
    "bases": list,
    "prompts": dict,
    "targets": list,
    "files": dict,
    "parents": list,
    "config": dict,
    "data": dict,
    "scores": dict,
    "created": str,
    "hub": list,
    "unchecked": list,
    PLACES: dict,
}

_MAY_BE_NULL: dict[str, type] = {"domain": str, "pooling": str, "method": str, "rank": int, "seed": int}

_READERS: dict[str, Callable[[Any, str], object]] = {
    "bases": lambda value, what: tuple(read_record(BaseRecord, each, f"{what}: each base") for each in value),
    "targets": lambda value, _what: tuple(value),
    "files": lambda value, what: {path: _read_file(path, file, what) for path, file in value.items()},
    "parents": lambda value, what: tuple(read_record(ParentRecord, each, f"{what}: each parent") for each in value),
    "data": lambda value, what: read_record(DataRecord, value, f"{what}: data") if value else None,
    "scores": lambda value, what: {name: read_record(ScoreRecord, each, f"{what}: score {name!r}") for name, each in value.items()},
    "hub": lambda value, what: tuple(read_record(HubRecord, each, f"{what}: each place on the Hub") for each in value),
    "unchecked": lambda value, _what: tuple(map(str, value)),
}
"""Key -> what reads its JSON, where that is more than taking it as it is."""


def to_stored(entry: Entry) -> dict[str, Any]:
    """Return an entry as the index holds it; no absolute path stands outside the key `places`."""
    plain = {each.name: getattr(entry, each.name) for each in fields(entry)}
    records = {
        "bases": [as_json(base) for base in entry.bases],
        "targets": list(entry.targets),
        "files": {path: as_json(file) for path, file in entry.files.items()},
        "parents": [as_json(parent) for parent in entry.parents],
        "data": {} if entry.data is None else as_json(entry.data),
        "scores": {name: as_json(score) for name, score in entry.scores.items()},
        "hub": [as_json(record) for record in entry.hub],
        "unchecked": list(entry.unchecked),
    }
    return take_out(plain | records)


def from_stored(content: object, format_: int = FORMAT) -> Entry:
    """Read back what `to_stored` returned, of this format or an older one.

    Raises:
        RegistryError: a key is unknown or missing, or a value does not fit.
    """
    if not isinstance(content, dict):
        raise RegistryError(f"an entry must be a JSON object, found a {type(content).__name__}")
    try:
        for number in range(format_, FORMAT):
            content = MIGRATIONS[number](content)
        what = f"entry {content.get('name')!r}"
        _check_keys(content, what)
        records: dict[str, Any] = {key: _READERS[key](value, what) if key in _READERS else value for key, value in content.items()}
        return Entry(**put_back(records, records.pop(PLACES, {})))
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise RegistryError(f"an entry is malformed ({type(e).__name__}: {e})") from e


def _check_keys(content: Mapping[str, Any], what: str) -> None:
    known = [*(each.name for each in fields(Entry)), PLACES]
    if stray := sorted(content.keys() - set(known)):
        raise RegistryError(f"{what} has the unknown key {stray[0]!r}; known: {', '.join(known)}")
    if missing := [key for key in ("kind", "name", "bases") if key not in content]:
        raise RegistryError(f"{what} lacks the key {missing[0]!r}")
    for key, expected in _TYPES.items():
        if key in content and not isinstance(content[key], expected):
            raise RegistryError(f"{what}: {key} must be a {expected.__name__}, found a {type(content[key]).__name__}")
    for key, expected in _MAY_BE_NULL.items():
        if content.get(key) is not None and type(content[key]) is not expected:
            raise RegistryError(f"{what}: {key} must be a {expected.__name__} or null, found a {type(content[key]).__name__}")
    texts = {
        "prompts": content.get("prompts", {}).values(),
        "targets": content.get("targets", ()),
        "unchecked": content.get("unchecked", ()),
    }
    for key, values in texts.items():
        if not all(isinstance(value, str) for value in values):
            raise RegistryError(f"{what}: {key} must hold texts alone")


def _read_file(path: str, file: Any, what: str) -> FileRecord:
    if path.startswith("/") or ".." in path.split("/"):
        raise RegistryError(f"{what}: file {path!r} must be a path inside the folder")
    match file:
        case {"sha256": str(sha256), "size": int(size)} if len(file) == 2:  # nearly all records are files': this is three times as quick
            return FileRecord(sha256=sha256, size=size)
    return read_record(FileRecord, file, f"{what}: file {path!r}")


def entry_file(entry: Entry) -> bytes:
    """Return the content of a version's `adapt.json`."""
    return (json.dumps({"format": FORMAT} | to_stored(entry), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def without_places(entry: Entry) -> Entry:
    """Return an entry as another machine may see it: names where absolute paths of this one stood."""
    return from_stored({key: value for key, value in to_stored(entry).items() if key != PLACES})


def as_read(entry: Entry) -> Entry:
    """Return an entry as it is read back: what JSON does not distinguish, such as tuples and lists, becomes equal."""
    return from_stored(json.loads(json.dumps(to_stored(entry), allow_nan=False)))


def read_entry(path: Path) -> Entry:
    """Read a version's `adapt.json`, of this format or an older one.

    Raises:
        RegistryError: it cannot be read, is malformed, or is of a newer format.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise RegistryError(f"it is not readable ({e.strerror or e})") from e
    except (ValueError, RecursionError) as e:
        raise RegistryError(f"it is not valid JSON ({e})") from e
    if not isinstance(content, dict):
        raise RegistryError(f"an entry must be a JSON object, found a {type(content).__name__}")
    format_ = content.pop("format", 1)
    check_format(format_)
    return from_stored(content, format_)


def check_format(number: object) -> None:
    """Refuse a format that this version does not read.

    Raises:
        NewerFormatError: it is a newer one.
        RegistryError: it never was one.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise RegistryError(f"it has format {number!r}, which does not exist (this version reads up to {FORMAT})")
    if number > FORMAT:
        raise NewerFormatError(f"it has format {number}, and this version reads up to {FORMAT}; upgrade with: pip install -U adapt-embed")
