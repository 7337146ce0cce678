"""What an entry is made of: its bases, files, parents, data and scores, each as a frozen record, to and from JSON."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import RegistryError

if TYPE_CHECKING:
    from ..base.resolve import BaseSpec

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecord:
    """A base as what was made for it keeps it. Its fingerprint decides; the rest says where to look.

    Attributes:
        id: Its Hub id; None for weights of no known Hub revision.
        revision: The Hub revision that has these weights.
        sha256: The fingerprint of its weights.
        path: The absolute path of its folder on the machine where this was written; None where that is not needed or not known.
        name: What people call it.
    """

    id: str | None
    revision: str | None = None
    sha256: str
    path: str | None = None
    name: str | None = None

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return self.name or self.id or f"sha256 {self.sha256[:12]}..."

    @property
    def loading_name(self) -> tuple[str | None, str | None]:
        """What peft and sentence-transformers find it by: Hub id and revision, else its folder's absolute path and None."""
        return (self.id, self.revision) if self.id else (self.path, None)

    @property
    def is_there(self) -> bool:
        """Whether it can still be found: it has a Hub id, or its folder is on this machine."""
        return bool(self.id) or next(self.folders(), None) is not None

    def folders(self) -> Iterator[Path]:
        """Yield the folders of this machine in which it may lie: as recorded, as cached at its revision, by name in `ADAPT_BASES`."""
        from ..base.places import in_adapt_bases, snapshot_at

        if self.path is not None and is_base_folder(self.path):
            yield Path(self.path)
        if self.id is not None:
            found = snapshot_at(self.id, self.revision)
        else:
            found = in_adapt_bases([self.name]) if self.name else None
        if found is not None:
            yield found

    def without_needless_path(self) -> BaseRecord:
        """Leave the path out where Hub id and revision find the same folder again: in the Hub's cache, and in the embedded package."""
        from ..base.places import embedded_folder, snapshot_identity

        if self.id is None or self.path is None:
            return self
        embedded = embedded_folder()
        is_embedded = embedded is not None and embedded.resolve() == Path(self.path).resolve()
        is_snapshot = snapshot_identity(Path(self.path)) == (self.id, self.revision)
        return replace(self, path=None) if is_embedded or is_snapshot else self


def base_record(spec: BaseSpec) -> BaseRecord:
    """Return what is kept of a base that was found."""
    return BaseRecord(id=spec.hub_id, revision=spec.revision, sha256=spec.sha256, path=str(spec.folder), name=spec.name)


def is_base_folder(path: str | None) -> bool:
    """Say whether this is the absolute path of a folder with a base in it, whatever the current directory is."""
    return path is not None and Path(path).is_absolute() and (Path(path) / "config.json").is_file()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A file of a version: the sha256 of its content, and its bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentRecord:
    """What a version was made from.

    Attributes:
        reference: Its full reference: `NAME@VERSION`, `base`, `hf:OWNER/REPO@REVISION`, or a folder's absolute path (`./NAME` where the
            record comes from another machine).
        sha256: Of its factors' content; of the base's weights where it has none.
        weight: Its share.
    """

    reference: str
    sha256: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRecord:
    """What a version was trained on.

    Attributes:
        source: Where it came from: a path, `sample:DOMAIN/LANGUAGE` or `hub:SET`, several of them with ` + ` between them.
        fingerprint: The sha256 of its texts.
        language: `en` or `zh`.
        counts: What is counted -> how many.
        notes: What was said of the data.
        grams: Size and error of the Gram matrices, where they were measured.
    """

    source: str
    fingerprint: str | None = None
    language: str | None = None
    counts: dict[str, int] | None = None
    notes: tuple[str, ...] = ()
    grams: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRecord:
    """A measurement: the metric, and its value (0 to 1) of the base and of the version; None where it was not measured."""

    metric: str
    before: float | None = None
    after: float | None = None


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


_RECORDS: tuple[type, ...] = (BaseRecord, FileRecord, ParentRecord, DataRecord, ScoreRecord)
_TYPES = {cls: {name: _types(hint) for name, hint in get_type_hints(cls).items()} for cls in _RECORDS}
_REQUIRED = {cls: frozenset(each.name for each in fields(cls) if each.default is MISSING) for cls in _RECORDS}
