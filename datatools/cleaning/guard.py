"""Whether a change of a text leaves its numbers, units, dosages, article numbers and negations as they were."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from ...data.protected import is_negation, protected_multiset

View = Callable[[str], str]
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def is_same_content(before: str, after: str) -> bool:
    """Return whether two texts hold the same protected parts, each as often."""
    return protected_multiset(before) == protected_multiset(after)


def is_same_numbers(before: str, after: str) -> bool:
    """Return the same of all protected parts but negations: for lines that are removed whole."""
    return _without_negations(before) == _without_negations(after)


def is_same_ascii(before: str, after: str) -> bool:
    """Return the same of what both texts hold within ASCII: a wrong encoding changes nothing there, and everything else."""
    return is_same_content(_BEYOND_ASCII.sub(" ", before), _BEYOND_ASCII.sub(" ", after))


def _without_negations(text: str) -> Counter[str]:
    return Counter({part: number for part, number in protected_multiset(text).items() if not is_negation(part)})
