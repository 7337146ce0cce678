"""Slips on a keyboard: a neighbouring key, a letter twice, a letter left out, two letters exchanged."""

from __future__ import annotations

import random
from collections.abc import Callable

_ROWS = (("qwertyuiop", 0.0), ("asdfghjkl", 0.25), ("zxcvbnm", 0.75))
"""The rows of QWERTY, and how far each stands to the right of the first, in keys."""


def _neighbours() -> dict[str, str]:
    keys = [(key, row, column + shift) for row, (letters, shift) in enumerate(_ROWS) for column, key in enumerate(letters)]
    return {
        key: "".join(other for other, its_row, at in keys if other != key and abs(its_row - row) <= 1 and abs(at - column) <= 1)
        for key, row, column in keys
    }


NEIGHBOURS = _neighbours()
"""Letter -> the letters on the keys beside it."""


def slip(word: str, chance: random.Random) -> str:
    """Return a Latin word of two or more letters with one slip; its first letter stays, as it mostly does when people type."""
    at = chance.randrange(1, len(word))
    new = chance.choice(_SLIPS)(word, at, chance)
    return new if new != word else _neighbour(word, at, chance)


def _neighbour(word: str, at: int, chance: random.Random) -> str:
    key = chance.choice(NEIGHBOURS[word[at].lower()])
    return word[:at] + (key.upper() if word[at].isupper() else key) + word[at + 1 :]


def _twice(word: str, at: int, _: random.Random) -> str:
    return word[:at] + word[at] + word[at:]


def _left_out(word: str, at: int, _: random.Random) -> str:
    return word[:at] + word[at + 1 :]


def _exchanged(word: str, at: int, _: random.Random) -> str:
    at = min(at, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


_SLIPS: tuple[Callable[[str, int, random.Random], str], ...] = (_neighbour, _twice, _left_out, _exchanged)
