"""The numbers of texts by their values: 第十三条 has the number of 第13条, $5 that of 5 dollars, 30-day that of 30 days."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from math import prod

from ...data.protected import protected_spans
from ..glossaries.numerals import NUMERALS, SCALES, chinese_number

_DECIMAL = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_PARTS = re.compile(
    rf"(?P<share>[百千万萬]分之)|(?P<digits>\d+(?:[.,]\d+)*)(?:\s*(?P<scale>[{SCALES}]+))?"
    rf"|(?P<whole>[{NUMERALS}]+)(?:[点點](?P<places>[{NUMERALS}]+))?"
)
"""百分之 is a per cent sign, and no hundred."""
_WORDS = ("一", "十分", "万分", "萬分", "千万", "千萬", "万一", "萬一", "一一")
"""How a protected part begins that is more often a word than a number: an article, very, by all means, in case."""


def numbers_in(text: str) -> set[Decimal]:
    """Return the values of all numbers in a text, in digits or Chinese numerals."""
    return set(_values(text))


def numbers_named(text: str) -> set[Decimal]:
    """Return the values of the numbers that a text names: of Chinese numerals those of ordinals and counts, without plain words."""
    parts = (text[start:end] for start, end in protected_spans(text))
    return {value for part in parts if not _is_word(part) for value in _values(part)}


def _is_word(part: str) -> bool:
    """Return whether a part is one of the words, or 一 and a measure word alone."""
    return part in _WORDS or (part.startswith("一") and len(part) > 1 and part[1] not in f"{NUMERALS}点點分" and not re.search(r"\d", part))


def _values(text: str) -> Iterator[Decimal]:
    for match in _PARTS.finditer(text.replace("．", ".")):
        if match["digits"]:
            yield from _of_digits(match["digits"], match["scale"] or "")
        elif match["whole"] and (number := chinese_number(match["whole"])) is not None:
            places = "".join(str(chinese_number(each)) for each in match["places"] or "")
            yield Decimal(f"{number}.{places or 0}")


def _of_digits(digits: str, scale: str) -> Iterator[Decimal]:
    """Give a number in digits, times what follows it (3万); of a date or a version (2024.12.31) each part."""
    times = prod(chinese_number(f"一{each}") or 1 for each in scale)
    if _DECIMAL.fullmatch(digits):
        yield Decimal(digits.replace(",", "")) * times
    else:
        yield from map(Decimal, re.split("[.,]", digits))
