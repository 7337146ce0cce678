"""Texts as words: Chinese by segmentation, everything else between spaces and punctuation, and terms of a glossary whole.

Source: jieba's dictionary and hidden Markov model, by rjieba (https://github.com/messense/rjieba-py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

Span = tuple[int, int]
"""Where a word begins, and where the text goes on after it."""

_HAN = r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_MARKS = r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u0670\u0900-\u0963\u0966-\u0eff"  # vowel signs are not letters to `re`
_LETTER = rf"(?:(?![{_HAN}])[^\W_]|[{_MARKS}])"
_HAN_RUN = re.compile(rf"[{_HAN}]+")
_WORD = re.compile(rf"[{_HAN}]+|{_LETTER}+(?:(?:(?<=\d)[.,](?=\d)|['’](?={_LETTER})){_LETTER}+)*")
_ONE_LETTER = re.compile(_LETTER)


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms that stay whole, made ready once for many texts: `terms_of` makes it.

    Attributes:
        folded: Each in lower case, its white space as single spaces.
        lengths: The first two characters of terms -> the lengths of those that begin so, the longest first.
    """

    folded: frozenset[str]
    lengths: dict[str, tuple[int, ...]]


def words(text: str, terms: Terms | Iterable[str] = ()) -> list[str]:
    """Return the words of a text in their order, as they stand in it: case and width are the caller's to change.

    A Chinese run is segmented; elsewhere a word is a run of letters, marks and digits, with apostrophes inside it and with the points and
    commas between digits (`don't`, `2.5mg`, `1,000`). Punctuation and white space are in none.

    Args:
        text: In any language. Languages without spaces other than Chinese (Japanese kana, Thai) come as runs.
        terms: Words or phrases that are found whole, whatever their case, the longest first; a Latin one only where no letter adjoins.
    """
    return [text[start:end] for start, end in word_spans(text, terms)]


def word_spans(text: str, terms: Terms | Iterable[str] = ()) -> list[Span]:
    """Return where the words of a text stand, in their order and apart from one another; see `words`."""
    ready = terms if isinstance(terms, Terms) else terms_of(terms)
    found: list[Span] = []
    at = 0
    for start, end in _term_spans(text, ready):
        found += _plain_spans(text, at, start)
        found.append((start, end))
        at = end
    return [*found, *_plain_spans(text, at, len(text))]


def terms_of(terms: Iterable[str]) -> Terms:
    """Return terms made ready for `words`; those that are empty are left out."""
    return _ready(tuple(terms))


@lru_cache(maxsize=8)
def _ready(terms: tuple[str, ...]) -> Terms:
    folded = frozenset(_fold(" ".join(term.split())) for term in terms if term.strip())
    lengths: dict[str, set[int]] = {}
    for term in folded:
        lengths.setdefault(term[:2], set()).add(len(term))
    return Terms(folded, {head: tuple(sorted(sizes, reverse=True)) for head, sizes in lengths.items()})


def _fold(text: str) -> str:
    """Return a text in lower case and with plain spaces, each character in its place."""
    lower = text.lower()
    if len(lower) != len(text):  # some capitals become two characters
        lower = "".join(small if len(small := each.lower()) == 1 else each for each in text)
    return re.sub(r"\s", " ", lower)


def _term_spans(text: str, terms: Terms) -> Iterator[Span]:
    if not terms.folded:
        return
    folded, at = _fold(text), 0
    while at < len(folded):
        end = _term_end(folded, at, terms)
        if end:
            yield at, end
        at = end or at + 1


def _term_end(folded: str, at: int, terms: Terms) -> int:
    """Return where the longest term that begins here ends; 0: none begins here."""
    sizes: Sequence[int] = (*terms.lengths.get(folded[at : at + 2], ()), *terms.lengths.get(folded[at], ()))
    for size in sizes:
        end = at + size
        if folded[at:end] in terms.folded and not _splits_word(folded, at) and not _splits_word(folded, end):
            return end
    return 0


def _splits_word(text: str, at: int) -> bool:
    """Return whether letters other than Chinese ones stand on both sides of a place."""
    return 0 < at < len(text) and bool(_ONE_LETTER.match(text[at - 1]) and _ONE_LETTER.match(text[at]))


def _plain_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """Give the words between two places, in which no term stands."""
    for match in _WORD.finditer(text, start, end):
        if not _HAN_RUN.match(match[0]):
            yield match.span()
            continue
        at = match.start()
        for piece in _segmented(match[0]):
            yield at, at + len(piece)
            at += len(piece)


def _segmented(run: str) -> list[str]:
    import rjieba  # loads its dictionary: a third of a second

    return list(rjieba.cut(run))
