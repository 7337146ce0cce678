"""A text as words and what stands between them, so that words can be taken out, exchanged and put in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...data.words import Span, word_spans
from .guard import Guard

_BLANKS = re.compile(r"\s{2,}")
_BEFORE_MARK = re.compile(r"\s+(?=[,.;:?!)\]，。；：？！）])")
_LATIN_END, _LATIN_START = re.compile(r"[^\W_\u3400-\u9fff]$"), re.compile(r"^[^\W_\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Pieces:
    """The words of a text, and what stands before, between and after them.

    Attributes:
        words: In their order, (n,).
        gaps: What stands before each word, and after the last one, (n + 1,).
        free: The rows of words in which nothing stands that must not change.
    """

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    free: tuple[int, ...]

    def replace(self, new: Mapping[int, str]) -> str:
        """Return the text with other words in place of some; an empty one takes the word away."""
        parts = [self.gaps[0]]
        for row, word in enumerate(self.words):
            parts += [new.get(row, word), self.gaps[row + 1]]
        text = "".join(parts)
        return _tidy(text) if "" in new.values() else text

    def insert(self, new: Mapping[int, str]) -> str:
        """Return the text with further words, each before the word of a row; Latin letters get blanks around them."""
        parts = [self.gaps[0]]
        for row, word in enumerate(self.words):
            if row in new:
                glued = bool(not self.gaps[row] and row and _LATIN_END.search(self.words[row - 1]) and _LATIN_START.search(new[row]))
                parts += [" " if glued else "", new[row], " " if _LATIN_END.search(new[row]) or _LATIN_START.search(word) else ""]
            parts += [word, self.gaps[row + 1]]
        return "".join(parts)


def cut(text: str, guard: Guard) -> Pieces:
    """Cut a text into its words; a term of the guard's glossary is one."""
    spans = word_spans(text, guard.glossary.names)
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    return Pieces(
        words=tuple(text[start:end] for start, end in spans),
        gaps=tuple(text[end:start] for end, start in zip(ends, starts, strict=True)),
        free=tuple(_apart(spans, guard.spans(text))),
    )


def _apart(spans: Sequence[Span], kept: Sequence[Span]) -> Iterator[int]:
    """Give the rows of spans that touch none of those that are kept; both ascend, and theirs are apart."""
    at = 0
    for row, (start, end) in enumerate(spans):
        while at < len(kept) and kept[at][1] <= start:
            at += 1
        if at == len(kept) or end <= kept[at][0]:
            yield row


def _tidy(text: str) -> str:
    return _BEFORE_MARK.sub("", _BLANKS.sub(" ", text)).strip()
