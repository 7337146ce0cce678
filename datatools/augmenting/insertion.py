"""Words put into a query at random.

Source: EDA's random insertion, https://arxiv.org/abs/1901.11196, which puts in a synonym of a word of the sentence. It differs: where no
WordNet is given, or it knows none of the words, what is put in is a word of a passage that answers the query, so that it stays on the subject.
"""

from __future__ import annotations

import random
from itertools import islice

from ...data.words import words
from .guard import Guard
from .pieces import Pieces, cut
from .stop_words import is_stop_word
from .types import Context, Query
from .varying import how_many


def insert_words(query: Query, chance: random.Random, context: Context) -> str | None:
    """Return the query with further words; None where there is none to put in, or no place for it."""
    pieces = cut(query.text, context.guard)
    number = min(how_many(context.settings.share, len(pieces.words)), len(pieces.free))
    offered = _draw(_synonyms(pieces, context), number, chance, context.guard)
    offered = offered or _draw(_of_answers(query, pieces, context.guard), number, chance, context.guard)
    if not offered:
        return None
    return pieces.insert(dict(zip(chance.sample(pieces.free, len(offered)), offered, strict=True)))


def _draw(words: list[str], number: int, chance: random.Random, guard: Guard) -> list[str]:
    """Draw words that may be put in: none with a number, a negation or a term in it."""
    return list(islice((word for word in chance.sample(words, len(words)) if not guard.count(word)), number))


def _synonyms(pieces: Pieces, context: Context) -> list[str]:
    if (wordnet := context.settings.wordnet) is None:
        return []
    own = {word.lower() for word in pieces.words}
    found = (each for row in pieces.free for each in wordnet.synonyms(pieces.words[row]))
    return [each for each in dict.fromkeys(found) if each.lower() not in own]


def _of_answers(query: Query, pieces: Pieces, guard: Guard) -> list[str]:
    own = {word.lower() for word in pieces.words}
    found = dict.fromkeys(word for text in query.answers for word in words(text[:_READ], guard.glossary.names) if word.lower() not in own)
    return [word for word in found if not is_stop_word(word)]


_READ = 2000
"""How many characters of an answer are read."""
