"""Lines that stand in many passages, such as the foot of every page of a site, and say nothing of the passage that they stand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ...data.hashes import hash_text
from ...data.pairs import normalise
from .guard import is_same_numbers

_SHARE = 0.002  # of all passages: in a large corpus, more than a few have a line of their own in common
_WORDS, _HAN = 4, 8  # a line of fewer is a heading, which says what follows it


def boilerplate_lines(passages: Iterable[str], fewest: int) -> frozenset[int]:
    """Return the hashes of the lines that at least `fewest` passages have, and at least 2 in 1,000 of all.

    Only passages of several lines count, and a line counts once in each. Of the lines nothing but hashes and counts are kept.
    """
    counts: Counter[int] = Counter()
    total = 0
    for passage in passages:
        total += 1
        if "\n" in passage:
            counts.update({hash_text(normalise(line)) for line in passage.split("\n") if _says_enough(line)})
    return frozenset(line for line, number in counts.items() if number >= max(fewest, _SHARE * total))


def without_lines(passage: str, lines: frozenset[int]) -> Iterator[str]:
    """Yield the passage without the lines of these hashes, then without those of them alone that hold no number.

    Nothing is yielded that is empty, or that lacks a number of the passage. Negations may leave with their line ("do not reproduce").
    """
    own = passage.split("\n")
    found = [at for at, line in enumerate(own) if _says_enough(line) and hash_text(normalise(line)) in lines]
    harmless = [at for at in found if is_same_numbers(own[at], "")]
    for removed in (found, harmless):
        left = "\n".join(line for at, line in enumerate(own) if at not in removed)
        if removed and left.strip() and is_same_numbers(passage, left):
            yield left


def has_lines(passage: str, lines: frozenset[int]) -> bool:
    """Return whether a passage has one of the lines."""
    return any(hash_text(normalise(line)) in lines for line in passage.split("\n") if _says_enough(line))


def _says_enough(line: str) -> bool:
    return len(line.split()) >= _WORDS or sum("一" <= char <= "鿿" for char in line) >= _HAN
