"""`adapt import FILE` as a job: an archive is unpacked aside and checked whole, and only then becomes versions of the registry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import AdaptError, BaseError, DataError
from ...events import QUIET, Events
from ...files import check_there
from ...names import normalise
from ...references import Search
from ...registry import BaseRecord, Entry, open_registry
from .bases import base_folder
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
    bases: dict[str, Path | None]

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
        missing = {base.sha256: base for entry in entries for base in entry.bases if self.bases[base.sha256] is None}
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
        folder = self.bases[record.sha256]
        return replace(record, path=None if folder is None else str(folder))


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


def _find_bases(versions: tuple[UnpackedVersion, ...], where: Search, strict: bool) -> dict[str, Path | None]:
    """Return where each base lies on this machine, fingerprint -> folder, None for one that does not; and check what lies on those that do."""
    records = {base.sha256: base for version in versions for base in version.entry.bases}
    found = {sha256: base_folder(record, where) for sha256, record in records.items()}
    missing = [record.label for record in records.values() if found[record.sha256] is None]
    if where.base is not None and len(missing) == len(found):
        raise BaseError(f"it was made for {' and '.join(missing)}, and --base {where.base} has other weights; omit --base")
    if strict and missing:
        raise BaseError(f"its base {missing[0]} is not on this machine, so that it cannot be checked; omit --strict to import it unchecked")
    for version in versions:
        _check_fit(version, found)
    return found


def _check_fit(version: UnpackedVersion, found: dict[str, Path | None]) -> None:
    """Hold the modules of an adapter or merge against its base, of which the configuration alone is read."""
    from ...base.outline import build_outline
    from ...lora import LoraFile
    from ...registry.foreign import fit_to_network

    folder = found[version.entry.bases[0].sha256]
    if version.entry.kind != "ensemble" and folder is not None:
        fit_to_network(LoraFile(version.folder), build_outline(folder), version.entry.bases[0].label)
