"""One domain's dev data for choosing weights: bounded, seeded, told; and what vectors of its texts score."""

from dataclasses import dataclass

import numpy as np

from ...data.retrieval import Corpus, Pairs, draw_passages, draw_queries
from ...encoder import Vectors
from ...errors import DataError
from ...metrics import ndcg_at_10

MAX_QUERIES = 200
MAX_DISTRACTORS = 500
LOSS_TEMPERATURE = 0.05  # LM-Cocktail's, for the loss of embedders


@dataclass(frozen=True, slots=True)
class SearchTask:
    """Dev queries of one domain, and the passages that they are searched among.

    `queries` and `passages` are id -> text, `relevant` is query id -> passage id -> grade (1 or more).
    """

    name: str
    queries: dict[str, str]
    passages: dict[str, str]
    relevant: dict[str, dict[str, int]]

    def __post_init__(self) -> None:
        if not self.queries or not self.passages:
            raise DataError(
                f"{self.name} holds {len(self.queries)} dev queries and {len(self.passages)} passages; at least one of each is needed"
            )
        for qid in self.queries:
            if not any(pid in self.passages for pid in self.relevant.get(qid, {})):
                raise DataError(f"{self.name}: query {qid!r} is answered by none of the passages")

    def describe(self) -> str:
        """Say how large the set is."""
        return f"{self.name}: {len(self.queries)} dev queries over {len(self.passages)} passages"

    def ndcg(self, queries: Vectors, passages: Vectors) -> float:
        """Return the mean nDCG@10.

        Args:
            queries: (queries, d), length 1, in the order of `queries`.
            passages: (passages, d), length 1, in the order of `passages`.
        """
        by_query = ndcg_at_10(queries, passages, list(self.queries), list(self.passages), self.relevant)
        return float(np.mean(list(by_query.values())))

    def loss(self, queries: Vectors, passages: Vectors) -> float:
        """Return the mean contrastive loss: -log of the softmax over cosines at the best-graded positive.

        Args:
            queries: (queries, d), length 1, in the order of `queries`.
            passages: (passages, d), length 1, in the order of `passages`.

        Source: https://arxiv.org/abs/2311.13534, whose code holds a positive against seven drawn negatives and those of its batch; here it
        is held against every passage of the dev set that does not answer the query.
        """
        logits = queries.astype(np.float64) @ passages.astype(np.float64).T / LOSS_TEMPERATURE  # (queries, passages)
        columns = {pid: column for column, pid in enumerate(self.passages)}
        losses = []
        for row, qid in enumerate(self.queries):
            graded = {columns[pid]: grade for pid, grade in self.relevant[qid].items() if pid in columns}
            target = max(graded, key=lambda column: graded[column])
            values = np.delete(logits[row], [column for column in graded if column != target])
            losses.append(np.logaddexp.reduce(values) - logits[row, target])
        return float(np.mean(losses))


def draw_task(
    name: str, corpus: Corpus, pairs: Pairs, *, seed: int, max_queries: int = MAX_QUERIES, max_distractors: int = MAX_DISTRACTORS
) -> SearchTask:
    """Draw a domain's dev set: some of its dev queries, their positives, and some of the corpus's other passages.

    Args:
        name: The domain's name.
        corpus: Where passages are drawn from.
        pairs: The dev split; never the test split.
        seed: Of both draws.
        max_queries: At most so many queries.
        max_distractors: At most so many passages beside the positives.

    Raises:
        DataError: there is no query or no passage.
    """
    drawn = draw_queries(pairs, max_queries, seed)
    return SearchTask(name, drawn.queries, draw_passages(drawn, corpus, max_distractors, seed), drawn.positives)
