"""Rows that are there again with the same texts, negatives that answer their query after all, and passages that repeat another.

Of texts nothing but hashes are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace

from ...data.hashes import hash_text
from ...data.pairs import Corpus, Pairs, normalise
from .content import Hits
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


def add_negatives(pairs: Pairs, corpus: Corpus, gone: Set[Key], without: Set[Key]) -> Pairs:
    """Return pairs of which a query that stays has the negatives, and their scores, of those of the same text that go whole.

    A file that names a query once for each hard negative would else lose all but the first. What the query has already, what answers it, and
    what has no score where the query's own have, is not added.

    Args:
        pairs: All of them.
        corpus: Their passages.
        gone: The positives that are dropped.
        without: The negatives that are dropped.
    """
    leaving = [qid for qid, ids in pairs.positives.items() if pairs.negatives.get(qid) and all((qid, pid) in gone for pid in ids)]
    if not leaving:
        return pairs
    staying: dict[str, str] = {}
    for qid, ids in pairs.positives.items():
        if any((qid, pid) not in gone for pid in ids):
            staying.setdefault(normalise(pairs.queries[qid]), qid)
    negatives = {qid: list(ids) for qid, ids in pairs.negatives.items()}
    scores = {qid: dict(of_query) for qid, of_query in pairs.scores.items()}
    for qid in leaving:
        if (kept := staying.get(normalise(pairs.queries[qid]))) is None:
            continue
        own, told = negatives.setdefault(kept, []), pairs.scores.get(qid, {})
        there = {normalise(corpus[pid]) for pid in (*own, *pairs.positives[kept])}
        for pid in pairs.negatives[qid]:
            is_new = normalise(corpus[pid]) not in there and (qid, pid) not in without
            if is_new and (kept not in scores or pid in told):
                own.append(pid)
                there.add(normalise(corpus[pid]))
                if kept in scores:
                    scores[kept][pid] = told[pid]
    return replace(pairs, negatives={qid: ids for qid, ids in negatives.items() if ids}, scores=scores)
