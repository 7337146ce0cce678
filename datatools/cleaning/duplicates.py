"""Rows that are there again with the same texts, negatives that answer their query after all, and passages that repeat another.

Of texts nothing but hashes are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace

from ...data.pairs import Corpus, Pairs, normalise
from .content import Hits
from .hashes import hash_text
from .rows import Key, Rows


def same_rows(rows: Rows, without: Set[Key]) -> Hits:
    """Find rows whose query and passage, but for case and white space, stood together in a row before."""
    seen: set[tuple[int, int]] = set()
    for key, query, passage in rows.positives(without):
        row = hash_text(normalise(query)), hash_text(normalise(passage))
        if row in seen:
            yield key, query, passage
        seen.add(row)


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
