"""Methods that reword a query: each query so many times, tried again where something changed that must not."""

from __future__ import annotations

from collections.abc import Iterator

from .types import Context, Made, Query, Vary, Write, chance, drawn_queries

TRIES = 5
CHANGED = "a number, a unit, a negation or a term would change"
UNCHANGED = "nothing in it could be changed"


def by_varying(name: str, vary: Vary) -> Write:
    """Return the method that rewords each training query by `vary`."""

    def write(context: Context) -> Iterator[Made]:
        queries = drawn_queries(context)
        for done, query in enumerate(queries, start=1):
            for copy in range(context.settings.copies):
                if (text := _one(name, vary, query, copy, context)) is not None:
                    yield Made(query=text, origin=query.text, like=query.id)
            if done % 256 == 0:
                context.events.progress(name, done, len(queries), "queries")

    return write


def _one(name: str, vary: Vary, query: Query, copy: int, context: Context) -> str | None:
    random = chance(context.settings.seed, name, query.text, copy)
    for _ in range(TRIES):
        text = vary(query, random, context)
        if text is None or text == query.text:
            context.losses.lose(UNCHANGED, query.text)
            return None
        if context.guard.keeps(query.text, text):
            return text
    context.losses.lose(CHANGED, query.text)
    return None


def how_many(share: float, words: int) -> int:
    """Return how many of so many words are changed: the share of them, and at least one. Source: EDA, https://arxiv.org/abs/1901.11196."""
    return max(1, round(share * words))
