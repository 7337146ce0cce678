"""How hard a base finds data: at which rank the best answer of each query stands in the whole corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.pairs import Corpus, Pairs
from ..report import EXAMPLES, examples_of

DEPTHS = (1, 10, 100)
MIDDLE = 10
"""The depth whose share is given for each cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """What a base finds of a split's answers.

    Attributes:
        queries: How many were asked.
        of: Of how many: more were there than are asked.
        recall: Depth -> the share of the queries that have an answer among the first so many passages.
        hardest: The queries with the worst ranks: the query, its best answer's rank, and an answer.
    """

    queries: int
    of: int
    recall: dict[int, float]
    hardest: tuple[tuple[str, int, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        hardest = [{"query": query, "rank": rank, "answer": answer} for query, rank, answer in self.hardest]
        return {
            "queries": self.queries,
            "of": self.of,
            "recall": {str(depth): share for depth, share in self.recall.items()},
            "hardest": hardest,
        }


def describe_ranks(ranks: NDArray[np.int64], query_ids: Sequence[str], pairs: Pairs, corpus: Corpus, of: int) -> Difficulty:
    """Describe the ranks of queries' best answers, (q,), at least one; `of`: how many queries there are in all."""
    worst = np.argsort(-ranks, kind="stable")[:EXAMPLES]
    return Difficulty(
        queries=len(ranks),
        of=of,
        recall={depth: float((ranks <= depth).mean()) for depth in DEPTHS},
        hardest=tuple(_shown(query_ids[row], int(ranks[row]), pairs, corpus) for row in worst if ranks[row] > 1),
    )


def _shown(qid: str, rank: int, pairs: Pairs, corpus: Corpus) -> tuple[str, int, str]:
    (query,), (answer,) = examples_of([pairs.queries[qid]]), examples_of([corpus[next(iter(pairs.positives[qid]))]])
    return query, rank, answer
