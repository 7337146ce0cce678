"""The lines of a text file, each with its number and with what is wrong with it; none is held that is too long for memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

LONGEST_LINE = 1 << 24
"""Characters of a line, and of a row of several lines."""

_NOT_DECODED = re.compile("[\udc80-\udcff]")  # how `surrogateescape` keeps a byte that is not text


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its number from 1, its text with its end, and what is wrong with it (None: nothing)."""

    number: int
    text: str
    problem: str | None = None


def read_lines(file: TextIO, encoding: str, longest: int | None = None) -> Iterator[Line]:
    """Yield the lines of an open file, those that are too long without their text.

    Args:
        file: As `open_text` opens it.
        encoding: What it was opened in, for messages.
        longest: Characters of a line, its end not counted; None: `LONGEST_LINE`.
    """
    longest = LONGEST_LINE if longest is None else longest
    number = 0
    while text := file.readline(longest + 1):
        number += 1
        if len(text) > longest and text[-1] not in "\r\n":
            while (rest := file.readline(longest)) and rest[-1] not in "\r\n":
                pass
            yield Line(number, "", f"the line is longer than {longest:,} characters; split it, or see whether its line breaks were lost")
        elif not text.isascii() and (bad := _NOT_DECODED.search(text)):
            yield Line(number, text, _not_text(bad[0], encoding))
        else:
            yield Line(number, text)


def _not_text(character: str, encoding: str) -> str:
    name = "UTF-8" if encoding.startswith("utf-8") else encoding
    return f"the line is not {name} text (the byte 0x{ord(character) - 0xDC00:02X}); save the file as UTF-8, or name its encoding with --encoding"
