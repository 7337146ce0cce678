"""`adapt export REF OUT.tar` as a job: what an archive will hold is found and checked before the first byte of it is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ...events import QUIET, Events, note_once
from ...files import check_writable, write_file
from ...references import Search, locate_reference
from ...registry import open_registry
from .packed import PackedVersion
from .versions import archived_versions
from .write import is_gzipped, write_archive


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRequest:
    """What to write, and where.

    Attributes:
        reference: A version, or the folder of one.
        output: The archive; one whose name ends in .gz or .tgz is compressed.
        where: Where the reference is looked for; None: the user's own registry.
    """

    reference: str
    output: Path
    where: Search | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveReport:
    """What an archive holds, and where it was written.

    Attributes:
        versions: What it holds, the exported one last.
        output: The archive.
        is_written: Whether it was.
    """

    versions: tuple[PackedVersion, ...]
    output: Path
    is_written: bool

    @property
    def size(self) -> int:
        """The bytes of all that it holds, unpacked."""
        return sum(version.size for version in self.versions)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "reference": self.versions[-1].entry.reference,
            "output": str(self.output),
            "versions": [each.entry.reference for each in self.versions],
            "files": [f"{each.entry.name}/{each.entry.version}/{path}" for each in self.versions for path in sorted(each.files)],
            "size": self.size,
            "written": self.is_written,
        }


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """An archive that can be written."""

    request: ArchiveRequest
    versions: tuple[PackedVersion, ...]

    def plan(self) -> ArchiveReport:
        """Say what it will hold."""
        return ArchiveReport(versions=self.versions, output=self.request.output, is_written=False)

    def run(self) -> ArchiveReport:
        """Write it: whole, or not at all.

        Raises:
            ConfigError: it cannot be written.
        """
        output = self.request.output
        write_file(output, partial(write_archive, self.versions, gzipped=is_gzipped(output)))
        return ArchiveReport(versions=self.versions, output=output, is_written=True)


def prepare_archive(request: ArchiveRequest, events: Events = QUIET) -> ArchiveJob:
    """Find what is to be exported, and check it; nothing is written.

    Raises:
        AdaptError: the reference is not known or is no version, a file of it is damaged, a member is missing, or the output cannot be
            written or is to be compressed in a way that is not here.
    """
    if request.output.suffix in (".zst", ".xz", ".bz2", ".zip"):
        raise ConfigError(f"{request.output} would be compressed as {request.output.suffix}; name it .tar, .tar.gz or .tgz")
    check_writable(request.output)
    where = request.where or Search(registry=open_registry())
    located = locate_reference(request.reference, where)
    note_once(events, located.notes)
    return ArchiveJob(request, archived_versions(located, where.registry))
