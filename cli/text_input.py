"""Texts that a command reads: the lines of a file, or of the standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from . import life


def read_lines(file: Path | None) -> list[str]:
    """Read a text file, or the standard input (None, or `-`), line by line.

    Raises:
        DataError: as `read_text_lines`.
    """
    from ..data.text_lines import read_text_lines, split_text_lines

    if file is not None and str(file) != "-":
        return read_text_lines(file)
    with life.paused():  # somebody may be typing
        return split_text_lines(lambda: sys.stdin.buffer.read(), "the standard input")
