"""Words of a query exchanged at random.

Source: EDA's random swap, https://arxiv.org/abs/1901.11196. It differs: what must not change keeps its place.
"""

from __future__ import annotations

import random

from .pieces import cut
from .types import Context, Query
from .varying import how_many


def swap_words(query: Query, chance: random.Random, context: Context) -> str | None:
    """Return the query with pairs of words exchanged; None where no two different words may move."""
    pieces = cut(query.text, context.guard)
    if len({pieces.words[row].lower() for row in pieces.free}) < 2:
        return None
    words = {row: pieces.words[row] for row in pieces.free}
    for _ in range(how_many(context.settings.share, len(pieces.words))):
        one = chance.choice(pieces.free)
        other = chance.choice([row for row in pieces.free if words[row].lower() != words[one].lower()])
        words[one], words[other] = words[other], words[one]
    return pieces.replace(words)
