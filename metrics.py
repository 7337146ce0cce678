"""Dev scores, a thin cover over pytrec-eval, which mteb uses too (equal to mteb's by a test); and how scores spread over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytrec_eval
from numpy.typing import NDArray

_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric at a cut-off; its text is its one spelling (`nDCG@10`)."""

    name: str
    cutoff: int

    def __str__(self) -> str:
        return f"{self.name}@{self.cutoff}"


NDCG_10 = Metric("nDCG", 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How scores of runs that differ in their seed scatter. `deviation` is the sample's standard deviation."""

    mean: float
    deviation: float
    least: float
    greatest: float


def spread_of(scores: Sequence[float]) -> Spread:
    """Return mean and spread of two scores or more."""
    deviation = float(np.std(scores, ddof=1))
    return Spread(mean=float(np.mean(scores)), deviation=deviation, least=min(scores), greatest=max(scores))


def ndcg_at_10(
    query_vectors: NDArray[np.float32],
    passage_vectors: NDArray[np.float32],
    query_ids: list[str],
    passage_ids: list[str],
    relevant: dict[str, dict[str, int]],
) -> dict[str, float]:
    """Return each query's nDCG@10 by cosine over all passages.

    Args:
        query_vectors: (queries, d), length 1.
        passage_vectors: (passages, d), length 1.
        query_ids: The rows' names.
        passage_ids: The rows' names.
        relevant: Query id -> passage id -> grade.
    """
    depth = min(100, len(passage_ids))
    run: dict[str, dict[str, float]] = {}
    for start in range(0, len(query_ids), _BLOCK):
        cosines = query_vectors[start : start + _BLOCK] @ passage_vectors.T  # (block, passages)
        best = np.argpartition(-cosines, depth - 1, axis=1)[:, :depth]
        for row, columns in enumerate(best):
            run[query_ids[start + row]] = {passage_ids[column]: float(cosines[row, column]) for column in columns}
    evaluator = pytrec_eval.RelevanceEvaluator({qid: relevant[qid] for qid in query_ids}, {"ndcg_cut.10"})
    return {qid: measures["ndcg_cut_10"] for qid, measures in evaluator.evaluate(run).items()}
