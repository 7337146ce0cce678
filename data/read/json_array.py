"""A JSON array in a file (`.json`), one element after another: never more of it is held than an element and what was read with it."""

from __future__ import annotations

from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import TextIO

from ...errors import DataError
from ...json_text import DECODER
from .files import open_text
from .lines import LONGEST_LINE

_BLOCK = 1 << 20
_BLANK = " \t\r\n"


def is_json_array(path: Path, encoding: str) -> bool:
    """Return whether a file holds an array, by the first character that is not white space."""
    with open_text(path, encoding=encoding) as file:
        return file.read(_BLOCK).lstrip().startswith("[")


def read_json_array(file: TextIO, name: str) -> Iterator[object]:
    """Yield the elements of an array.

    Raises:
        DataError: it is not valid JSON, is cut, or an element is longer than `LONGEST_LINE`.
    """
    text, number, opened = "", 0, False
    wanted = _BLOCK
    while True:
        block = file.read(max(wanted - len(text), _BLOCK))
        is_whole = not block
        text += block
        place = 0
        while True:
            start = _skip(text, place, "" if opened else "[")
            if not opened:
                opened, place = True, start
                continue
            if start < len(text) and text[start] == "]":
                return
            start = _skip(text, start, "," if number else "")
            try:
                value, place = DECODER.raw_decode(text, start)
            except (JSONDecodeError, RecursionError) as e:
                if is_whole or len(text) - start > LONGEST_LINE:
                    raise DataError(f"{name}, row {number + 1}: not valid JSON ({e}), or cut; expected an array of objects") from None
                break
            except ValueError as e:
                raise DataError(f"{name}, row {number + 1}: not valid JSON ({e})") from None
            if place >= len(text) - 1 and not is_whole:  # a number may go on in the next block
                place = start
                break
            number += 1
            yield value
        text = text[place:]
        wanted = 2 * len(text)


def _skip(text: str, place: int, mark: str) -> int:
    """Return the place behind white space and, where it stands there, a mark and white space."""
    while place < len(text) and text[place] in _BLANK:
        place += 1
    if mark and text.startswith(mark, place):
        place += 1
        while place < len(text) and text[place] in _BLANK:
            place += 1
    return place
