"""`adapt import FILE` as a job: an archive is unpacked aside and checked whole, and only then becomes versions of the registry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ...base.resolve import find_base
from ...base.spec import BaseSpec
from ...errors import AdaptError, DataError
from ...events import QUIET, Events
from ...files import check_there
from ...names import normalise
from ...references import Search
from ...registry import BaseRecord, Entry, open_registry
from ..bases import base_here
from .register import find_same, register_versions
from .unpack import unpack
from .verify import UnpackedVersion, read_versions


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to take in.

    Attributes:
        source: An archive, or a stream of one that is open for reading.
        name: The name that its version gets here; None: the one that it had.
        where: The registry, and the base that the user named; None: the user's own registry.
        strict: Whether a version whose base is not on this machine is refused.
    """

    source: Path | BinaryIO
    name: str | None = None
    where: Search | None = None
    strict: bool = False

    @property
    def source_name(self) -> str:
        """What the archive is called in messages."""
        return str(self.source) if isinstance(self.source, Path) else "the standard input"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an archive held, and what became of it.

    Attributes:
        versions: What it held, the exported version last.
        added: What was registered, in that order; empty where nothing was.
        same: The version of the registry that was this one already; None: there was none.
        missing: The bases that are not on this machine, against which nothing was checked.
        path: The folder of the version; None where it was not registered.
    """

    versions: tuple[Entry, ...]
    added: tuple[Entry, ...] = ()
    same: Entry | None = None
    missing: tuple[BaseRecord, ...] = ()
    path: Path | None = None

    @property
    def entry(self) -> Entry:
        """The version, as it is registered, else as it is in the archive."""
        return self.added[-1] if self.added else self.same or self.versions[-1]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "reference": self.entry.reference,
            "path": None if self.path is None else str(self.path),
            "kind": self.entry.kind,
            "size": self.entry.size,
            "archived": [each.reference for each in self.versions],
            "added": [each.reference for each in self.added],
            "already_here": self.same is not None,
            "unchecked": [base.label for base in self.missing],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob:
    """An archive whose every file was checked; its files lie aside."""

    request: ImportRequest
    where: Search
    versions: tuple[UnpackedVersion, ...]
    bases: dict[str, BaseSpec | None]

    @property
    def same(self) -> Entry | None:
        """The version of the registry that is this one already."""
        return find_same(self.where.registry, self.versions[-1], self._name)

    @property
    def _name(self) -> str | None:
        return None if self.request.name is None else normalise(self.request.name)

    def plan(self) -> ImportReport:
        """Say what would be registered."""
        entries = tuple(each.entry for each in self.versions)
        missing = {
            base.sha256: base
            for entry in entries
            for base in entry.bases
            if entry.kind != "model" and base.sha256 in self.bases and self.bases[base.sha256] is None
        }
        return ImportReport(versions=entries, same=self.same, missing=tuple(missing.values()))

    def run(self) -> ImportReport:
        """Register it, with the members that it needs and that are not here; nothing where the version is here already.

        Raises:
            RegistryError: the registry cannot be written, or a name does not fit beside another.
        """
        report, registry = self.plan(), self.where.registry
        if report.same is not None:
            return replace(report, path=registry.folder(report.same))
        added = register_versions(registry, self.versions, self._name, self._place)
        return replace(report, added=added, path=registry.folder(added[-1]))

    def _place(self, record: BaseRecord) -> BaseRecord:
        from ..pull.version import with_place

        return with_place(replace(record, path=None), self.bases.get(record.sha256))


@contextmanager
def prepared_import(request: ImportRequest, events: Events = QUIET) -> Iterator[ImportJob]:
    """Unpack an archive aside, check it, and look for its bases; the registry is not touched. What was unpacked is removed afterwards.

    Raises:
        DataError: the file does not exist, is no archive, or is damaged.
        AdapterError: weights are damaged, or do not fit the base.
        BaseError: the base that the user named is another, or with `strict`, a base is not here.
    """
    if isinstance(request.source, Path):
        check_there(request.source, "the archive")
    where = request.where or Search(registry=open_registry())
    if request.name is not None:
        where.registry.check_new_name(request.name)
    with tempfile.TemporaryDirectory(prefix="adapt-import-") as aside:
        folder = Path(aside, "files")
        folder.mkdir()
        try:
            events.stage("unpacking")
            _unpack(request.source, folder)
            events.stage("checking")
            versions = read_versions(folder)
            bases = _find_bases(versions, where, request.strict)
        except AdaptError as e:
            raise type(e)(f"{request.source_name}: {e}".replace(f"{folder}/", "")) from e
        yield ImportJob(request=request, where=where, versions=versions, bases=bases)


def _unpack(source: Path | BinaryIO, folder: Path) -> None:
    spool = folder.parent / "spool"
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                unpack(file, folder, spool)
        else:
            unpack(source, folder, spool)
    except OSError as e:
        raise DataError(f"it cannot be read or unpacked ({e.strerror or e})") from e
    spool.unlink()


def _find_bases(versions: tuple[UnpackedVersion, ...], where: Search, strict: bool) -> dict[str, BaseSpec | None]:
    """Return each base as it lies on this machine, by fingerprint, None for one that does not; and check what lies on those that do."""
    from ..pull.version import check_fit, refuse_unseen

    models = {sha256 for version in versions for sha256 in version.entry.models}
    records = {base.sha256: base for version in versions for base in version.entry.bases if base.sha256 not in models}
    needed = {base.sha256 for version in versions if version.entry.kind != "model" for base in version.entry.bases}
    named = None if where.base is None or len(records) == 1 else find_base(where.base, options=where.options).sha256
    elsewhere = replace(where, base=None)
    found = {sha256: base_here(record, elsewhere if named in records and named != sha256 else where) for sha256, record in records.items()}
    refuse_unseen([record for sha256, record in records.items() if sha256 in needed and found[sha256] is None], strict=strict)
    for version in versions:
        check_fit(version.folder, version.entry, [found.get(base.sha256) for base in version.entry.bases])
    return found
