"""Queries that a language model writes for passages, kept where the base finds the passage with them.

Sources: https://arxiv.org/abs/2112.07577 (GPL: queries made for the passages of a domain), https://arxiv.org/abs/2209.11755 (written by a
large model, filtered by the round trip).
"""

from __future__ import annotations

from collections.abc import Iterator

from ...data.draw import draw
from ...plurals import count
from .inverse_cloze import source_passages
from .numbers import numbers_in, numbers_named
from .round_trip import ranks_of_own
from .types import Context, Made

FOREIGN_NUMBER = "the query names a number that its passage does not hold"
NOT_FOUND = "the query does not find its passage among the first {}"


def write_llm_queries(context: Context) -> Iterator[Made]:
    """Give the queries that were written for passages, name no number that is not there, and find their passage.

    Raises:
        ConfigError: the endpoint cannot be reached, or refuses.
    """
    settings = context.settings
    passages = source_passages(context)
    if settings.rows is not None:
        passages = draw(passages, -(-settings.rows // settings.copies), settings.seed)
    written = list(_written(passages, context))
    yield from _found(written, context)


def _written(passages: list[str], context: Context) -> Iterator[tuple[str, str]]:
    """Give (passage id, query)."""
    settings, corpus, kept = context.settings, context.data.corpus, 0
    assert settings.writer is not None
    answers = settings.writer.write([corpus[pid] for pid in passages], settings.copies, settings.seed)
    for done, (pid, answer) in enumerate(zip(passages, answers, strict=True), start=1):
        context.events.progress("asking for queries", done, len(passages), "passages")
        kept += answer.is_kept
        if answer.problem is not None:
            context.losses.lose(answer.problem, corpus[pid])
        for query in answer.queries:
            if numbers_named(query) - numbers_in(corpus[pid]):
                context.losses.lose(FOREIGN_NUMBER, query)
            else:
                yield pid, query
    if kept:
        context.events.note(f"{count(kept, 'answer')} of {count(len(passages), 'passage')} kept from an earlier run")


def _found(written: list[tuple[str, str]], context: Context) -> Iterator[Made]:
    settings, corpus = context.settings, context.data.searched
    ranks = [1] * len(written)
    if settings.encoder is not None and written:
        context.events.stage("checking that queries find their passages")
        queries, own = [query for _, query in written], [pid for pid, _ in written]
        ranks = [int(rank) for rank in ranks_of_own(settings.encoder, queries, own, corpus, context.events)]
    for (pid, query), rank in zip(written, ranks, strict=True):
        if rank <= settings.found_within:
            yield Made(query=query, origin=corpus[pid], positives={pid: 1})
        else:
            context.losses.lose(NOT_FOUND.format(settings.found_within), query)
