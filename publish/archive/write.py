"""Versions -> the bytes of an archive: the same versions give the same bytes on every machine and at every time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ...registry.index import ENTRY
from .layout import GZIPPED, MANIFEST, ArchivedVersion, Manifest
from .packed import PackedVersion

_MODE = 0o644


def is_gzipped(path: Path) -> bool:
    """Return whether an archive of this name is to be compressed."""
    return path.name.lower().endswith(GZIPPED)


def write_archive(versions: Sequence[PackedVersion], file: BinaryIO, *, gzipped: bool = False) -> None:
    """Write an archive: names sorted, nobody's files, of no time.

    Args:
        versions: What it holds, the exported one last.
        file: Open for writing.
        gzipped: Whether it is compressed.

    Raises:
        OSError: it cannot be written.
    """
    if gzipped:
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            _write(versions, packed)  # type: ignore[arg-type]
    else:
        _write(versions, file)


def _write(versions: Sequence[PackedVersion], file: BinaryIO) -> None:
    # What reads a tar file skips zeros at its end, as many as there are; tarfile fills up to its record size of 10 kB.
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(_contents(versions)):
            member = tarfile.TarInfo(name)
            member.mode = _MODE
            if isinstance(content, bytes):
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                member.size = content.stat().st_size
                with content.open("rb") as source:
                    tar.addfile(member, source)


def _contents(versions: Sequence[PackedVersion]) -> Iterator[tuple[str, Path | bytes]]:
    archived = []
    for version in versions:
        record = version.record
        archived.append(ArchivedVersion(reference=version.entry.reference, sha256=hashlib.sha256(record).hexdigest()))
        yield f"{archived[-1].folder}/{ENTRY}", record
        yield from ((f"{archived[-1].folder}/{path}", content) for path, content in version.files.items())
    manifest = json.dumps(Manifest(versions=tuple(archived)).as_dict(), indent=2, ensure_ascii=False)
    yield MANIFEST, (manifest + "\n").encode()
