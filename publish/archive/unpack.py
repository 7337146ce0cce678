"""The bytes of a tar file -> plain files in a new folder. The file may be anybody's: nothing but a plain file inside the folder is ever written."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...errors import DataError
from ...names import fold
from ...plurals import format_size
from .layout import MOST_BYTES, MOST_FILES

_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 20
_GZIP = b"\x1f\x8b"


class _Bounded(io.RawIOBase):
    """A file of which at most 1 MB is read at once: a header that claims to be longer is read whole by `tarfile`, into memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes."""
        if not 0 <= size <= _LONGEST_HEADER + tarfile.BLOCKSIZE:
            raise DataError(f"a header of it is longer than {format_size(_LONGEST_HEADER)}")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()


def unpack(source: BinaryIO, folder: Path, spool: Path) -> None:
    """Write the plain files of a tar file, which may be compressed with gzip, into an empty folder.

    Args:
        source: Open for reading; a pipe will do.
        folder: Where they go.
        spool: A file beside it, for what is read from `source`.

    Raises:
        DataError: it is not a tar file, is damaged or cut short, holds anything but plain files and folders with relative paths inside
            it, names one file twice, or is larger than the limits.
    """
    try:
        _spool(source, spool)
        with spool.open("rb") as file, tarfile.open(fileobj=_Bounded(file), mode="r:") as tar:  # type: ignore[call-overload]
            _extract(tar, folder)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError, ValueError, OverflowError, RecursionError) as e:
        raise DataError(f"it is not a tar file, or is damaged ({e}); fetch it again") from e


def _spool(source: BinaryIO, spool: Path) -> None:
    start = source.read(len(_GZIP))
    head = _Head(start, source)
    stream: BinaryIO = gzip.GzipFile(fileobj=head, mode="rb") if start == _GZIP else head  # type: ignore[assignment, arg-type]
    written = 0
    with spool.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if written > MOST_BYTES:
                raise DataError(f"it unpacks to more than {format_size(MOST_BYTES)}, which no version has")
            file.write(chunk)


class _Head(io.RawIOBase):
    """A stream whose first bytes were read already."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or fewer."""
        if self._start:
            start, self._start = self._start, b""
            return start
        return self._rest.read(size)


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    seen: set[str] = set()
    for member in _members(tar):
        if member.isdir():
            continue
        parts = _parts(member)
        if (path := fold("/".join(parts))) in seen:
            raise DataError(f"it holds {member.name!r} twice, or in two spellings")
        seen.add(path)
        target = folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        content = tar.extractfile(member)
        assert content is not None  # it is a plain file
        with content, target.open("xb") as file:
            shutil.copyfileobj(content, file, _CHUNK)
        if target.stat().st_size != member.size:
            raise DataError(f"it is cut short within {member.name!r}; fetch it again")


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    count = 0
    while (member := tar.next()) is not None:
        count += 1
        if count > MOST_FILES:
            raise DataError(f"it holds more than {MOST_FILES:,} files, which no version has")
        yield member


def _parts(member: tarfile.TarInfo) -> list[str]:
    """Return the path of a plain file inside the archive, part by part."""
    name = member.name.removeprefix("./")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.sparse is not None:
        kind = {tarfile.SYMTYPE: "a link", tarfile.LNKTYPE: "a link", tarfile.FIFOTYPE: "a pipe"}.get(member.type, "something else")
        raise DataError(f"{member.name!r} in it is {kind}; an archive holds plain files")
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or not name.isprintable() or "\\" in name or ":" in name:
        raise DataError(f"{member.name!r} in it is no path of a file inside the archive")
    return parts
