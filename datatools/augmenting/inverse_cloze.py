"""Sentences of passages as queries: the passage that a sentence stood in is what answers it.

Source: the inverse cloze task, https://arxiv.org/abs/1906.00300, which takes the sentence out of the passage nine times in ten, so that
more than the same words has to be learnt. It differs: what is left is a passage of its own, for training alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ...data.draw import draw
from ...data.words import words
from .sentences import sentence_spans
from .types import Context, Made, chance

_FEWEST_WORDS = 5
"""Of a sentence, and of what is left of its passage."""
SHORT = "a passage without a sentence to spare"
SPLIT = "a number or a term of the passage would be cut in two"


def write_sentences(context: Context) -> Iterator[Made]:
    """Give for each passage so many of its sentences as queries, and what is left of the passage as the answer, or the whole of it."""
    settings = context.settings
    passages = source_passages(context)
    if settings.rows is not None:
        passages = draw(passages, -(-settings.rows // settings.copies), settings.seed)
    for done, pid in enumerate(passages, start=1):
        yield from _of_passage(pid, context)
        if done % 256 == 0:
            context.events.progress("inverse-cloze", done, len(passages), "passages")


def source_passages(context: Context) -> list[str]:
    """Return the ids of the passages that queries are written for: those that answer training queries, or also all that neither dev nor a test split names."""
    data = context.data
    trained = {pid for graded in data.train.positives.values() for pid in graded}
    held = data.dev.passage_ids() if data.dev is not None else set()
    others = set(data.corpus) - held - context.unseen.named_in(data.corpus) if context.settings.passages == "all" else set()
    chosen = (trained | others) - data.train_only
    return [pid for pid in data.corpus if pid in chosen]


def _of_passage(pid: str, context: Context) -> Iterator[Made]:
    settings, text = context.settings, context.data.corpus[pid]
    spans = sentence_spans(text)
    fit = [span for span in spans if len(words(text[slice(*span)])) >= _FEWEST_WORDS]
    if len(spans) < 2 or not fit:
        context.losses.lose(SHORT, text)
        return
    random = chance(settings.seed, "inverse-cloze", text)
    for start, end in random.sample(fit, min(settings.copies, len(fit))):
        query, rest = text[start:end], _join(text[:start], text[end:])
        if random.random() >= settings.removed_share:
            yield Made(query=query, origin=text, positives={pid: 1})
        elif len(words(rest)) < _FEWEST_WORDS:
            context.losses.lose(SHORT, text)
        elif context.guard.count(query) + context.guard.count(rest) != context.guard.count(text):
            context.losses.lose(SPLIT, text)
        else:
            made = f"{pid}{MADE}{_digest(query)}"
            yield Made(query=query, origin=text, positives={made: 1}, passages={made: rest})


MADE = "~without-sentence-"
"""In the id of a passage from which a sentence was taken, before what tells the sentence."""


def _digest(sentence: str) -> str:
    """Return what tells a sentence from the others of its passage: a number would mean another one in the next run over the same data."""
    return hashlib.blake2b(sentence.encode("utf-8", "replace"), digest_size=6).hexdigest()


def _join(before: str, after: str) -> str:
    """Put what stood around a sentence together, with the white space of one side."""
    return (
        before.rstrip() + (" " if before[-1:].isspace() and after[:1].isspace() else before[len(before.rstrip()) :]) + after.lstrip()
    ).strip()
