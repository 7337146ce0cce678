"""The domain's words that a base's tokenizer breaks: into most pieces, weighted by how often they come, and into unknown ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ...data.draw import draw
from ...data.preflight import cjk_share
from ...data.words import words

if TYPE_CHECKING:
    from .tokens import BaseTokens

LISTED = 15
"""Words of each list."""
TEXTS = 20_000
"""Of more texts, so many are drawn."""
_AT_ONCE = 5000
_APOSTROPHES = {"'", "\u2019"}  # `don't` is three pieces by the rules of every tokenizer
NO_NEW_TOKENS = (
    "adding tokens is not offered: a token's vector is a weight of the base, which stays frozen, so that a new one would mean nothing; what "
    "helps is training pairs in which these words stand, or a base whose vocabulary knows them (adapt base compare)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenWord:
    """A word, how often it comes in the texts, and the pieces that it falls into."""

    word: str
    count: int
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenWords:
    """How a tokenizer breaks the words of texts.

    Attributes:
        texts: How many were read.
        words: How many words they have.
        pieces_per_word: The mean over all words that are not Chinese; None: there are none.
        pieces_per_character: The mean over the characters of Chinese words; None: there are none.
        unknown_share: The share of all words with a piece that the tokenizer does not know.
        broken: Words that are not Chinese, by count x (pieces - 1); those with an apostrophe left out.
        chinese: Chinese words of two characters or more, likewise.
        unknown: Words with an unknown piece, by count.
    """

    texts: int
    words: int
    pieces_per_word: float | None
    pieces_per_character: float | None
    unknown_share: float
    broken: tuple[BrokenWord, ...]
    chinese: tuple[BrokenWord, ...]
    unknown: tuple[BrokenWord, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"adding_tokens": NO_NEW_TOKENS}


def find_broken_words(texts: Sequence[str], tokens: BaseTokens, seed: int) -> BrokenWords:
    """Break the words of texts as a base does.

    Args:
        texts: Queries and passages; of many, some are drawn.
        tokens: Of the base.
        seed: Draws the texts.
    """
    drawn = draw(texts, TEXTS, seed)
    found = _break(Counter(word for text in drawn for word in words(text) if any(sign.isalpha() for sign in word)), tokens)
    chinese = [each for each in found if cjk_share(each.word) == 1]
    other = [each for each in found if cjk_share(each.word) < 1]
    unknown = [each for each in found if tokens.unknown in each.pieces] if tokens.unknown else []
    return BrokenWords(
        texts=len(drawn),
        words=_number(found),
        pieces_per_word=_pieces(other) / _number(other) if other else None,
        pieces_per_character=_pieces(chinese) / sum(each.count * len(each.word) for each in chinese) if chinese else None,
        unknown_share=_number(unknown) / max(1, _number(found)),
        broken=_costliest(each for each in other if _APOSTROPHES.isdisjoint(each.word)),
        chinese=_costliest(each for each in chinese if len(each.word) > 1),
        unknown=tuple(sorted(unknown, key=lambda each: (-each.count, each.word))[:LISTED]),
    )


def _break(numbers: Counter[str], tokens: BaseTokens) -> list[BrokenWord]:
    """Break each word once; words that differ in case alone and fall into the same pieces are one, written as most often."""
    forms = [form for form, _ in numbers.most_common()]
    pieces = [each for start in range(0, len(forms), _AT_ONCE) for each in tokens.pieces(forms[start : start + _AT_ONCE])]
    joined: Counter[tuple[str, tuple[str, ...]]] = Counter()
    written: dict[tuple[str, tuple[str, ...]], str] = {}
    for form, its in zip(forms, pieces, strict=True):
        key = form.casefold(), its
        joined[key] += numbers[form]
        written.setdefault(key, form)
    return [BrokenWord(word=written[key], count=number, pieces=key[1]) for key, number in joined.items()]


def _costliest(found: Iterable[BrokenWord]) -> tuple[BrokenWord, ...]:
    broken = [each for each in found if len(each.pieces) > 1]
    return tuple(sorted(broken, key=lambda each: (-each.count * (len(each.pieces) - 1), each.word))[:LISTED])


def _number(found: Iterable[BrokenWord]) -> int:
    return sum(each.count for each in found)


def _pieces(found: Iterable[BrokenWord]) -> int:
    return sum(each.count * len(each.pieces) for each in found)
