"""Candidates by BM25 over words: Chinese is segmented, and the terms of a glossary stay whole.

Source: BM25 as Lucene computes it, by bm25s (https://arxiv.org/abs/2407.03618); the words are our own, for its tokenizer takes a Chinese
sentence for one word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...data.words import Terms, terms_of, words
from ...events import Events
from ...index.approximate import NONE
from ...index.hidden import Hidden
from .candidates import Candidates, Rows, Scores
from .settings import BM25

if TYPE_CHECKING:
    import bm25s


@dataclass(frozen=True, slots=True)
class SparseRetriever:
    """Queries as words, and an index of a corpus's words.

    Attributes:
        queries: The words of each query that the corpus has, as numbers.
        index: The corpus.
        passages: How many there are.
    """

    queries: Sequence[list[int]]
    index: bm25s.BM25
    passages: int
    name: str = BM25
    scale: str = "BM25 score"
    is_slow: bool = False

    def retrieve(self, count: int, hidden: Hidden, events: Events) -> Candidates:
        """See `Retriever`. A passage that has no word of a query is none of its candidates."""
        count = min(count, self.passages)
        rows, scores = np.full((len(self.queries), count), NONE, np.int64), np.full((len(self.queries), count), -np.inf, np.float32)
        owners, excluded = hidden.excluded.numpy()
        order = np.argsort(owners, kind="stable")
        starts = np.searchsorted(owners[order], np.arange(len(self.queries) + 1))
        for query in range(len(self.queries)):
            found = self._scores_of(query)
            found[excluded[order[starts[query] : starts[query + 1]]]] = 0
            found[hidden.copies.numpy()] = 0
            best = _best(found, count)
            rows[query, : len(best)], scores[query, : len(best)] = best, found[best]
            events.progress("comparing by BM25", query + 1, len(self.queries), "queries")
        return Candidates(rows, scores)

    def judge(self, queries: Rows, rows: Rows, events: Events) -> Scores:  # noqa: ARG002 (it is quick)
        """Return the scores of pairs."""
        scores = np.empty(len(rows), np.float32)
        order = np.argsort(queries, kind="stable")
        for pairs in np.split(order, np.flatnonzero(np.diff(queries[order])) + 1):
            if len(pairs):
                scores[pairs] = self._scores_of(int(queries[pairs[0]]))[rows[pairs]]
        return scores

    def _scores_of(self, query: int) -> Scores:
        if not self.queries[query]:
            return np.zeros(self.passages, np.float32)
        found: Scores = self.index.get_scores_from_ids(self.queries[query]).astype(np.float32)
        return found


def index_words(queries: Iterable[str], passages: Iterable[str], terms: Iterable[str], events: Events) -> SparseRetriever:
    """Index the words of passages, and return what searches them for some queries."""
    import bm25s

    events.stage("indexing words")
    ready, vocabulary = terms_of(unicodedata.normalize("NFKC", term) for term in terms), dict[str, int]()
    texts = [[vocabulary.setdefault(word, len(vocabulary)) for word in plain_words(text, ready)] for text in passages]
    index = bm25s.BM25()
    if vocabulary:  # of passages without a word there is nothing to index, and no query has one of their words
        index.index((texts, vocabulary), show_progress=False)
    known = [[vocabulary[word] for word in plain_words(text, ready) if word in vocabulary] for text in queries]
    return SparseRetriever(known, index, len(texts))


def plain_words(text: str, terms: Terms) -> list[str]:
    """Return the words of a text without differences of case and width."""
    return [word.casefold() for word in words(unicodedata.normalize("NFKC", text), terms)]


def _best(scores: Scores, count: int) -> Rows:
    """Return the rows with the largest scores above 0, the largest first; of equal ones, the first."""
    above = np.flatnonzero(scores > 0)
    if len(above) > count:
        least = np.partition(scores[above], len(above) - count)[len(above) - count]
        above = above[scores[above] >= least]
    best: Rows = above[np.lexsort((above, -scores[above]))][:count]
    return best
