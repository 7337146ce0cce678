"""Rows that are there again: the same texts, nearly the same texts, and negatives that answer their query after all.

Of texts nothing but hashes and MinHash signatures are kept (data/minhash.py: 64 bytes a text, over shingles of three characters, so that
Chinese, which parts no words, is treated like any language).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...data.minhash import HASHES, sign
from ...data.pairs import Corpus, Pairs, normalise
from ...data.protected import protected_multiset
from .content import Hits
from .hashes import hash_text
from .rows import Key, Rows

_BAND = 4  # values of a signature that two texts share in one of their 16 bands, before they are compared
_CHUNK = 1024


def same_rows(rows: Rows, without: Set[Key]) -> Hits:
    """Find rows whose query and passage, but for case and white space, stood together in a row before."""
    seen: set[tuple[int, int]] = set()
    for key, query, passage in rows.positives(without):
        row = hash_text(normalise(query)), hash_text(normalise(passage))
        if row in seen:
            yield key, query, passage
        seen.add(row)


def near_rows(rows: Rows, without: Set[Key], near: float) -> Hits:
    """Find rows whose query and passage are both nearly those of an earlier row that stays, and whose numbers are all the same.

    "Article 12" is not "Article 13", and "can I" is not "can I not", however alike the rest is.
    """
    signatures = _Signatures(near)
    for chunk in _chunks(rows.positives(without)):
        queries, passages = sign([query for _, query, _ in chunk]), sign([passage for _, _, passage in chunk])
        for (key, query, passage), own, other in zip(chunk, queries, passages, strict=True):
            if signatures.has_near(own, other, _numbers(query) ^ (_numbers(passage) << 1)):
                yield key, query, passage


def _numbers(text: str) -> int:
    return hash_text(repr(sorted(protected_multiset(text).items())))


def _chunks(rows: Iterator[tuple[Key, str, str]]) -> Iterator[list[tuple[Key, str, str]]]:
    chunk = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


class _Signatures:
    """The rows that stay: their signatures, and which of them share a band of the query's with given numbers."""

    def __init__(self, near: float) -> None:
        self._near = near
        self._kept = np.empty((_CHUNK, 2 * HASHES), np.uint8)
        self._count = 0
        self._buckets: dict[tuple[int, int, int], list[int]] = {}

    def has_near(self, query: npt.NDArray[np.uint8], passage: npt.NDArray[np.uint8], numbers: int) -> bool:
        """Return whether a row is like one that stays; one that is not, stays."""
        keys = [(band, int(value), numbers) for band, value in enumerate(query.view(np.uint32))]
        rows = sorted({row for key in keys for row in self._buckets.get(key, ())})
        own = np.concatenate([query, passage])
        alike = (self._kept[rows] == own).reshape(len(rows), 2, HASHES).mean(axis=2) if rows else np.empty((0, 2))
        if bool((alike >= self._near).all(axis=1).any()):
            return True
        if self._count == len(self._kept):
            self._kept = np.concatenate([self._kept, np.empty_like(self._kept)])
        self._kept[self._count] = own
        for key in keys:
            self._buckets.setdefault(key, []).append(self._count)
        self._count += 1
        return False


def contradictions(rows: Rows) -> Hits:
    """Find negatives whose text, but for case and white space, is that of a positive of the same query, whatever the ids of both."""
    answers: dict[int, set[int]] = {}
    for _, query, passage in rows.positives():
        answers.setdefault(hash_text(normalise(query)), set()).add(hash_text(normalise(passage)))
    return (row for row in rows.negatives() if hash_text(normalise(row[2])) in answers.get(hash_text(normalise(row[1])), ()))


def repeated_passages(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """Yield id and text of each passage whose text stood in the corpus before."""
    seen: set[int] = set()
    for pid, text in corpus.items():
        key = hash_text(normalise(text))
        if key in seen:
            yield pid, text
        seen.add(key)


def add_weights(rows: Rows, gone: Set[Key]) -> Pairs:
    """Return pairs of which each that stays has the weights of its exact duplicates that go added to its own, as repeated rows have."""
    weights = {qid: dict(of_query) for qid, of_query in rows.pairs.weights.items()}
    first: dict[tuple[int, int], Key] = {}
    for key, query, passage in rows.positives():
        kept = first.setdefault((hash_text(normalise(query)), hash_text(normalise(passage))), key)
        if key in gone and kept not in gone:
            own = rows.pairs.weights.get(key[0], {}).get(key[1], 1.0)
            of_kept = weights.setdefault(kept[0], {})
            of_kept[kept[1]] = of_kept.get(kept[1], 1.0) + own
    return replace(rows.pairs, weights=weights)
