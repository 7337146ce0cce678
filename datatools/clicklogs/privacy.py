"""Personal data in queries: e-mail addresses, phone numbers, cards and Chinese identity numbers are taken out.

Sources: cards, ISO/IEC 7812-1 (the check digit of Luhn); identity numbers, GB 11643-1999 (its check character is ISO 7064 MOD 11-2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass

_NOT_DIGITS = re.compile(r"\D")
_APART = r"[ .\-\u2010-\u2015\u2212]?"  # between the parts of a number, as people type them; NFKC makes U+2010 of U+2011


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of personal data: how it looks, and which part of what looks so it is: (start, end), None where it is not."""

    name: str
    pattern: re.Pattern[str]
    part: Callable[[str], tuple[int, int] | None] = lambda text: (0, len(text))


def is_card(text: str) -> bool:
    """Return whether the digits of a text end in the check digit of Luhn."""
    digits = [int(digit) for digit in _NOT_DIGITS.sub("", text)][::-1]
    doubled = [digit if row % 2 == 0 else sum(divmod(2 * digit, 10)) for row, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0 and len(set(digits)) > 1


def is_identity_number(text: str) -> bool:
    """Return whether 18 characters, but for what parts them, end in the check character of Chinese identity numbers."""
    text = re.sub(r"[^\dXx]", "", text)
    total = sum(int(digit) * 2 ** (17 - row) for row, digit in enumerate(text[:17]))
    return "10x98765432"[total % 11] == text[17].lower()


def _whole_if(holds: Callable[[str], bool]) -> Callable[[str], tuple[int, int] | None]:
    return lambda text: (0, len(text)) if holds(text) else None


def card_within(text: str) -> tuple[int, int] | None:
    """Return where a card's number stands among groups of digits, (start, end); None: there is none.

    That is all of them, however they are grouped, or some that are grouped as on cards: what follows a number, such as its month and its
    check value, is no part of it.
    """
    if len(_NOT_DIGITS.sub("", text)) in _CARD_DIGITS and is_card(text):
        return 0, len(text)
    groups = [match.span() for match in re.finditer(r"\d+", text)]
    for at, (start, _) in enumerate(groups):
        if text[start] not in _CARD_STARTS:
            continue
        for last in range(len(groups), at, -1):
            sizes = tuple(end - begin for begin, end in groups[at:last])
            end = groups[last - 1][1]
            if (sizes in _ON_CARDS or (len(sizes) == 1 and sizes[0] in _CARD_DIGITS)) and is_card(text[start:end]):
                return start, end
    return None


_CARD_DIGITS = range(13, 20)
_CARD_STARTS = "23456"  # of banks; 1, 7, 8 and 9 are of airlines, fuel and others
_ON_CARDS = frozenset({(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (6, 13)})
"""How many digits the groups have, as printed."""


KINDS = (
    Kind("e-mail addresses", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)),
    Kind(
        "identity numbers",
        re.compile(
            rf"(?<!\d)[1-9]\d{{5}}{_APART}(?:18|19|20)\d\d{_APART}(?:0[1-9]|1[0-2]){_APART}(?:0[1-9]|[12]\d|3[01]){_APART}\d{{3}}[\dXx](?!\d)"
        ),
        _whole_if(is_identity_number),
    ),
    Kind(
        "phone numbers",
        re.compile(
            rf"(?<!\d)(?:(?:\+|00)?86{_APART})?1[3-9]\d{_APART}\d{{4}}{_APART}\d{{4}}(?!\d)"  # mobile, China
            rf"|(?<!\d)(?<!\d[ -])\(?0[1-9]\d{{1,2}}(?:\) ?|[ \-\u2010-\u2015])\d{{4}}{_APART}\d{{3,4}}(?!\d)"  # with an area code, China
            r"|(?<!\d)0(?:10|2\d)\d{8}(?!\d)"  # the same in one, where the code has three digits
            r"|\+\d[\d ()-]{7,16}\d(?!\d)"  # international
            r"|(?<!\d)\(?[2-9]\d\d\)?[ .-]\d{3}[ .-]\d{4}(?!\d)"  # North America
        ),
    ),
    Kind("card numbers", re.compile(r"(?<!\d)\d(?:[ \-\u2010-\u2015\u2212]?\d){12,40}(?!\d)"), card_within),
)
"""In this order: what one has taken, the next does not see."""


def redact(text: str, own: Container[str] = ()) -> tuple[str, tuple[str, ...]]:
    """Return a text without personal data, and the names of the kinds that were found.

    Args:
        text: NFKC, so that full-width digits are digits.
        own: Ids and codes of the shop, in lower case and also without separators: what is one of them stays.
    """
    found: list[str] = []
    for kind in KINDS:
        text = kind.pattern.sub(lambda match, kind=kind: _judged(kind, match[0], own, found), text)  # type: ignore[misc]
    return " ".join(text.split()) if found else text, tuple(dict.fromkeys(found))


def _judged(kind: Kind, text: str, own: Container[str], found: list[str]) -> str:
    if text.lower() in own or _NOT_DIGITS.sub("", text) in own or (part := kind.part(text)) is None:
        return text
    start, end = part
    if _NOT_DIGITS.sub("", text[start:end]) in own and part != (0, len(text)):
        return text
    found.append(kind.name)
    return f"{text[:start]} {text[end:]}"
