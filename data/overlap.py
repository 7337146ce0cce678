"""What two splits share, word for word and nearly: the queries of one that the other has seen, and the passages that answer in both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..events import QUIET, Events
from ..shown_text import one_line
from .draw import draw
from .groups import text_key
from .minhash import NEAR, Signatures, highest_similarity, sign
from .pairs import Corpus, Pairs

NEAR_TEXTS = 20_000
"""Texts of each split that are searched for near copies (half a millisecond each); of more, so many are drawn."""
EXAMPLES = 3
_SHOWN = 500  # characters of an example
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What of one split's queries another split has seen. The counts are of the later split's queries.

    Attributes:
        splits: The two, such as ("train", "test").
        queries: Queries of the later split.
        same_query: Whose text is one of the earlier split, but for case and white space.
        near_query: Whose text is nearly one of the earlier split (estimated Jaccard similarity of 0.8 or more), the same ones left out.
        same_positive: That a passage answers which answers a query of the earlier split as well.
        near_positive: That no such passage answers, but one that is nearly the same.
        compared: How many of the later split's queries were searched for near copies.
        examples: Texts of near queries, the later split's, each within a line.
    """

    splits: tuple[str, str]
    queries: int
    same_query: int
    near_query: int
    same_positive: int
    near_positive: int
    compared: int
    examples: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def overlaps_of(splits: Mapping[str, tuple[Pairs, Corpus]], *, near: bool = True, seed: int = 0, events: Events = QUIET) -> list[Overlap]:
    """Compare each split with each that comes after it.

    Args:
        splits: Name -> its pairs, and the corpus that their ids belong to, in the order train, dev, test.
        near: Whether near copies are looked for.
        seed: Draws what is compared for near copies, where a split is large.
        events: Receives the progress.
    """
    drawn = {name: draw(list(pairs.queries), NEAR_TEXTS, seed) if near else [] for name, (pairs, _) in splits.items()}
    signer = _Signer(events)
    read = {name: _Split.read(pairs, corpus, drawn[name]) for name, (pairs, corpus) in splits.items() if len(pairs)}
    signed = {name: signer.sign(split, of=read.values()) for name, split in read.items()}
    return [_compare((first, second), signed[first], signed[second]) for first, second in combinations(signed, 2)]


@dataclass(frozen=True, slots=True)
class _Split:
    """A split by the keys of its texts, and the drawn part of it whose near copies are looked for.

    `queries` are the keys of queries, `positives` those of each query's positives; `drawn` query key -> text, `answers` the keys of each drawn
    query's positives, `passages` their key -> text.
    """

    queries: list[str]
    positives: list[list[str]]
    drawn: list[tuple[str, str]]
    answers: list[list[str]]
    passages: dict[str, str]

    @staticmethod
    def read(pairs: Pairs, corpus: Corpus, drawn: Sequence[str]) -> _Split:
        keys = {qid: [text_key(corpus[pid]) for pid in passages] for qid, passages in pairs.positives.items()}
        return _Split(
            [text_key(text) for text in pairs.queries.values()],
            [keys[qid] for qid in pairs.queries],
            [(text_key(pairs.queries[qid]), pairs.queries[qid]) for qid in drawn],
            [keys[qid] for qid in drawn],
            {key: corpus[pid] for qid in drawn for key, pid in zip(keys[qid], pairs.positives[qid], strict=True)},
        )


@dataclass(frozen=True, slots=True)
class _Signed:
    """A split with the signatures of its drawn queries and of their positives, in their order."""

    split: _Split
    queries: Signatures
    passages: Signatures


@dataclass(slots=True)
class _Signer:
    """Signs the texts of splits, some at a time, and says how far it is."""

    events: Events
    done: int = 0

    def sign(self, split: _Split, of: Iterable[_Split]) -> _Signed:
        total = sum(len(each.drawn) + len(each.passages) for each in of)
        return _Signed(split, self._sign([text for _, text in split.drawn], total), self._sign(list(split.passages.values()), total))

    def _sign(self, texts: list[str], total: int) -> Signatures:
        parts = [sign([])]
        for start in range(0, len(texts), _AT_ONCE):
            parts.append(sign(texts[start : start + _AT_ONCE]))
            self.done += len(parts[-1])
            self.events.progress("comparing the splits", self.done, total)
        return np.concatenate(parts)


def _compare(names: tuple[str, str], first: _Signed, second: _Signed) -> Overlap:
    queries, positives = set(first.split.queries), {key for keys in first.split.positives for key in keys}
    own = second.split
    rows = [row for row, (key, _) in enumerate(own.drawn) if key not in queries]
    near = [own.drawn[row][1] for row in _near(second.queries, rows, first.queries)]
    apart = [keys for keys in own.answers if positives.isdisjoint(keys)]
    place = {key: row for row, key in enumerate(own.passages)}
    other = list(own.passages)
    alike = {other[row] for row in _near(second.passages, sorted({place[key] for keys in apart for key in keys}), first.passages)}
    return Overlap(
        splits=names,
        queries=len(own.queries),
        same_query=sum(key in queries for key in own.queries),
        near_query=len(near),
        same_positive=sum(not positives.isdisjoint(keys) for keys in own.positives),
        near_positive=sum(not alike.isdisjoint(keys) for keys in apart),
        compared=len(own.drawn),
        examples=tuple(one_line(text[:_SHOWN]) for text in list(dict.fromkeys(near))[:EXAMPLES]),
    )


def _near(signatures: Signatures, rows: list[int], others: Signatures) -> list[int]:
    """Return the rows of those signatures that are nearly one of the others."""
    if not rows or not len(others):
        return []
    return [row for row, similarity in zip(rows, highest_similarity(signatures[rows], others), strict=True) if similarity >= NEAR]
