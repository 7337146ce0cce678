"""Terms of a glossary in a query exchanged for their synonyms, and other words for synonyms that WordNet gives.

Source of the exchange of words: EDA's synonym replacement, https://arxiv.org/abs/1901.11196. It differs: a glossary's terms come first,
whole, and nothing is exchanged where neither source knows a synonym.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ...data.terms import fold_name
from .pieces import cut
from .types import Context, Query
from .varying import how_many


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text has a synonym: (start, end), and what may stand there."""

    start: int
    end: int
    others: tuple[str, ...]


def exchange_synonyms(query: Query, chance: random.Random, context: Context) -> str | None:
    """Return the query with synonyms in place of some of its words; None where none is known."""
    terms, plain = list(_terms(query.text, context)), list(_words(query.text, context))
    number = how_many(context.settings.share, len(cut(query.text, context.guard).words))
    chosen = _draw(chance, terms, number)
    chosen += _draw(chance, plain, number - len(chosen))
    if not chosen:
        return None
    text = query.text
    for place in sorted(chosen, key=lambda place: -place.start):
        new = _cased(chance.choice(place.others), text[place.start : place.end])
        text = text[: place.start] + new + text[place.end :]
    return text


def _draw(chance: random.Random, places: list[_Place], most: int) -> list[_Place]:
    return chance.sample(places, max(0, min(most, len(places))))


def _terms(text: str, context: Context) -> Iterator[_Place]:
    glossary = context.guard.glossary
    for start, end, name in glossary.occurrences(text):
        # Another name with another number in it, such as T2DM for type 2 diabetes, would fail the guard each time.
        fitting = tuple(other for other in glossary.other_names.get(name, ()) if context.guard.keeps(text[start:end], other))
        if fitting and len(name) > 1:
            yield _Place(start, end, fitting)


def _words(text: str, context: Context) -> Iterator[_Place]:
    if (wordnet := context.settings.wordnet) is None:
        return
    pieces, at = cut(text, context.guard), 0
    for row, word in enumerate(pieces.words):
        at += len(pieces.gaps[row])
        if row in pieces.free and (others := wordnet.synonyms(word)):
            yield _Place(at, at + len(word), others)
        at += len(word)


def _cased(new: str, old: str) -> str:
    """Give a synonym the capital that its place has; an abbreviation keeps its own letters."""
    is_capital = old[:1].isupper() and not old.isupper() and new.islower()
    return new[:1].upper() + new[1:] if is_capital and fold_name(new) == new else new
