"""The test split beside the data: no query is made that it has, and none is written for its passages."""

from __future__ import annotations

from dataclasses import dataclass

from ...data.pairs import Corpus, normalise
from ...data.test_split import read_test_split


@dataclass(frozen=True, slots=True)
class Unseen:
    """The texts of the queries and of the passages that a test split names, folded (`normalise`): ids of the data may be others."""

    queries: frozenset[str] = frozenset()
    passages: frozenset[str] = frozenset()

    def named_in(self, corpus: Corpus) -> set[str]:
        """Return the ids of those of its passages that a corpus has."""
        return {pid for pid, text in corpus.items() if normalise(text) in self.passages} if self.passages else set()


NOTHING = Unseen()


def read_unseen(source: object) -> Unseen:
    """Read the test split of what a command reads; `NOTHING` where it has none.

    Raises:
        DataError: it is malformed.
    """
    if (found := read_test_split(source)) is None:
        return NOTHING
    pairs, corpus = found
    passages = (corpus[pid] for pid in pairs.passage_ids())
    return Unseen(frozenset(map(normalise, pairs.queries.values())), frozenset(map(normalise, passages)))
