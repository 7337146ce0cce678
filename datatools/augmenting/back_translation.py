"""Queries translated into another language and back.

Source: back-translation as paraphrase, https://arxiv.org/abs/1511.06709 (the models), https://arxiv.org/abs/1904.12848 (as augmentation).
"""

from __future__ import annotations

from collections.abc import Iterator

from .types import Context, Made, Query, drawn_queries
from .varying import CHANGED, UNCHANGED

_BATCH = 64


def translate_back(context: Context) -> Iterator[Made]:
    """Give each training query as it comes back, where it differs and holds the same numbers, units, negations and terms.

    A query has one translation here, whatever `copies` says: the models choose the most probable one.
    """
    assert context.settings.translate is not None
    there, back = context.settings.translate
    queries = drawn_queries(context)
    for start in range(0, len(queries), _BATCH):
        batch = queries[start : start + _BATCH]
        for query, text in zip(batch, back(there([query.text for query in batch])), strict=True):
            if _is_sound(query, text, context):
                yield Made(query=text.strip(), origin=query.text, like=query.id)
        context.events.progress("back-translation", start + len(batch), len(queries), "queries")


def _is_sound(query: Query, text: str, context: Context) -> bool:
    if not text.strip() or " ".join(text.split()).lower() == " ".join(query.text.split()).lower():
        context.losses.lose(UNCHANGED, query.text)
    elif not context.guard.keeps(query.text, text):
        context.losses.lose(CHANGED, query.text)
    else:
        return True
    return False
