"""Personal data in queries: e-mail addresses, phone numbers, cards and Chinese identity numbers are taken out.

Sources: cards, ISO/IEC 7812-1 (the check digit of Luhn); identity numbers, GB 11643-1999 (its check character is ISO 7064 MOD 11-2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass

_NOT_DIGITS = re.compile(r"\D")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of personal data: how it looks, and what else must hold of what looks so."""

    name: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = bool


def is_card(text: str) -> bool:
    """Return whether the digits of a text end in the check digit of Luhn."""
    digits = [int(digit) for digit in _NOT_DIGITS.sub("", text)][::-1]
    doubled = [digit if row % 2 == 0 else sum(divmod(2 * digit, 10)) for row, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0 and len(set(digits)) > 1


def is_identity_number(text: str) -> bool:
    """Return whether 18 characters end in the check character of Chinese identity numbers."""
    total = sum(int(digit) * 2 ** (17 - row) for row, digit in enumerate(text[:17]))
    return "10x98765432"[total % 11] == text[17].lower()


KINDS = (
    Kind("e-mail addresses", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)),
    Kind(
        "identity numbers",
        re.compile(r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)"),
        is_identity_number,
    ),
    Kind(
        "phone numbers",
        re.compile(
            r"(?<!\d)(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"  # mobile, China
            r"|(?<!\d)0\d{2,3}[ -]\d{7,8}(?!\d)"  # with an area code, China
            r"|\+\d[\d ()-]{7,16}\d(?!\d)"  # international
            r"|(?<!\d)\(?[2-9]\d\d\)?[ .-]\d{3}[ .-]\d{4}(?!\d)"  # North America
        ),
    ),
    Kind("card numbers", re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)"), is_card),
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
    if text.lower() in own or _NOT_DIGITS.sub("", text) in own or not kind.holds(text):
        return text
    found.append(kind.name)
    return " "
