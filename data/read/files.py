"""Files as bytes and as text, compressed by gzip, by Zstandard or not at all."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from ...errors import DataError
from ...files import near_files
from .reading import UTF_8


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a text file is read into a DataError."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.{near_files(path)}") from None
    except UnicodeError as e:
        found = f"{e.reason} at byte {e.start}" if isinstance(e, UnicodeDecodeError) else str(e)
        raise DataError(f"{path} is not text in the encoding that it was read in ({found}); name its encoding with --encoding") from e
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise DataError(f"{path} is cut or damaged: {e}") from e
    except OSError as e:
        is_damage = e.errno is None  # how pyarrow reports it
        raise DataError(f"{path} {'is cut or damaged' if is_damage else 'cannot be read'}: {' '.join(str(e.strerror or e).split())}") from e


def _open_gzip(path: Path) -> IO[bytes]:
    return gzip.GzipFile(path)  # type: ignore[return-value]  # it is one, as far as reading goes


def _open_zstandard(path: Path) -> IO[bytes]:
    from pyarrow import input_stream

    path.stat()  # its absence is told as that of any file
    opened: IO[bytes] = input_stream(str(path), compression="zstd")
    return opened


COMPRESSED: dict[str, Callable[[Path], IO[bytes]]] = {".gz": _open_gzip, ".zst": _open_zstandard}
"""What the name of a compressed file ends in -> what opens it."""


def table_suffix(path: Path) -> str:
    """Return what the name of a table ends in, in lower case: of one that is compressed (`.csv.gz`), what is before that."""
    return (Path(path.stem).suffix if path.suffix.lower() in COMPRESSED else path.suffix).lower()


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading its bytes, uncompressed."""
    opener = COMPRESSED.get(path.suffix.lower())
    return path.open("rb") if opener is None else opener(path)


def open_text(path: Path, newline: str | None = None, encoding: str = UTF_8, errors: str = "surrogateescape") -> TextIO:
    """Open a text file.

    Unless `errors` says otherwise, bytes that are not text in its encoding become lone surrogates, so that the line that holds them can be named (`lines.py`).
    """
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, errors=errors, newline=newline)
