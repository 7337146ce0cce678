"""What the methods take and give."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...events import Events
from .guard import Guard
from .unseen import NOTHING, Unseen

if TYPE_CHECKING:
    from ...data.pairs import TrainingData
    from .settings import AugmentSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new training query.

    Attributes:
        query: Its text.
        origin: The text that it was made of, to be shown beside it.
        like: The id of the training query whose positives, negatives and group it shares; None where `positives` says what answers it.
        positives: Passage id -> grade.
        passages: Passages that the corpus lacks, by id.
    """

    query: str
    origin: str
    like: str | None = None
    positives: Mapping[str, int] = field(default_factory=dict)
    passages: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Losses:
    """Why rows were given up: reason -> how many, and the first texts of them."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def lose(self, why: str, example: str) -> None:
        """Count a row."""
        self.counts[why] = self.counts.get(why, 0) + 1
        kept = self.examples.setdefault(why, [])
        if len(kept) < 3:
            kept.append(example)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What all methods of a run share; `unseen` is of the test split."""

    data: TrainingData
    settings: AugmentSettings
    guard: Guard
    losses: Losses
    events: Events
    unseen: Unseen = NOTHING


@dataclass(frozen=True, slots=True)
class Query:
    """A training query that is varied: its id, its text, and the texts that answer it."""

    id: str
    text: str
    answers: tuple[str, ...]


Vary = Callable[[Query, random.Random, Context], str | None]
"""Returns another wording of a query; None where it has nothing to change."""

Write = Callable[[Context], Iterable[Made]]
"""Gives the new queries of a method."""


def chance(seed: int, *what: str | int) -> random.Random:
    """Return a generator that depends on a seed and on what is varied alone: other rows, and their order, change nothing."""
    digest = hashlib.blake2b("\0".join([str(seed), *map(str, what)]).encode("utf-8", "replace"), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))


def drawn_queries(context: Context) -> list[Query]:
    """Return the training queries that are varied, in their order: all, or drawn, so that `rows` is not passed."""
    from ...data.draw import draw

    train, settings = context.data.train, context.settings
    ids = list(train.queries)
    if settings.rows is not None:
        ids = draw(ids, -(-settings.rows // settings.copies), settings.seed)
    return [Query(qid, train.queries[qid], tuple(context.data.corpus[pid] for pid in train.positives[qid])) for qid in ids]
