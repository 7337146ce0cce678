"""A text a line: of a file, or of whatever gives bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from ..errors import DataError
from ..files import near_files


def read_text_lines(file: Path) -> list[str]:
    """Read a text file line by line; an empty line is an empty text.

    Raises:
        DataError: it cannot be read, is not UTF-8, or holds no line.
    """
    return split_text_lines(file.read_bytes, str(file))


def split_text_lines(read: Callable[[], bytes], name: str) -> list[str]:
    """Split what `read` gives into lines, as `read_text_lines` does; `name` is what it is called in messages."""
    try:
        lines = io.StringIO(read().decode("utf-8-sig"), newline=None).read().split("\n")
    except UnicodeDecodeError as e:
        raise DataError(f"{name} is not UTF-8 text ({e.reason} at byte {e.start}); save it as UTF-8") from e
    except FileNotFoundError:
        raise DataError(f"{name} cannot be read: No such file or directory.{near_files(Path(name))}") from None
    except OSError as e:
        raise DataError(f"{name} cannot be read: {e.strerror}") from e
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise DataError(f"{name} is empty; expected one text a line")
    return lines
