"""The set that dev scores are measured on, the same in training and in the search for merge weights: one adapter has one number."""

from dataclasses import dataclass

import numpy as np

from ..choices import MAX_TOKENS as MAX_TOKENS
from ..choices import Role
from ..encoders.protocol import Encodes, Vectors
from ..metrics import NDCG_10, Metric
from ..plurals import count
from .pairs import Corpus, Pairs, draw_passages

MAX_DISTRACTORS = 2000
DEV_SEED = 0
"""Of everything that is drawn for dev scores, whatever the seed of a run: scores of several seeds are of one set."""


@dataclass(frozen=True, slots=True)
class DevSet:
    """The dev queries, and the passages they are searched among: their positives and at most 2,000 others.

    `queries` and `passages` are id -> text, `relevant` is query id -> passage id -> grade (1 or more), `metric` is what is measured.
    """

    queries: dict[str, str]
    passages: dict[str, str]
    relevant: dict[str, dict[str, int]]
    metric: Metric = NDCG_10

    def describe(self, corpus_size: int | None = None) -> str:
        """Describe how large the set is, and how much of the corpus it covers, where its size is given."""
        if corpus_size is None:
            return f"{count(len(self.queries), 'query')} over {count(len(self.passages), 'passage')}"
        return f"dev: {count(len(self.queries), 'query')} over {len(self.passages)} of {count(corpus_size, 'passage')} (the dev positives and at most {MAX_DISTRACTORS} others)"

    def texts(self) -> dict[Role, list[str]]:
        """Return the texts of each role."""
        return {"query": [*self.queries.values()], "document": [*self.passages.values()]}

    def score(self, encoder: Encodes) -> float:
        """Return the mean score over the queries."""
        return self.score_vectors(
            encode_distinct(encoder, list(self.queries.values()), "query"),
            encode_distinct(encoder, list(self.passages.values()), "document"),
        )

    def score_queries(self, encoder: Encodes, passages: Vectors) -> float:
        """Return the mean score over the queries as an encoder embeds them, with given vectors of the passages, as in `score_vectors`."""
        return self.score_vectors(encode_distinct(encoder, list(self.queries.values()), "query"), passages)

    def score_vectors(self, queries: Vectors, passages: Vectors) -> float:
        """Return the mean score of vectors.

        Args:
            queries: (queries, d), length 1, in the order of `queries`.
            passages: (passages, d), length 1, in the order of `passages`.
        """
        by_query = self.metric.by_query(queries, passages, list(self.queries), list(self.passages), self.relevant)
        return float(np.mean(list(by_query.values())))


def draw_dev_set(pairs: Pairs, corpus: Corpus, metric: Metric = NDCG_10) -> DevSet:
    """Return the dev set of a dev split: its queries that have a positive, the positives, and some of the corpus's other passages.

    Where queries have classes, all that is of a query's class answers it, and there are no other passages, whose class is not known.
    """
    queries = {qid: text for qid, text in pairs.queries.items() if pairs.positives[qid]}
    if not pairs.labels:
        relevant = {qid: passages for qid, passages in pairs.positives.items() if passages}
        return DevSet(queries, draw_passages(pairs, corpus, MAX_DISTRACTORS, DEV_SEED), relevant, metric)
    labels = pairs.labels_of_passages()
    relevant = {qid: pairs.positives[qid] | _of_class(qid, pairs, labels, corpus) for qid in queries}
    return DevSet(queries, draw_passages(pairs, corpus, 0, DEV_SEED), relevant, metric)


def _of_class(qid: str, pairs: Pairs, labels: dict[str, str], corpus: Corpus) -> dict[str, int]:
    """Return the passages of a query's class, without its own text."""
    if qid not in pairs.labels:
        return {}
    return {pid: 1 for pid, label in labels.items() if label == pairs.labels[qid] and corpus[pid] != pairs.queries[qid]}


def encode_distinct(encoder: Encodes, texts: list[str], role: Role) -> Vectors:
    """Encode texts, each once, so that batches, and with them the last digits, are those of whoever keeps vectors by text."""
    rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
    return encoder.encode(list(rows), role).vectors[[rows[text] for text in texts]]
