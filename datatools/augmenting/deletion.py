"""Words left out of a query at random.

Source: EDA's random deletion, https://arxiv.org/abs/1901.11196. It differs: what must not change stays, at least one word goes, and
half of the words stay, at least two.
"""

from __future__ import annotations

import random

from .pieces import cut
from .types import Context, Query

_FEWEST = 3


def delete_words(query: Query, chance: random.Random, context: Context) -> str | None:
    """Return the query without some of its words; None where it has under three, or none that may go."""
    pieces = cut(query.text, context.guard)
    if len(pieces.words) < _FEWEST or not pieces.free:
        return None
    rows = [row for row in pieces.free if chance.random() < context.settings.share] or [chance.choice(pieces.free)]
    most = max(1, min(len(pieces.words) // 2, len(pieces.words) - 2))
    return pieces.replace(dict.fromkeys(chance.sample(rows, min(len(rows), most)), ""))
