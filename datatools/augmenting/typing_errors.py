"""Typing errors in a query: a slip on the keyboard in a Latin word, a character that sounds alike in a Chinese one."""

from __future__ import annotations

import random
import re

from .keyboard import slip
from .pieces import cut
from .pinyin import sound_alike
from .types import Context, Query
from .varying import how_many

_LATIN = re.compile(r"[A-Za-z]{4,}")
_HAN = re.compile(r"[\u4e00-\u9fff]+")


def make_typing_errors(query: Query, chance: random.Random, context: Context) -> str | None:
    """Return the query with typing errors in some of its words; None where no word may have one.

    Latin words of under four letters have none: too often the error is another word.
    """
    pieces = cut(query.text, context.guard)
    number = how_many(context.settings.share, len(pieces.words))
    new: dict[int, str] = {}
    for row in chance.sample(pieces.free, len(pieces.free)):
        if len(new) == number:
            break
        if (word := _misspell(pieces.words[row], chance)) is not None:
            new[row] = word
    return pieces.replace(new) if new else None


def _misspell(word: str, chance: random.Random) -> str | None:
    if _LATIN.fullmatch(word):
        return slip(word, chance)
    return sound_alike(word, chance) if _HAN.fullmatch(word) else None
