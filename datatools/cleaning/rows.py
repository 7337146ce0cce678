"""The rows that the rules of rows look at: a query with one of its positives, or with one of its negatives."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from ...data.pairs import Corpus, Pairs

Key = tuple[str, str]
"""Query id, passage id."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The pairs of one split with their texts."""

    corpus: Corpus
    pairs: Pairs

    def positives(self, without: Set[Key] = frozenset()) -> Iterator[tuple[Key, str, str]]:
        """Yield (key, query, passage) of each positive that is not among some."""
        yield from self._texts(self.pairs.positives, without)

    def negatives(self) -> Iterator[tuple[Key, str, str]]:
        """Yield (key, query, passage) of each negative."""
        yield from self._texts(self.pairs.negatives, frozenset())

    def _texts(self, of_queries: dict[str, dict[str, int]] | dict[str, list[str]], without: Set[Key]) -> Iterator[tuple[Key, str, str]]:
        for qid, passages in of_queries.items():
            query = self.pairs.queries[qid]
            yield from (((qid, pid), query, self.corpus[pid]) for pid in passages if (qid, pid) not in without)


def without_rows(pairs: Pairs, positives: Set[Key], negatives: Set[Key]) -> Pairs:
    """Return pairs without some positives and negatives; a query that has no positive left is dropped with all that is stated of it."""
    if not positives and not negatives:
        return pairs
    fields = pairs.by_query()
    gone = positives | negatives
    left = {qid: {pid: grade for pid, grade in ids.items() if (qid, pid) not in positives} for qid, ids in pairs.positives.items()}
    given = {qid: [pid for pid in ids if (qid, pid) not in negatives] for qid, ids in pairs.negatives.items()}
    stated = {name: _without(fields[name], gone) for name in ("weights", "scores")}
    kept = Pairs(**{**fields, **stated, "positives": left, "negatives": {qid: ids for qid, ids in given.items() if ids}})
    return kept.select(qid for qid in pairs.queries if left[qid])


def _without(of_queries: dict[str, dict[str, float]], gone: Set[Key]) -> dict[str, dict[str, float]]:
    kept = {qid: {pid: number for pid, number in ids.items() if (qid, pid) not in gone} for qid, ids in of_queries.items()}
    return {qid: ids for qid, ids in kept.items() if ids}
